"""Each fault of a repository changes the files it should, and verify reports what it can see."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import HarnessError, RefusedError, UnreadableError
from harness.core.fixtures.fixture import write_fixture
from harness.core.fixtures.manifest import describe_arrays, read_manifest
from harness.core.recording.staged import Staged
from harness.core.registry.history import read_history
from harness.core.registry.registry import read_registry
from harness.core.registry.verify import verify
from harness.core.sensitivity.repository_faults import FAULTS, first_archive
from harness.core.storage.npz import read_archive
from harness.core.verdict import Outcome

BY_ID = {fault.id: fault for fault in FAULTS}


@pytest.fixture
def injected(project, contents):
    """Inject a fault; return the names of the files that it changed, made or removed."""

    def inject(number: str) -> set[str]:
        before = contents(project.root)
        BY_ID[number].inject(project)
        after = contents(project.root)
        names = before.keys() | after.keys()
        return {n for n in names if before.get(n) != after.get(n) and not n.startswith(".harness")}

    return inject


def outcomes(project) -> set[Outcome]:
    return {verdict.outcome for verdict in verify(project)} - {Outcome.SAME}


ARCHIVE, MANIFEST, REGISTRY = "golden/lattice.npz", "golden/lattice.json", "registry.json"
HISTORY = "golden/history.jsonl"

CHANGED = {
    "R01": ({ARCHIVE}, {Outcome.CORRUPT}),
    "R02": ({MANIFEST}, {Outcome.DRIFTED}),
    "R03": ({ARCHIVE, MANIFEST, REGISTRY}, set()),
    "R04": ({ARCHIVE}, {Outcome.MISSING}),
    "R05": ({"golden/unregistered.npz"}, {Outcome.UNREGISTERED}),
    "R06": ({ARCHIVE, MANIFEST, REGISTRY, HISTORY}, set()),
    "R07": ({ARCHIVE}, {Outcome.CORRUPT}),
    "R07c": ({ARCHIVE, MANIFEST, REGISTRY, HISTORY}, {Outcome.INTERRUPTED}),
    "R08": ({ARCHIVE}, {Outcome.REPACKED}),
}
"""Files that each fault changes, and the outcomes of ``harness verify`` after it."""


@pytest.mark.parametrize("number", CHANGED)
def test_a_fault_changes_its_files_and_verify_reports_what_it_can(project, injected, number):
    files, verdicts = CHANGED[number]
    assert (injected(number), outcomes(project)) == (files, verdicts)


def test_a_half_written_registry_is_unreadable(project, injected):
    assert injected("R07b") == {REGISTRY}
    with pytest.raises(UnreadableError):
        verify(project)


def test_recording_in_ci_is_refused_and_changes_nothing(project, contents):
    before = contents(project.root)
    with pytest.raises(RefusedError, match="golden files are not written in CI"):
        BY_ID["R06b"].inject(project)
    assert contents(project.root) == before


def test_an_edited_registry_fits_the_tampered_files(project, injected):
    """Fault R03: manifest and registry agree with the changed arrays; the record is the old one."""
    before = read_registry(project.registry).entries[ARCHIVE]
    arrays = read_archive(project.golden / "lattice.npz")
    injected("R03")
    tampered = read_archive(project.golden / "lattice.npz")
    assert sum(not np.array_equal(arrays[name], tampered[name]) for name in arrays) == 1
    assert read_manifest(project.golden / "lattice.json").arrays == describe_arrays(tampered)
    after = read_registry(project.registry).entries[ARCHIVE]
    assert after.record == before.record
    assert after.sha256 != before.sha256


def test_a_recording_without_a_reason_has_an_empty_reason(project, injected):
    injected("R06")
    record = read_registry(project.registry).entries[ARCHIVE].record
    assert read_history(project).records[record].reason == ""


def test_a_repacked_archive_holds_the_same_arrays(project, injected):
    before = describe_arrays(read_archive(project.golden / "lattice.npz"))
    injected("R08")
    assert describe_arrays(read_archive(project.golden / "lattice.npz")) == before


def test_faults_are_described_and_one_is_harmless():
    assert all((fault.inject.__doc__ or "").startswith(fault.id[:3]) for fault in FAULTS)
    assert [fault.id for fault in FAULTS if fault.harmless] == ["R08"]
    assert {fault.kind for fault in FAULTS} == {"repository"}


def test_without_a_golden_fixture_no_fault_can_be_injected(empty):
    with pytest.raises(HarnessError, match="a golden fixture to inject faults into"):
        first_archive(empty)


def test_a_fixture_in_a_directory_is_changed_in_its_place(empty, record, made, tmp_path, contents):
    """Its name has the directory, which must not be added twice."""
    files = write_fixture(made("optics/lattice"), tmp_path / "made")
    kinds = ("fixture", "manifest")
    record([Staged(f"golden/optics/{p.name}", k, p) for p, k in zip(files, kinds, strict=True)])
    before = contents(empty.root)
    BY_ID["R03"].inject(empty)
    after = contents(empty.root)
    assert before.keys() == after.keys()
    changed = {"golden/optics/lattice.npz", "golden/optics/lattice.json", REGISTRY}
    assert {name for name in after if before[name] != after[name]} == changed
    assert outcomes(empty) == set()
