"""An edited baseline is distinguished from changed metric code by measuring the stored arrays again."""

from __future__ import annotations

import sys

import msgspec
import numpy as np
import pytest

from harness.core.baselines.baseline import encode_baseline, read_baseline
from harness.core.baselines.calibrate import calibrated_baseline
from harness.core.baselines.perturbations import Perturbation, Sample
from harness.core.fixtures.fixture import write_fixture
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
BASELINE, RESULT = "golden/lattice.smooth.json", "golden/lattice.smooth.npz"


@pytest.fixture
def code(empty, monkeypatch):
    """A module of the project that measures; after a change it must be imported again."""
    path = empty.root / "measuring.py"
    path.write_text(MEASURE)
    monkeypatch.syspath_prepend(empty.root)
    yield path
    forget()


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


def forget() -> None:
    sys.modules.pop("measuring", None)


def findings(project, *rules: str) -> list[tuple[str, str, str]]:
    found = audit(gather(project))
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
    forget()
    ((rank, rule, detail),) = findings(project, "edited", "metric code")
    assert (rank, rule) == (Rank.WEAK.value, "metric code")
    assert "the code that measures has changed" in detail


def test_changed_code_with_the_same_result_has_no_finding(project, code):
    code.write_text(f"# faster\n{MEASURE}")
    forget()
    assert findings(project, "edited", "metric code") == []


def test_a_change_within_the_resolution_of_a_metric_is_not_an_edit(project, code):
    code.write_text(MEASURE.replace("3.0", "4.0"))
    forget()
    assert findings(project, "edited", "metric code") == []


@pytest.mark.parametrize("missing", [RESULT, "measuring.py"])
def test_what_cannot_be_measured_again_is_informational(project, missing):
    (project.root / missing).unlink()
    forget()
    ((rank, rule, _),) = findings(project, "edited", "metric code", "metrics")
    assert (rank, rule) == (Rank.INFORMATIONAL.value, "metrics")


def test_a_baseline_without_arrays_is_not_measured_again(project):
    path = project.locate(BASELINE)
    assert remeasure(msgspec.structs.replace(read_baseline(path), measure=None), path, project.root) is None
