"""Shared by all tests: the command line as a user types it."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness.core.system.ci import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.core.recording.staged import Staged
    from harness.core.storage.project import Project


@dataclass(frozen=True, slots=True)
class Command:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def run_harness():
    """Run ``harness ARGUMENTS`` in a process of its own, in a directory."""

    def run(
        *arguments: object, cwd: Path, env: dict[str, str] | None = None, safe_path: bool = False
    ) -> Command:
        # With -c, Python imports from the current directory too; the console script does not.
        program = "import sys; del sys.path[0]; " if safe_path else ""
        program += "from harness.cli import main; main()"
        call = [sys.executable, "-c", program, *map(str, arguments)]
        done = subprocess.run(call, cwd=cwd, env=env, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return Command(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def harness(tmp_path, run_harness):
    """Run ``harness ARGUMENTS`` in the test's own directory."""
    return functools.partial(run_harness, cwd=tmp_path)


@pytest.fixture(autouse=True, scope="session")
def not_ci():
    """Tests record golden files of their own, which CI would refuse."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in VARIABLES:
            patch.delenv(variable, raising=False)
        yield


# A project with a fixture, a baseline and tolerances, recorded twice, and a session in which they drifted.


@pytest.fixture(scope="session")
def drifted_template(tmp_path_factory):
    """The project as a plain directory, without git and tests; nothing in it is run."""
    from harness.core.storage.project import Project

    project = Project(tmp_path_factory.mktemp("drifted"))
    (project.root / "pyproject.toml").write_text('[tool.pytest.ini_options]\ngolden_max_drift = "3"\n')
    _record(project, 1.0, reason="first light")
    _record(project, 1.0 + 5e-8, reason="another <b>compiler</b>")
    _obtain(project)
    return project.root


@pytest.fixture
def drifted(drifted_template, tmp_path):
    """A copy of that project, the test's own."""
    from harness.core.storage.project import Project

    return Project(shutil.copytree(drifted_template, tmp_path / "drifted"))


def _waves(factor: float) -> dict[str, object]:
    """Arrays of every kind that a page shows in its own way."""
    import numpy as np

    line = np.linspace(0, 12, 200)
    plane = np.outer(np.sin(line[:32]), np.cos(line[:40]))
    return {
        "curve": np.sin(line) * factor,
        "image": (plane * factor).astype("f4"),
        "stack": np.stack([plane[:16, :16] * (layer + 1) for layer in range(5)]) * factor,
        "field": np.exp(1j * plane) * factor,
        "labels": np.array(["alpha", "<script>alert(1)</script>"]),
        "count": np.array(64),
    }


def _record(project: Project, factor: float, *, reason: str) -> None:
    from harness.core.baselines.baseline import encode_baseline
    from harness.core.fixtures.fixture import make_fixture, write_fixture
    from harness.core.fixtures.manifest import Generator, Source
    from harness.core.recording.commit import commit
    from harness.core.recording.plan import plan
    from harness.core.recording.staged import Staged

    folder = project.root / "staged"
    call, source = Generator("waves:waves", 1), Source("simulated", "xxh128:0")
    archive, manifest = write_fixture(
        make_fixture("optics/waves", _waves(factor), generator=call, source=source), folder
    )
    baseline = folder / "optics" / "waves.smooth.json"
    baseline.write_bytes(encode_baseline(_baseline(0.5 * factor)))
    tolerances = folder / "optics" / "waves.tolerances.json"
    tolerances.write_bytes(_tolerances(manifest))
    kinds = {archive: "fixture", manifest: "manifest", baseline: "baseline", tolerances: "tolerances"}
    staged: Sequence[Staged] = [
        Staged(f"golden/{path.relative_to(folder).as_posix()}", kind, path) for path, kind in kinds.items()
    ]
    commit(project, plan(project, staged), reason=reason, command="pytest --force-regen")
    shutil.rmtree(folder)


def _baseline(value: float) -> object:
    from harness.core.baselines.baseline import Baseline, Certificate, Control, Metric

    certificate = Certificate("a rule", 4, ({"threads": "1"},), {"platform": "Linux x86_64"}, "2026-01-31")
    samples = tuple(value + step * 1e-4 for step in range(4))
    metric = Metric(value, 1e-3, samples, spread=1e-4, better="higher", seeds=(value + 2e-3,))
    return Baseline(1, {"ssim": metric}, {"flat": {"ssim": Control(0.1, 0.2)}}, certificate)


def _tolerances(manifest: Path) -> bytes:
    from harness.core.baselines.array_tolerances import encode_tolerances, merged, row_of
    from harness.core.baselines.platforms import platform_of
    from harness.core.baselines.samples import Deviation, Spread
    from harness.core.fixtures.manifest import read_manifest

    run = {"curve": Deviation("float64", (200,), 1.0, Spread(3, 1e-9, 1e-9, 4, (5,), 1e-9))}
    run["stack"] = Deviation("float64", (5, 16, 16), 5.0, Spread(9, 1.0, None, 4, (0, 0, 0), 0.5))
    rows = [
        row_of(platform_of({"platform": f"Linux {machine}", "cpu": machine}), ({"threads": "1"},), [run] * 4)
        for machine in ("x86_64", "aarch64")
    ]
    return encode_tolerances(merged(read_manifest(manifest).digest, run, rows))


def _obtain(project: Project) -> None:
    """Write what a session leaves whose checks have failed."""
    import numpy as np

    from harness.core.baselines.baseline import encode_baseline
    from harness.core.obtained.obtained_files import claim
    from harness.core.obtained.results import ArrayResult, CheckResult, SessionResults, write_results
    from harness.core.registry.registry import read_registry
    from harness.core.storage.digest import sha256_file
    from harness.core.storage.npz import write_archive
    from harness.core.verdict import Outcome

    folder = claim(project, "a session") / "optics"
    folder.mkdir()
    found = _waves(1.0 + 5e-8)
    for name in ("curve", "image", "stack", "field"):
        found[name] = np.array(found[name])
        found[name].flat[7] += 0.25
    write_archive(folder / "waves.npz", found)
    (folder / "waves.smooth.json").write_bytes(encode_baseline(_baseline(0.7)))
    entries = read_registry(project.registry).entries
    arrays = tuple(
        ArrayResult(
            name, Outcome.DRIFTED, atol=1e-8, rtol=1e-7, share=25.0, max_absolute=0.25, worst=(7,),
            drifted=1, size=200, text=f"{name}: 1 element differs",
        )
        for name in ("curve", "image", "stack", "field")
    )  # fmt: skip
    ssim = ArrayResult("ssim", Outcome.DRIFTED, atol=1e-3, share=200.0, max_absolute=0.2, text="ssim: off")
    checks = tuple(
        CheckResult(
            f"tests/test_waves.py::test_{kind}", stem, kind, Outcome.DRIFTED, "drifted", results,
            golden={f"{stem}{suffix}": entries[f"golden/{stem}{suffix}"].sha256},
            files={f"{stem}{suffix}": sha256_file(folder.parent / f"{stem}{suffix}")},
            seconds=0.25,
        )
        for stem, kind, suffix, results in (
            ("optics/waves", "fixture", ".npz", arrays),
            ("optics/waves.smooth", "baseline", ".json", (ssim,)),
        )
    )  # fmt: skip
    environment = {"numpy": "0.0.1", "platform": "Plan9 mips"}
    write_results(
        project,
        SessionResults(
            at="2026-11-30T12:00:00Z", seconds=1.5, environment=environment,
            environment_digest=f"sha256:{'0' * 64}", checks=checks,
        ),
    )  # fmt: skip
