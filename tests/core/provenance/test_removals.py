"""What an audit says of golden files that were removed or renamed, honestly or not."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from harness.core.provenance.evidence import gather
from harness.core.provenance.intoto import statements
from harness.core.provenance.reproduce import recorded_manifests
from harness.core.recording import commit
from harness.core.recording.removal import remove, select
from harness.core.recording.renaming import move, plan_moves
from harness.core.registry.history import encode_line, read_history, record_digest
from harness.core.registry.registry import read_registry
from harness.report.audit import evidence_lines

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"
NEW_ARCHIVE, NEW_MANIFEST = "golden/optics/grid.npz", "golden/optics/grid.json"
FILES = ("golden", "registry.json")


def take_away(repository, name: str = "lattice", reason: str = "not needed") -> None:
    remove(repository.project, select(repository.project, [name]), reason=reason, command="harness rm")


def rename(repository, old: str = "lattice", new: str = "optics/grid") -> None:
    move(repository.project, plan_moves(repository.project, old, new), reason="clearer", command="harness mv")


@pytest.fixture(autouse=True)
def later(monkeypatch):
    """Let each recording be a second after the one before, as those of a person are."""
    original, seconds = commit._occasion, itertools.count(1)

    def occasion(*arguments):
        return original(*arguments)._replace(at=f"2031-01-01T00:00:{next(seconds):02}Z")

    monkeypatch.setattr(commit, "_occasion", occasion)


def assert_sound(repository) -> None:
    assert (repository.broken, repository.weak) == (set(), set())


def test_a_removal_is_noted_with_its_reason(twice):
    take_away(twice)
    twice.commit("Remove the lattice")
    assert_sound(twice)
    assert twice.noted == {("removed", ARCHIVE), ("removed", MANIFEST)}
    assert "not needed" in twice.details("removed")
    assert "Ada Lovelace" in twice.details("removed")


def test_a_reverted_removal_is_sound(twice):
    take_away(twice)
    twice.commit("Remove the lattice")
    twice.git("revert", "--no-edit", "HEAD")
    assert twice.project.locate(ARCHIVE).is_file()
    assert_sound(twice)


def test_a_reverted_removal_is_sound_if_its_record_is_kept(twice):
    """As after git's union driver, or after the printed command."""
    take_away(twice)
    twice.commit("Remove the lattice")
    lines = twice.lines()
    twice.git("revert", "--no-edit", "HEAD")
    twice.write_lines(lines)
    twice.commit("Keep the records")
    assert_sound(twice)


def test_a_removed_file_that_is_recorded_again_continues_its_records(twice, record, staged):
    take_away(twice)
    twice.commit("Remove the lattice")
    record(staged(arrays={"image": np.ones((3, 4))}), "needed after all")
    twice.commit("Record it again")
    assert_sound(twice)
    assert [r.reason for r in read_history(twice.project).chain(ARCHIVE, entry(twice, ARCHIVE).record)][
        1:
    ] == [
        "second light",
        "not needed",
        "needed after all",
    ]


def test_a_renamed_fixture_keeps_its_records(twice):
    rename(twice)
    twice.commit("Rename the lattice")
    assert_sound(twice)
    chain = read_history(twice.project).chain(NEW_ARCHIVE, entry(twice, NEW_ARCHIVE).record)
    assert [record.path for record in chain] == [ARCHIVE, ARCHIVE, ARCHIVE, NEW_ARCHIVE]
    assert "renamed to golden/optics/grid.npz" in twice.details("removed")


def test_a_reverted_renaming_is_sound(twice):
    rename(twice)
    twice.commit("Rename the lattice")
    twice.git("revert", "--no-edit", "HEAD")
    assert_sound(twice)
    assert not twice.project.locate(NEW_ARCHIVE).parent.exists()


def test_a_renaming_may_be_repeated_after_a_revert(twice):
    rename(twice)
    twice.commit("Rename the lattice")
    twice.git("revert", "--no-edit", "HEAD")
    rename(twice)
    twice.commit("Rename the lattice again")
    assert_sound(twice)


def test_there_and_back_again_is_sound(twice):
    rename(twice)
    twice.commit("Rename the lattice")
    rename(twice, "optics/grid", "lattice")
    twice.commit("Rename it back")
    assert_sound(twice)
    twice.git("revert", "--no-edit", "HEAD")
    assert_sound(twice)


def test_a_renamed_fixture_can_be_recorded_again(twice, record, staged):
    rename(twice)
    twice.commit("Rename the lattice")
    record(staged("optics/grid", arrays={"image": np.ones((3, 4)) * 2}), "third light")
    twice.commit("Record it again")
    assert_sound(twice)


def test_another_fixture_may_take_the_old_name(twice, record, staged):
    rename(twice)
    twice.commit("Rename the lattice")
    record(staged(arrays={"image": np.ones((3, 4)) * 3}), "another lattice")
    twice.commit("Record another lattice")
    assert_sound(twice)


def test_recorded_and_removed_in_one_commit_is_sound(twice, record, staged):
    record(staged("brief"), "for a moment")
    take_away(twice, "brief")
    twice.commit("Nothing stays")
    assert_sound(twice)


# What a forger might try


def test_a_removal_whose_record_is_lost_is_broken(twice):
    take_away(twice)
    twice.commit("Remove the lattice")
    gone = {encode_line(record) for record in read_history(twice.project).records.values() if record.removed}
    twice.write_lines([line for line in twice.lines() if line not in gone])
    twice.commit("Forget who removed it")
    assert twice.broken == {("lost", ARCHIVE), ("lost", MANIFEST)}


def test_a_removal_must_not_hide_older_records(twice):
    """The file comes back with its first version, and the second record is lost."""
    take_away(twice)
    twice.commit("Remove the lattice")
    twice.git("checkout", "-q", "HEAD~2", "--", *FILES)
    twice.commit("Bring the first version back")
    assert {rule for rule, _ in twice.broken | twice.weak} == {"restored"}
    assert twice.weak >= {("restored", ARCHIVE)}


def test_an_entry_that_relies_on_a_removal_is_broken(twice, put_other_arrays):
    registry = twice.project.registry.read_bytes()
    take_away(twice)
    twice.commit("Remove the lattice")
    ends = {r.path: d for d, r in read_history(twice.project).records.items() if r.removed}
    twice.git("checkout", "-q", "HEAD~1", "--", ARCHIVE, MANIFEST)
    twice.project.registry.write_bytes(registry)
    for path, digest in ends.items():
        twice.forge(path, record=digest)
    twice.commit("Bring them back without a record")
    assert {("record", ARCHIVE), ("record", MANIFEST)} <= twice.broken


def test_a_renaming_that_changes_arrays_is_broken(twice, put_other_arrays, made):
    """Bytes that were exchanged on the way have a record, but not one of a recording."""
    from harness.core.fixtures.fixture import write_fixture

    rename(twice)
    write_fixture(made("optics/grid", arrays={"image": np.zeros((3, 4)) + 7}), twice.project.golden)
    twice.rehash()
    twice.reseal()
    twice.commit("Rename the lattice")
    assert ("moved", NEW_ARCHIVE) in twice.broken


def test_other_bytes_in_the_record_of_the_end_are_broken(twice, made):
    """The end of the old path vouches for the forged bytes, and so does the start of the new one."""
    from harness.core.fixtures.fixture import write_fixture

    rename(twice)
    write_fixture(made("optics/grid", arrays={"image": np.zeros((3, 4)) + 7}), twice.project.golden)
    twice.rehash()
    for path in (NEW_ARCHIVE, NEW_MANIFEST):
        first, history = twice.record_of(path), read_history(twice.project)
        end = msgspec.structs.replace(history.records[first.previous], sha256=entry(twice, path).sha256)
        old = encode_line(history.records[first.previous])
        twice.write_lines([*(line for line in twice.lines() if line != old), encode_line(end)])
        twice.forge_record(path, previous=record_digest(end), sha256=entry(twice, path).sha256)
    twice.commit("Rename the lattice")
    assert {("moved", NEW_ARCHIVE), ("moved", NEW_MANIFEST)} <= twice.broken


@pytest.mark.parametrize("parts", [{"moved_from": MANIFEST}, {"previous": None}])
def test_a_renaming_must_follow_the_end_of_the_old_path(twice, parts):
    rename(twice)
    twice.forge_record(NEW_ARCHIVE, **parts)
    twice.commit("Rename the lattice")
    assert {path for _, path in twice.broken} == {NEW_ARCHIVE}


def test_a_record_must_not_skip_others_by_following_a_removal(twice, record, staged):
    """After the removal the file was recorded again; a record that follows the removal hides that one."""
    take_away(twice)
    twice.commit("Remove the lattice")
    record(staged(arrays={"image": np.ones((3, 4))}), "needed after all")
    twice.commit("Record it again")
    ends = {r.path: d for d, r in read_history(twice.project).records.items() if r.removed}
    old = twice.record_of(ARCHIVE)
    new = msgspec.structs.replace(old, previous=ends[ARCHIVE], reason="hidden", at="2032-01-01T00:00:00Z")
    twice.write_lines([*twice.lines(), encode_line(new)])
    twice.forge(ARCHIVE, record=record_digest(new))
    twice.commit("Hide it")
    assert ("rewritten", ARCHIVE) in twice.weak | twice.broken


def entry(repository, path: str):
    return read_registry(repository.project.registry).entries[path]


# How a renamed file was made is not how it was renamed


@pytest.fixture
def elsewhere(twice, monkeypatch):
    """The fixture renamed in another environment, and the file's evidence."""
    monkeypatch.setattr(commit, "fingerprint", lambda: {"python": "another"})
    rename(twice)
    return gather(twice.project).files[NEW_MANIFEST]


def test_the_environment_is_that_of_the_recording(elsewhere):
    assert elsewhere.environment.environment["python"] != "another"
    assert elsewhere.version.reason == "second light"
    assert elsewhere.record.reason == "clearer"


def test_a_reproduction_compares_with_the_environment_of_the_recording(elsewhere, twice):
    (recorded,) = recorded_manifests(twice.project, "optics/grid")
    assert recorded.environment.environment["python"] != "another"
    assert recorded.record.reason == "second light"


def test_a_statement_is_of_the_recording(elsewhere):
    (statement,) = statements([elsewhere], ())
    details = statement["predicate"]["runDetails"]
    assert details["metadata"]["finishedOn"] == elsewhere.version.at
    assert details["metadata"]["invocationId"] != elsewhere.entry.record


def test_a_renamed_file_shows_the_drift_of_its_versions(twice):
    rename(twice)
    lines = "\n".join(evidence_lines(gather(twice.project).files[NEW_ARCHIVE]))
    assert "first version: first light" in lines
    assert "from the first: second light" in lines
    assert "clearer" not in lines.partition("drift")[2]
