"""An edited baseline is distinguished from changed metric code by measuring the stored arrays again."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import pytest

from harness.core.baselines.baseline import encode_baseline, read_baseline
from harness.core.baselines.calibrate import calibrated_baseline
from harness.core.baselines.perturbations import Perturbation, Sample
from harness.core.fixtures.fixture import write_fixture
from harness.core.fixtures.manifest import Generator
from harness.core.provenance.audit import audit
from harness.core.provenance.evidence import gather
from harness.core.provenance.finding import Rank
from harness.core.provenance.remeasure import remeasure
from harness.core.recording.staged import Staged
from harness.core.registry.format import Registry, encode_registry
from harness.core.registry.history import append, read_history, record_digest
from harness.core.registry.registry import describe_file, history_path, read_registry
from harness.core.storage.npz import read_archive, write_archive

MEASURE = '''
import numpy as np

def distance(fixture, kept):
    """How far the result is from the image."""
    return {"mae": float(np.abs(kept["object"] - fixture["image"]).mean()), "steps": 3.0}
'''
DECLARED = '[tool.harness]\nmeasures = ["measuring:distance"]\n'
BASELINE, RESULT = "golden/lattice.smooth.json", "golden/lattice.smooth.npz"


@pytest.fixture
def code(empty, monkeypatch):
    """A module of the project that measures, declared in pyproject.toml."""
    path = empty.root / "measuring.py"
    path.write_text(MEASURE)
    (empty.root / "pyproject.toml").write_text(DECLARED)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # an edit within a second would not be seen
    return path


@pytest.fixture
def project(empty, record, made, tmp_path, code):
    """A repository with a fixture, a baseline and the arrays that it was measured on."""
    fixture = made()
    kept = {"object": fixture.arrays["image"] + np.float32(0.25)}
    metrics = {"mae": 0.25, "steps": 3.0}
    samples = [Sample(Perturbation(1), metrics, {})] * 2
    baseline = calibrated_baseline(
        samples, better={}, resolution={"steps": 1.0}, measure="measuring:distance"
    )
    folder = tmp_path / "made"
    archive, manifest = write_fixture(fixture, folder)
    (folder / "baseline.json").write_bytes(encode_baseline(baseline))
    write_archive(folder / "result.npz", kept)
    record(
        [
            Staged("golden/lattice.npz", "fixture", archive),
            Staged("golden/lattice.json", "manifest", manifest),
            Staged(BASELINE, "baseline", folder / "baseline.json"),
            Staged(RESULT, "result", folder / "result.npz"),
        ]
    )
    return empty


def findings(project, *rules: str) -> list[tuple[str, str, str]]:
    found = audit(gather(project, measure_again=True))
    return [(f.rank.value, f.rule, f.detail) for f in found if f.rule in (rules or {f.rule})]


def register(project, path: str) -> None:
    """Register a file as it is, as a forger would: digests and a record of the same bytes."""
    entries, history = dict(read_registry(project.registry).entries), read_history(project)
    entry = describe_file(project.locate(path), entries[path].kind)
    record = msgspec.structs.replace(history.records[entries[path].record], sha256=entry.sha256)
    entries[path] = entry._replace(record=record_digest(record))
    file = history_path(project)
    file.write_bytes(append(file.read_bytes(), [record]))
    project.registry.write_bytes(encode_registry(Registry(entries)))


def edit(project, value: float) -> None:
    path = project.locate(BASELINE)
    baseline = read_baseline(path)
    metrics = baseline.metrics | {"mae": msgspec.structs.replace(baseline.metrics["mae"], value=value)}
    path.write_bytes(encode_baseline(msgspec.structs.replace(baseline, metrics=metrics)))
    register(project, BASELINE)


def test_a_baseline_that_matches_its_arrays_has_no_finding(project):
    assert findings(project, "edited", "metric code", "metrics") == []
    found = remeasure(read_baseline(project.locate(BASELINE)), project.locate(BASELINE), project.root)
    assert (dict(found.differing), found.obstacle) == ({}, "")


def test_an_edited_baseline_is_broken(project):
    """Even if its registry entry and its record were edited to match."""
    edit(project, 0.2)
    assert findings(project, "edited", "metric code") == [
        (Rank.BROKEN.value, "edited", "mae: the stored arrays give 0.25, the baseline has 0.2")
    ]


def test_exchanged_arrays_are_broken(project):
    arrays = read_archive(project.locate(RESULT))
    write_archive(project.locate(RESULT), {"object": arrays["object"] * 2})
    register(project, RESULT)
    ((rank, rule, _),) = findings(project, "edited", "metric code")
    assert (rank, rule) == (Rank.BROKEN.value, "edited")


def test_changed_metric_code_is_weak_and_named_as_the_cause(project, code):
    code.write_text(MEASURE.replace(".mean()", ".max() + 1"))
    ((rank, rule, detail),) = findings(project, "edited", "metric code")
    assert (rank, rule) == (Rank.WEAK.value, "metric code")
    assert "the code that measures has changed" in detail


def test_changed_code_with_the_same_result_has_no_finding(project, code):
    code.write_text(f"# faster\n{MEASURE}")
    assert findings(project, "edited", "metric code") == []


def test_a_change_within_the_resolution_of_a_metric_is_not_an_edit(project, code):
    code.write_text(MEASURE.replace("3.0", "4.0"))
    assert findings(project, "edited", "metric code") == []


@pytest.mark.parametrize("missing", [RESULT, "measuring.py"])
def test_what_cannot_be_measured_again_is_informational(project, missing):
    (project.root / missing).unlink()
    ((rank, rule, _),) = findings(project, "edited", "metric code", "metrics")
    assert (rank, rule) == (Rank.INFORMATIONAL.value, "metrics")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("raise ValueError('no light')", "ValueError: no light"),
        ("return [1.0]", "expected a mapping of names to numbers"),
        ("import os; os._exit(3)", "the process ended with exit code 3"),
        ("raise SystemExit('stop')", "stop"),
    ],
)
def test_a_function_that_fails_is_informational(project, code, body, detail):
    """Whatever it does, it does it to its own process."""
    code.write_text(f"def distance(fixture, kept):\n    {body}\n")
    ((rank, rule, found),) = findings(project, "edited", "metric code", "metrics")
    assert (rank, rule) == (Rank.INFORMATIONAL.value, "metrics")
    assert detail in found


def test_a_baseline_without_arrays_is_not_measured_again(project):
    path = project.locate(BASELINE)
    assert remeasure(msgspec.structs.replace(read_baseline(path), measure=None), path, project.root) is None


TRAP = """
from pathlib import Path
Path(__file__).with_name("trapped").touch()

def distance(fixture, kept):
    return {"mae": 0.25, "steps": 3.0}
"""


def name_measure(project, reference: str) -> None:
    path = project.locate(BASELINE)
    path.write_bytes(encode_baseline(msgspec.structs.replace(read_baseline(path), measure=reference)))
    register(project, BASELINE)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("reference", ["trap:distance", "trap.inner:distance", "os:system", "shutil:rmtree"])
def test_a_function_that_nobody_declared_is_neither_imported_nor_called(project, code, reference, again):
    """Not even the package around it is imported, to find its source files for the digest of the code."""
    package = project.root / "trap"
    package.mkdir()
    (package / "__init__.py").write_text(TRAP)
    (package / "inner.py").write_text(TRAP)
    name_measure(project, reference)
    before = set(sys.modules)
    found = [finding for finding in audit(gather(project, measure_again=again)) if finding.rule == "metrics"]
    assert not list(package.rglob("trapped"))
    assert not {name for name in set(sys.modules) - before if name.partition(".")[0] == "trap"}
    assert len(found) == again
    assert all("was not called" in f.detail and "[tool.harness] measures" in f.remedy for f in found)


def test_an_audit_does_not_measure_again_unless_asked_to(project, code):
    """The declared function, too, is called only then; and nothing is said about its code."""
    code.write_text(TRAP.replace("0.25", "0.75"))
    rules = {finding.rule for finding in audit(gather(project))}
    assert not rules & {"metrics", "edited", "metric code"}
    assert not (project.root / "trapped").exists()
    assert findings(project, "metric code") != []
    assert (project.root / "trapped").exists()


def test_a_manifest_cannot_make_the_audit_import_anything(empty, record, staged):
    """Neither its generator nor the packages around it."""
    package = empty.root / "trap"
    package.mkdir()
    (package / "__init__.py").write_text(TRAP)
    (package / "inner.py").write_text(TRAP)
    record(staged(generator=Generator("trap.inner:distance", 1)))
    for again in (False, True):
        audit(gather(empty, measure_again=again))
    assert not list(package.rglob("trapped"))


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("edited", [BASELINE, RESULT])
def test_typing_the_remedy_for_an_edit_restores_what_was_measured(project, edited, committed):
    """The edit has a record of its own, so that nothing else is broken."""

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(project.root), *identity, *arguments]
        subprocess.run(command, check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "Record")
    if edited == BASELINE:
        edit(project, 0.2)
    else:
        arrays = read_archive(project.locate(RESULT))
        write_archive(project.locate(RESULT), {"object": arrays["object"] * 2})
        register(project, RESULT)
    if committed:
        git("add", "-A")
        git("commit", "-qm", "Tidy up")
    (finding,) = [f for f in audit(gather(project, measure_again=True)) if f.rule == "edited"]
    command = finding.remedy.split("`")[1]
    assert command.endswith(f"-- registry.json {BASELINE} {RESULT}")
    subprocess.run(command, shell=True, check=True, cwd=project.root)  # noqa: S602 - our own words
    assert not [f for f in audit(gather(project, measure_again=True)) if f.rank is Rank.BROKEN]


def test_without_an_earlier_commit_an_edited_baseline_is_measured_again(project):
    edit(project, 0.2)
    (finding,) = [f for f in audit(gather(project, measure_again=True)) if f.rule == "edited"]
    assert finding.remedy == (
        'Restore it from a copy, or measure again with `harness calibrate --reason "..."`.'
    )


@pytest.mark.parametrize("wrong", ["raise ValueError('no')", "import nowhere", ""])
def test_a_measure_that_fails_leaves_the_audit_unable_to_tell(project, code, run_harness, wrong):
    """Exit status 2, because what was asked for was not measured."""
    arguments = ("audit", "lattice", "--remeasure")
    assert run_harness(*arguments, cwd=project.root).code == 0
    code.write_text(f"def distance(fixture, kept):\n    {wrong}\n" if wrong else "")
    shown = run_harness(*arguments, cwd=project.root)
    assert shown.code == 2, shown.out
    assert "not measured again" in shown.out
    assert run_harness("audit", "lattice", cwd=project.root).code == 0
