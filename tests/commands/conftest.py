"""Projects of other fields that tests of the verbs share, each recorded as a user would record it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.core.storage.npz import write_archive
from harness.core.system.ci import VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

# A project with a generator, a pipeline and a check of its own, which no git knows.

PROJECT = """
[tool.harness.generators]
waves = "waves:waves"
scanned = "waves:scanned"

[tool.harness.pipelines]
smooth = "waves:smooth"
kept = "waves:kept"

[tool.harness.checks]
finite = "waves:finite"
"""

MODULE = """
from __future__ import annotations
import os
from pathlib import Path
from typing import Literal
import numpy as np
from harness import CheckReport, Finding, Fixture, Generator, PipelineResult, Source, Stage, make_fixture

def waves(*, count: int = 8, frequency: float | None = 0.5) -> Fixture:
    t = np.arange(count * 16.0).reshape(count, 16)
    arrays = {"wave": np.sin((frequency or 0) * t), "time": t}
    call = Generator("waves:waves", 1, {"count": count, "frequency": frequency})
    return make_fixture("waves", arrays, generator=call, source=Source("simulated", "xxh128:0"))

def scanned(*, source: Path, unit: Literal["counts", "photons"] | None = None) -> Fixture:
    values = np.frombuffer(Path(source).read_bytes(), "u1") * (2.0 if unit == "photons" else 1.0)
    call = Generator("waves:scanned", 1, {"unit": unit})
    return make_fixture("scanned", {"scan": values}, generator=call, source=Source("scan.bin", "xxh128:0"))

def smooth(fixture, output, *, seed=0, threads=None, progress=None):
    wave = np.load(fixture)["wave"]
    bias = float(os.environ.get("BIAS", "0")) + (threads or 1) * 1e-9
    metrics = {"roughness": float(np.abs(np.diff(wave)).mean()) + bias}
    output.mkdir(parents=True, exist_ok=True)
    (output / "smooth.txt").write_text("done")
    return PipelineResult("smooth", metrics, {"flat": {"roughness": 0.0}}, (Stage("smooth", 0.1, 10.0),),
                          {"smooth": output / "smooth.txt"}, {"roughness": "higher"})

def kept(fixture, output, *, seed=0, threads=None, progress=None):
    output.mkdir(parents=True, exist_ok=True)
    np.savez(output / "mean.npz", mean=np.load(fixture)["wave"].mean(axis=0))
    with np.load(output / "mean.npz") as measured:
        metrics = average({}, measured)
    return PipelineResult("kept", metrics, {}, (), {}, measured=output / "mean.npz", measure="waves:average")

def average(fixture, measured):
    return {"average": float(measured["mean"].mean())}

def finite(arrays):
    findings = tuple(Finding("finite", k, "finite values", "NaN", "Fix it.") for k, v in arrays.items()
                     if not np.isfinite(v).all())
    return CheckReport("finite", findings, {"arrays": float(len(arrays))}, ("a note",))
"""


@pytest.fixture(scope="session")
def project_template(tmp_path_factory, run_harness):
    """The project with a golden fixture and a measured baseline, made with the command line alone."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "waves.py").write_text(MODULE)
    for line in (
        "generate waves --output golden",
        "add golden/waves.npz golden/waves.json --reason first",
        "calibrate smooth --runs 3 --reason first",
    ):
        done = run_harness(*line.split(), cwd=folder)
        assert done.code == 0, done.err
    return folder


@pytest.fixture
def project(project_template, tmp_path):
    """A copy of that project, the test's own and its current directory."""
    return shutil.copytree(project_template, tmp_path, dirs_exist_ok=True)


# A project in git: its own tests recorded one simulated fixture and one from a source file.

TRACED_PROJECT = """
[tool.pytest.ini_options]
golden_unreferenced = "warn"

[tool.harness]
sources = ["scans"]

[tool.harness.generators]
waves = "waves:waves"
"""

TRACED_MODULE = """
from __future__ import annotations
from pathlib import Path
import numpy as np
from harness import Generator, Source, digest_file, make_fixture

def waves(*, count: int = 4, photons: float = 1e6):
    t = np.arange(count * 16.0).reshape(count, 16)
    call = Generator("waves:waves", 1, {"count": count, "photons": photons})
    return make_fixture("waves", {"wave": np.sin(t)}, generator=call, source=Source("simulated", "xxh128:0"))

def scanned(*, source: Path, scale: float = 2.0):
    values = np.frombuffer(source.read_bytes(), "u1") * scale
    return make_fixture("scanned", {"scan": values}, source=Source(source.name, digest_file(source)),
                        generator=Generator("waves:scanned", 1, {"scale": scale}))
"""

TRACED_SUITE = """
from pathlib import Path
from waves import scanned, waves

def test_waves(fixture_regression):
    fixture_regression.check(waves())

def test_scanned(fixture_regression):
    fixture_regression.check(scanned(source=Path(__file__).parent / "scans" / "scan.bin"))
"""


@pytest.fixture(scope="session")
def run_pytest():
    """Run the own tests of a project in *folder*."""

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def traced_template(tmp_path_factory, run_pytest, git_environment):
    folder = tmp_path_factory.mktemp("traced")
    for name, text in {
        "pyproject.toml": TRACED_PROJECT,
        "waves.py": TRACED_MODULE,
        "test_waves.py": TRACED_SUITE,
        ".gitignore": "__pycache__\n.harness\n",
    }.items():
        (folder / name).write_text(text)
    (folder / "scans").mkdir()
    (folder / "scans" / "scan.bin").write_bytes(bytes(range(16)))

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=folder, env=git_environment, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("config", "user.name", "Ada Lovelace")
    git("config", "user.email", "ada@example.org")
    git("add", "-A")
    git("commit", "-qm", "Begin")
    done = run_pytest(folder, "--regen-all", "--golden-reason", "first light")
    assert done.returncode == 0, done.stdout
    git("add", "-A")
    git("commit", "-qm", "Record waves and scan")
    return folder


@pytest.fixture
def traced(traced_template, tmp_path):
    """A copy of that project, the test's own and its current directory."""
    return shutil.copytree(traced_template, tmp_path, dirs_exist_ok=True)


# A repository whose git is configured by ``harness install-git``.

ARRAYS = {
    "image": np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4),
    "phase": np.exp(1j * np.arange(4)),
    "index": np.arange(4),
}


@pytest.fixture(scope="session")
def git_environment():
    """Environment variables of a git that has an author and ignores the user's configuration."""
    person = {f"GIT_{role}_EMAIL": "ada@example.org" for role in ("AUTHOR", "COMMITTER")}
    person |= {f"GIT_{role}_NAME": "Ada Lovelace" for role in ("AUTHOR", "COMMITTER")}
    bare = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return bare | person | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def git(tmp_path, git_environment):
    """Run ``git ARGUMENTS`` in the test's directory; return its output. *code* is its expected exit code."""

    def run(*arguments: str, code: int = 0, cwd=tmp_path) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd, env=git_environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def install(run_harness, git_environment, tmp_path):
    """Run ``harness install-git``."""
    return lambda *arguments, cwd=tmp_path: run_harness(
        "install-git", *arguments, cwd=cwd, env=git_environment
    )


@pytest.fixture
def repository(tmp_path, git, install):
    """A configured repository with one golden archive, committed."""
    git("init", "-q", "-b", "main")
    assert install().code == 0
    (tmp_path / "golden").mkdir()
    write_archive(tmp_path / "golden" / "waves.npz", ARRAYS)
    git("add", ".")
    git("commit", "-qm", "first")
    return SimpleNamespace(root=tmp_path, archive=tmp_path / "golden" / "waves.npz", arrays=ARRAYS)


@pytest.fixture
def in_process(tmp_path, monkeypatch, capsysbinary):
    """Run a verb in this process, which is faster than a new one; return its exit code and its output."""
    from harness.commands.group import commands

    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, bytes]:
        code = commands([str(argument) for argument in arguments], standalone_mode=False)
        return code, capsysbinary.readouterr().out

    return run
