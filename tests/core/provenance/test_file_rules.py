"""A golden file, its registry entry and its records must agree; without git, a forged one shows here."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from harness.core.baselines.array_tolerances import encode_tolerances, merged, row_of
from harness.core.baselines.baseline import encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.baselines.measured_metrics import Run, with_samples
from harness.core.baselines.platforms import Platform
from harness.core.baselines.samples import Deviation, Spread
from harness.core.fixtures.manifest import Source, read_manifest
from harness.core.provenance.finding import Rank
from harness.core.recording.staged import Staged
from harness.core.registry.history import encode_line
from harness.core.registry.registry import read_registry
from harness.core.registry.verify import verify
from harness.core.storage.digest import digest_file
from harness.core.storage.documents import encode_document
from harness.core.storage.npz import read_archive, write_archive
from harness.core.verdict import Outcome

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"
BOTH = {ARCHIVE, MANIFEST}
TOLERANCES = "golden/lattice.tolerances.json"


@pytest.fixture
def plain(lattice):
    """The recorded lattice without its repository: what a release archive contains."""
    (lattice.root / ".git").rename(lattice.root.parent / "not-git")
    return lattice


@pytest.fixture
def plain_twice(twice):
    (twice.root / ".git").rename(twice.root.parent / "not-git")
    return twice


def flip_byte(repository, path: str = ARCHIVE) -> None:
    data = bytearray((repository.root / path).read_bytes())
    data[len(data) // 2] ^= 1
    (repository.root / path).write_bytes(data)


def edit_manifest(repository) -> None:
    path = repository.root / MANIFEST
    path.write_text(path.read_text("utf-8").replace('"seed": 0', '"seed": 1'), "utf-8")


def test_a_flipped_byte_is_broken(plain):
    flip_byte(plain)
    assert ("bytes", ARCHIVE) in plain.broken
    assert {path for _, path in plain.broken} == {ARCHIVE}


def test_an_edited_manifest_is_broken(plain):
    edit_manifest(plain)
    assert plain.broken == {("bytes", MANIFEST)}


def test_an_edited_manifest_with_recomputed_digests_contradicts_its_record(plain):
    edit_manifest(plain)
    plain.rehash()
    assert plain.broken == {("seal", MANIFEST)}


def test_edited_files_with_recomputed_digests_contradict_their_records(plain, put_other_arrays):
    put_other_arrays(plain)
    plain.rehash()
    assert plain.broken == {("seal", path) for path in BOTH}


def test_a_manifest_of_other_arrays_is_broken_even_if_a_record_vouches_for_it(plain):
    path = plain.root / MANIFEST
    manifest = json.loads(path.read_bytes())
    manifest["arrays"]["image"]["digest"] = "xxh128:" + "0" * 32
    path.write_bytes(encode_document(manifest))
    plain.rehash()
    plain.reseal()
    assert plain.broken == {("content", ARCHIVE)}
    assert "image" in plain.details("content")


@pytest.mark.parametrize("text", ["{}", "", '{"schema": 99}'])
def test_an_unreadable_manifest_is_broken(plain, text):
    (plain.root / MANIFEST).write_text(text)
    plain.rehash()
    plain.reseal()
    assert {("content", path) for path in BOTH} <= plain.broken


def test_a_manifest_of_another_format_has_a_remedy_of_its_own(plain):
    """Restoring it from git would not help."""
    (plain.root / MANIFEST).write_text('{"schema": 99}')
    plain.rehash()
    plain.reseal()
    assert "found schema 99" in plain.details("content")
    assert "git checkout" not in plain.details("content")


def test_a_manifest_of_another_fixture_is_broken(plain):
    path = plain.root / MANIFEST
    path.write_text(path.read_text("utf-8").replace('"name": "lattice"', '"name": "other"'), "utf-8")
    plain.rehash()
    plain.reseal()
    assert ("content", MANIFEST) in plain.broken


def test_a_fixture_without_a_registered_manifest_is_broken(plain):
    plain.drop_entries(MANIFEST)
    assert ("content", ARCHIVE) in plain.broken


def test_a_missing_older_record_is_broken(plain_twice):
    """The newest record names it."""
    older = plain_twice.record_of(MANIFEST).previous
    kept = [line for line in plain_twice.lines() if b"first light" not in line or ARCHIVE.encode() in line]
    plain_twice.write_lines(kept)
    assert plain_twice.broken == {("chain", MANIFEST)}
    assert older in plain_twice.details("chain")


def test_an_older_record_that_was_rewritten_is_broken(plain_twice):
    """Its digest is not the one that the newest record names."""
    lines = [line.replace(b"first light", b"innocent") for line in plain_twice.lines()]
    plain_twice.write_lines(lines)
    assert {("chain", path) for path in BOTH} <= plain_twice.broken


def test_a_missing_newest_record_is_broken(plain_twice):
    newest = encode_line(plain_twice.record_of(MANIFEST))
    plain_twice.write_lines([line for line in plain_twice.lines() if line != newest])
    assert plain_twice.broken == {("record", MANIFEST)}


def test_an_entry_taken_back_to_an_older_record_is_broken(plain_twice):
    plain_twice.forge(MANIFEST, record=plain_twice.record_of(MANIFEST).previous)
    assert plain_twice.broken == {("seal", MANIFEST)}


def test_a_missing_environment_is_broken(plain):
    plain.write_lines([line for line in plain.lines() if b'"type":"environment"' not in line])
    assert plain.broken == {("environment", path) for path in BOTH}


def test_a_missing_file_is_broken(plain):
    (plain.root / ARCHIVE).unlink()
    assert plain.broken == {("missing", ARCHIVE)}


def test_a_newest_record_without_a_reason_is_weak_and_an_older_one_informational(repository, record, staged):
    record(staged(), " ")
    repository.commit("Record the lattice")
    assert repository.weak == {("reason", path) for path in BOTH}
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    repository.commit("Record the lattice again")
    assert repository.weak == set()
    assert repository.noted == {("reason", path) for path in BOTH}


def test_a_baseline_measured_on_other_arrays_is_weak(lattice, record, tmp_path):
    digest = read_manifest(lattice.root / MANIFEST).digest
    for fixture, expected in ((digest, set()), ("xxh128:0", {("baseline", "golden/lattice.net.json")})):
        path = tmp_path / "baseline.json"
        baseline = msgspec.structs.replace(provisional_baseline({"mae": 1.0}), fixture=fixture)
        path.write_bytes(encode_baseline(baseline))
        record([Staged("golden/lattice.net.json", "baseline", path)])
        lattice.commit("Record a baseline")
        assert (lattice.broken, lattice.weak) == (set(), expected)


@pytest.fixture
def measured(lattice, record, tmp_path):
    """Record measured tolerances of the lattice, perhaps changed by hand, and commit them."""

    def write(golden: str = "", **changes):
        digest = read_manifest(lattice.root / MANIFEST).digest
        spread = Spread(1, 1e-6, 1e-6, 9, (0, 0), 1e-7)
        run = {"image": Deviation("float32", (4, 4), 1.0, spread)}
        row = row_of(Platform("Linux", "x86_64", "avx2", {}), [{}] * 4, [run] * 4)
        document = merged(golden or digest, run, [row])
        arrays = {"image": msgspec.structs.replace(document.arrays["image"], **changes)}
        path = tmp_path / "tolerances.json"
        path.write_bytes(encode_tolerances(msgspec.structs.replace(document, arrays=arrays)))
        record([Staged(TOLERANCES, "tolerances", path)])
        lattice.commit("Record tolerances")
        return lattice

    return write


def test_tolerances_that_follow_from_their_spread_have_no_finding(measured):
    found = measured()
    assert (found.broken, found.weak) == (set(), set())


@pytest.mark.parametrize(
    "changes", [{"rtol": 1e-2}, {"atol": 1.0}, {"kind": "report-only"}, {"golden": "xxh128:" + "0" * 32}]
)
def test_tolerances_that_were_widened_by_hand_or_of_other_arrays_are_weak(measured, changes):
    found = measured(**changes)
    assert (found.broken, found.weak) == (set(), {("tolerances", TOLERANCES)})


def test_a_tolerance_tighter_than_its_own_spread_is_broken(measured):
    found = measured(rtol=1e-9)
    assert found.broken == {("tolerances", TOLERANCES)}
    assert "narrowed by hand" in found.details("tolerances")


def test_tolerances_that_cannot_be_read_are_broken(measured):
    found = measured()
    (found.root / TOLERANCES).write_text("{}")
    found.rehash()
    found.reseal()
    assert ("content", TOLERANCES) in found.broken


def test_a_metrics_tolerance_that_was_widened_by_hand_is_weak(lattice, record, tmp_path):
    runs = [Run({}, {"mae": 1.0 + 1e-9}), Run({}, {"mae": 1.0})]
    baseline = with_samples(provisional_baseline({"mae": 1.0}), runs)
    for changes, expected in (({}, set()), ({"tolerance": 0.5}, {("tolerances", "golden/lattice.net.json")})):
        metrics = {"mae": msgspec.structs.replace(baseline.metrics["mae"], **changes)}
        path = tmp_path / "baseline.json"
        path.write_bytes(encode_baseline(msgspec.structs.replace(baseline, metrics=metrics)))
        record([Staged("golden/lattice.net.json", "baseline", path)])
        lattice.commit("Record a baseline")
        assert (lattice.broken, lattice.weak) == (set(), expected)


def test_a_source_is_compared_if_it_is_found(repository, record, staged, tmp_path):
    """Not found: informational. Found with other bytes: weak. Found unchanged: no finding."""
    scan = tmp_path / "scans" / "scan.npz"
    scan.parent.mkdir()
    scan.write_bytes(b"scan")
    record(staged(source=Source("scan.npz", digest_file(scan))))
    (repository.root / "pyproject.toml").write_text("")
    repository.commit("Record the lattice")
    assert (repository.weak, repository.noted) == (set(), {("source", MANIFEST)})
    (repository.root / "pyproject.toml").write_text('[tool.harness]\nsources = ["../scans"]')
    assert (repository.weak, repository.noted) == (set(), set())
    scan.write_bytes(b"scam")
    assert (repository.weak, repository.noted) == ({("source", MANIFEST)}, set())


def test_code_that_changed_since_is_informational(plain):
    plain.forge_record(MANIFEST, code="dirHash:0")
    assert ("code", MANIFEST) in plain.noted


def test_a_repacked_archive_is_informational_also_when_committed(lattice):
    """Fault R08: other bytes, the same arrays."""
    arrays = read_archive(lattice.root / ARCHIVE)
    np.savez_compressed(lattice.root / ARCHIVE, **arrays)
    lattice.commit("Compress the golden files")
    assert lattice.broken == set()
    assert ("repacked", ARCHIVE) in lattice.noted


def test_an_archive_repacked_with_other_arrays_is_broken(plain):
    np.savez_compressed(plain.root / ARCHIVE, image=np.ones((3, 4)))
    assert ("bytes", ARCHIVE) in plain.broken


def change_time_of_a_member(path) -> None:
    """Change a byte that only says when a member was written: the size and every array stay the same."""
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 12] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("pack", [change_time_of_a_member, lambda path: np.savez(path, **read_archive(path))])
def test_verify_and_the_audit_both_call_the_same_arrays_repacked_whatever_the_size_is(plain, pack):
    pack(plain.root / ARCHIVE)
    (verdict,) = (verdict for verdict in verify(plain.project) if verdict.name == ARCHIVE)
    assert verdict.outcome is Outcome.REPACKED
    assert (plain.broken, ("repacked", ARCHIVE) in plain.noted) == (set(), True)


def test_other_arrays_of_the_same_size_were_not_repacked(plain):
    """Not even if the manifest describes them: it has other bytes than recorded too."""
    path = plain.root / ARCHIVE
    size = path.stat().st_size
    arrays = read_archive(path)
    write_archive(path, {**arrays, "image": np.array(arrays["image"]) + 1})
    assert path.stat().st_size == size
    assert {("bytes", ARCHIVE), ("content", ARCHIVE)} <= plain.broken
    assert ("repacked", ARCHIVE) not in plain.noted


def test_an_archive_beside_a_manifest_whose_digest_was_edited_was_not_repacked(plain):
    """Either digest of the manifest decides, as in `harness verify`."""
    change_time_of_a_member(plain.root / ARCHIVE)
    plain.forge(MANIFEST, xxh128="xxh128:" + "0" * 32)
    assert plain.broken == {("bytes", ARCHIVE), ("bytes", MANIFEST)}
    assert Outcome.DRIFTED in {verdict.outcome for verdict in verify(plain.project)}


def test_the_remedy_for_forged_bytes_in_commits_restores_the_recorded_ones(lattice, put_other_arrays):
    """`git checkout -- PATH` would restore the forged bytes."""
    recorded = lattice.git("rev-parse", "HEAD").strip()
    put_other_arrays(lattice)
    lattice.commit("Tidy up")
    (lattice.root / "README").write_text("Changed.")
    lattice.commit("Go on")
    assert ("bytes", ARCHIVE) in lattice.broken
    assert f"`git checkout {recorded[:12]} -- {ARCHIVE}`" in lattice.details("bytes")
    lattice.type_remedy("bytes")
    assert not {rule for rule, _ in lattice.broken} & {"bytes", "content"}


def test_the_remedy_for_staged_bytes_restores_those_of_the_newest_commit(lattice, put_other_arrays):
    put_other_arrays(lattice)
    lattice.git("add", "-A")
    assert f"`git checkout HEAD -- {ARCHIVE}`" in lattice.details("bytes")
    lattice.type_remedy("bytes")
    assert lattice.findings() == ()


def test_the_remedy_for_a_file_whose_deletion_was_committed_restores_it(lattice):
    (lattice.root / ARCHIVE).unlink()
    lattice.commit("Tidy up")
    assert ("missing", ARCHIVE) in lattice.broken
    lattice.type_remedy("missing")
    assert lattice.broken == set()


def test_bytes_that_no_commit_has_get_no_command_that_cannot_help(lattice, record, staged):
    """Recorded, exchanged and never committed."""
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    flip_byte(lattice)
    assert "no commit has the recorded bytes" in lattice.details("bytes")
    assert "git checkout" not in lattice.details("bytes")


def drop_line(repository, word: bytes) -> None:
    """Drop the last line of the history that has the word."""
    lines = repository.lines()
    lines.remove([line for line in lines if word in line][-1])
    repository.write_lines(lines)


def swap_records(repository) -> None:
    entries = read_registry(repository.project.registry).entries
    repository.forge(ARCHIVE, record=entries[MANIFEST].record)


def edit_and_rehash(repository) -> None:
    edit_manifest(repository)
    repository.rehash()


FORGERIES = {
    "seal": edit_and_rehash,
    "record": swap_records,
    "nonsense": lambda repository: repository.forge(MANIFEST, record="sha256:" + "0" * 64),
    "older record": lambda repository: repository.forge(
        ARCHIVE, record=repository.record_of(ARCHIVE).previous
    ),
    "newest line": lambda repository: drop_line(repository, b"second light"),
    "first line": lambda repository: drop_line(repository, b"first light"),
    "environment": lambda repository: drop_line(repository, b'"environment":{'),
}


@pytest.mark.parametrize("committed", ["not", "staged", "once", "long ago"])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_typing_the_remedies_gives_a_sound_project_again(twice, forgery, committed):
    """Also if the forgery was committed, when `git checkout -- PATH` would restore it."""
    FORGERIES[forgery](twice)
    if committed == "staged":
        twice.git("add", "-A")
    elif committed != "not":
        twice.commit("Tidy up")
    if committed == "long ago":
        (twice.root / "README").write_text("Changed.")
        twice.commit("Go on")
    assert twice.broken != set()
    if forgery == "seal" and committed in {"once", "long ago"}:
        assert twice.details("unrecorded").endswith(f"-- registry.json {MANIFEST}`.")
    for rule in ("lost", "record", "chain", "environment", "seal", "bytes", "content"):
        twice.type_remedy(rule)
    assert {rule for rule, _ in twice.broken} <= {"unrecorded"}
    twice.commit("Take it back", "--allow-empty")
    assert twice.broken == set()


@pytest.mark.parametrize("forgery", FORGERIES)
def test_without_git_a_copy_is_needed(plain_twice, forgery):
    FORGERIES[forgery](plain_twice)
    broken = plain_twice.findings(Rank.BROKEN)
    assert broken
    assert {"from a copy" in finding.remedy for finding in broken} == {True}
