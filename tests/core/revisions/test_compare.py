"""What changed between two revisions, against repositories made for the purpose."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from harness.core.baselines.array_tolerances import (
    ArrayTolerance,
    ToleranceCertificate,
    ToleranceDocument,
    encode_tolerances,
)
from harness.core.baselines.samples import Spread
from harness.core.errors import HarnessError, StaleFormatError, UnreadableError, UnwritableError
from harness.core.fixtures.manifest import read_manifest
from harness.core.fixtures.tolerance import default_tolerance
from harness.core.recording.removal import remove
from harness.core.recording.renaming import move, plan_moves
from harness.core.recording.staged import Staged
from harness.core.registry.committed_bytes import digests_of_files
from harness.core.revisions import sides
from harness.core.revisions.compare_files import ArrayOptions
from harness.core.revisions.values import State, Subject, largest
from harness.core.storage.npz import write_archive

ARCHIVE = "golden/lattice.npz"


def test_equal_revisions_have_no_change(lattice):
    """The same commit, and the work tree as it was committed."""
    for words in (("HEAD", "HEAD"), ("HEAD",)):
        found = lattice.compare(*words)
        assert (found.files, found.same, found.exit_code) == ((), 3, 0)


def test_a_changed_array_has_both_values_the_place_and_the_distance(moved, arrays):
    """The element that differs most, and the difference in units of what a check allows."""
    file = moved.change(ARCHIVE, "HEAD~1", "HEAD")
    (value,) = file.values
    assert (file.state, file.kind, file.obstacle) == (State.CHANGED, "fixture", "")
    assert (value.subject, value.name, value.where) == (Subject.ARRAY, "image", (1, 2))
    assert (value.before, value.after, value.differing, value.size) == (0.75, 1.25, 1, 12)
    allowed = default_tolerance(arrays["image"])
    assert value.tolerances == pytest.approx(0.5 / (allowed.atol + allowed.rtol * 0.75))
    assert (value.accepted, value.limit.origin) == (False, "default")
    assert largest(file.values) is value


def test_reason_and_author_are_those_of_the_newest_record(moved, record, staged, arrays):
    """Records that the older revision has are not news."""
    file = moved.change(ARCHIVE, "HEAD~1", "HEAD")
    assert [(entry.reason, entry.by) for entry in file.records] == [("finer mesh", file.record.by)]
    arrays["image"][0, 0] = 9.0
    record(staged(arrays=arrays), "finest mesh")
    file = moved.change(ARCHIVE, "HEAD~1")
    assert [entry.reason for entry in file.records] == ["finer mesh", "finest mesh"]
    assert file.record.reason == "finest mesh"


def test_one_revision_is_compared_with_what_is_on_disk(moved):
    assert moved.compare("HEAD").exit_code == 0
    file = moved.change(ARCHIVE, "HEAD~1")
    assert [value.name for value in file.values] == ["image"]


def test_a_change_within_the_tolerance_is_listed_as_accepted(lattice, record, staged, arrays):
    """A golden file changed, so the revisions differ."""
    arrays["image"][1, 2] = np.nextafter(arrays["image"][1, 2], np.float32(9))
    record(staged(arrays=arrays))
    found = lattice.compare("HEAD")
    (value,) = next(file for file in found.files if file.path == ARCHIVE).values
    assert value.accepted
    assert 0 < value.tolerances <= 1
    assert found.exit_code == 1


def test_metrics_are_measured_with_their_own_tolerances(lattice, record, staged_baseline):
    record([staged_baseline(mae=0.5, psnr=1.0)])
    values = lattice.change("golden/lattice.smooth.json", "HEAD").values
    metrics = {value.name: value for value in values if value.subject is Subject.METRIC}
    assert (metrics["mae"].before, metrics["mae"].after, metrics["mae"].accepted) == (0.25, 0.5, False)
    assert metrics["mae"].limit.origin == "baseline"
    assert (metrics["ssim"].before, metrics["ssim"].after) == (0.875, None)
    assert (metrics["psnr"].before, metrics["psnr"].after) == (None, 1.0)


def test_a_wider_tolerance_is_a_change_of_its_own(lattice):
    """Somebody may loosen what a metric is judged by without another value."""
    path = lattice.root / "golden" / "lattice.smooth.json"
    text = path.read_text()
    path.write_text(text.replace('"tolerance": ', '"tolerance": 1', 1))
    values = lattice.change("golden/lattice.smooth.json", "HEAD").values
    (value,) = (value for value in values if value.subject is Subject.TOLERANCE)
    assert value.after > value.before


def test_a_tolerance_that_follows_its_value_is_no_change(lattice):
    """A relative tolerance of twice the value is twice as wide."""
    path = lattice.root / "golden" / "lattice.smooth.json"
    tree = json.loads(path.read_text())
    for key in ("value", "tolerance"):
        tree["metrics"]["mae"][key] *= 2
    path.write_text(json.dumps(tree))
    values = lattice.change("golden/lattice.smooth.json", "HEAD").values
    assert [(value.subject, value.name) for value in values] == [(Subject.METRIC, "mae")]


@pytest.fixture
def with_tolerances(lattice, record, tmp_path):
    """Record tolerances of the image, of some class, and commit them."""

    def measure(kind: str = "measured", atol: float = 0.25) -> None:
        golden = read_manifest(lattice.root / "golden" / "lattice.json").digest
        one = ArrayTolerance(kind, atol, 0.0, "float32", 1.0, Spread(), reason="as chosen")
        certificate = ToleranceCertificate("rule", 1, "2026-01-31")
        file = tmp_path / "lattice.tolerances.json"
        file.write_bytes(encode_tolerances(ToleranceDocument(1, golden, {"image": one}, {}, certificate)))
        record([Staged("golden/lattice.tolerances.json", "tolerances", file, "test_lattice")], kind)
        lattice.commit("Measure")

    return measure


def test_measured_tolerances_are_those_of_the_older_revision(
    lattice, with_tolerances, record, staged, arrays
):
    """The newer arrays are what is judged; tolerances of other arrays than the older ones do not count."""
    with_tolerances()
    arrays["image"][1, 2] += 0.125
    record(staged(arrays=arrays))
    (value,) = lattice.change(ARCHIVE, "HEAD").values
    assert (value.tolerances, value.accepted) == (0.5, True)
    assert (value.limit.text, value.limit.origin) == ("0.25", "measured")
    lattice.commit("Change")
    arrays["image"][1, 2] += 0.125
    record(staged(arrays=arrays))
    (value,) = lattice.change(ARCHIVE, "HEAD").values
    assert (value.accepted, value.limit.origin) == (False, "default")


def test_an_array_that_is_only_reported_is_accepted(lattice, with_tolerances, record, staged, arrays):
    with_tolerances("report-only", 0.0)
    arrays["image"][1, 2] += 0.125
    record(staged(arrays=arrays))
    (value,) = lattice.change(ARCHIVE, "HEAD").values
    assert value.accepted
    assert value.limit.text == "any change: this array is only reported"


def test_other_tolerances_are_listed(lattice, with_tolerances):
    with_tolerances()
    with_tolerances("exact", 0.0)
    (value,) = lattice.change("golden/lattice.tolerances.json", "HEAD~1", "HEAD").values
    assert (value.subject, value.name) == (Subject.TOLERANCE, "image")
    assert (value.before, value.after) == ("measured, atol 0.25, rtol 0", "exact, atol 0, rtol 0")


def test_another_dtype_or_shape_is_shown_in_place_of_values(lattice, record, staged, arrays):
    arrays["image"] = arrays["image"].astype("float64")
    arrays["phase"] = arrays["phase"][:2]
    del arrays["index"]
    arrays["new"] = np.ones(2)
    record(staged(arrays=arrays))
    shown = {v.name: (v.before, v.after) for v in lattice.change(ARCHIVE, "HEAD").values}
    assert shown == {
        "image": ("float32 (3, 4)", "float64 (3, 4)"),
        "index": ("int64 (4,)", None),
        "new": (None, "float64 (2,)"),
        "phase": ("complex64 (4,)", "complex64 (2,)"),
    }


def test_nan_in_place_of_a_number_is_no_number_of_tolerances(lattice, record, staged, arrays):
    arrays["image"][0, 1] = np.nan
    record(staged(arrays=arrays))
    (value,) = lattice.change(ARCHIVE, "HEAD").values
    assert (value.tolerances, value.accepted, value.where) == (None, False, (0, 1))


def test_the_manifest_has_how_the_arrays_were_made(lattice, record, staged):
    record(staged(checks={"residual": 1e-2}, transformations=()))
    values = lattice.change("golden/lattice.json", "HEAD").values
    assert {value.name: (value.before, value.after) for value in values} == {
        "transformations": (("image: float64 -> float32",), ()),
        "checks.residual": (1e-7, 1e-2),
    }


def test_a_given_tolerance_replaces_the_default(moved):
    from harness.core.fixtures.tolerance import Tolerance

    options = ArrayOptions(Tolerance(atol=0.25))
    (value,) = moved.change(ARCHIVE, "HEAD~1", "HEAD", options=options).values
    assert (value.tolerances, value.limit.origin) == (2.0, "given")


def test_elements_beyond_the_tolerance_are_kept_up_to_a_number(lattice, record, staged, arrays):
    arrays["image"][:2] += 1
    record(staged(arrays=arrays))
    (value,) = lattice.change(ARCHIVE, "HEAD", options=ArrayOptions(shown=3)).values
    assert [element.index for element in value.elements] == [(0, 0), (0, 1), (0, 2)]


def test_both_arrays_can_be_looked_at(moved):
    """For pictures, which need all elements."""
    seen = []
    look = lambda *given: seen.append(given)  # noqa: E731 - as short as a name
    moved.compare("HEAD~1", "HEAD", options=ArrayOptions(look=look))
    ((path, drift, before, after),) = seen
    assert (path, drift.name, before.shape, float((after - before).max())) == (ARCHIVE, "image", (3, 4), 0.5)


def test_added_and_removed_files_are_named_with_their_reasons(lattice, record, staged):
    record(staged("waves"), "a new test")
    remove(lattice.project, ["golden/lattice.smooth.json"], reason="a dead pipeline", command="harness rm")
    found = lattice.compare("HEAD")
    states = {file.path: (file.state, file.record.reason) for file in found.files}
    assert states == {
        "golden/lattice.smooth.json": (State.REMOVED, "a dead pipeline"),
        "golden/waves.json": (State.ADDED, "a new test"),
        "golden/waves.npz": (State.ADDED, "a new test"),
    }
    contents = {file.path: [(v.name, v.before, v.after) for v in file.values] for file in found.files}
    assert contents["golden/waves.npz"][0] == ("image", None, "float32 (3, 4)")
    assert contents["golden/lattice.smooth.json"] == [("mae", 0.25, None), ("ssim", 0.875, None)]
    assert found.exit_code == 1
    assert len(found.with_state(State.ADDED)) == 2


def test_a_new_file_that_cannot_be_read_is_only_new(lattice):
    """What was added is certain, whatever is in it."""
    (lattice.root / "golden" / "other.npz").write_bytes(b"PK")
    file = lattice.change("golden/other.npz", "HEAD")
    assert (file.state, file.kind, file.obstacle) == (State.ADDED, "file", "")
    lattice.git("rm", "-q", "--cached", ARCHIVE)
    (lattice.root / ARCHIVE).write_bytes(b"PK")
    lattice.commit("Damage it")
    found = lattice.compare("HEAD~2", "HEAD")
    assert {file.state for file in found.files} == {State.ADDED}
    assert found.exit_code == 1
    (notes,) = (file.notes for file in found.files if file.path == ARCHIVE)
    assert any(".npz archive" in note for note in notes), notes


def test_a_renamed_file_is_followed_by_its_records(lattice, record, staged, arrays):
    """Also if it was recorded with other values afterwards."""
    moves = plan_moves(lattice.project, "lattice", "optics/grid")
    move(lattice.project, moves, reason="a better name", command="harness mv")
    arrays["image"][1, 2] += 0.5
    record(staged("optics/grid", arrays=arrays), "finer mesh")
    lattice.commit("Rename")
    file = lattice.change("golden/optics/grid.npz", "HEAD~1", "HEAD")
    assert (file.state, file.old_path) == (State.RENAMED, ARCHIVE)
    assert [value.name for value in file.values] == ["image"]
    assert file.record.reason == "finer mesh"
    assert not lattice.compare("HEAD~1", "HEAD").with_state(State.ADDED)
    assert not lattice.compare("HEAD~1", "HEAD").with_state(State.REMOVED)


def test_a_file_that_was_only_renamed_has_the_reason_for_that(lattice):
    """The new name in its manifest is not listed; the manifest itself only follows."""
    moves = plan_moves(lattice.project, "lattice", "grid")
    move(lattice.project, moves, reason="a better name", command="harness mv")
    found = lattice.compare("HEAD")
    assert [(file.path, file.values, file.record.reason) for file in found.listed] == [
        ("golden/grid.npz", (), "a better name"),
        ("golden/grid.smooth.json", (), "a better name"),
    ]
    assert len(found.files) == 3


def test_without_records_a_file_is_followed_by_its_bytes(lattice):
    """As after `git mv`, which the registry does not know."""
    lattice.git("mv", ARCHIVE, "golden/grid.npz")
    file = lattice.change("golden/grid.npz", "HEAD")
    assert (file.state, file.old_path, file.values) == (State.RENAMED, ARCHIVE, ())
    assert file.notes == ("not in the registry of the work tree",)


def test_another_container_of_the_same_arrays_is_named(lattice, arrays):
    write_archive(lattice.root / ARCHIVE, arrays, compress=True)
    file = lattice.change(ARCHIVE, "HEAD")
    assert file.values == ()
    assert "the same arrays in another container" in file.notes


def test_bytes_that_the_registry_does_not_have_are_named(lattice, arrays):
    """A golden file that was changed by hand, or whose registry was not committed."""
    arrays["image"][0, 0] = 7
    write_archive(lattice.root / ARCHIVE, arrays)
    lattice.commit("Cheat")
    file = lattice.change(ARCHIVE, "HEAD~1", "HEAD")
    assert file.notes == ("its bytes are not those that the registry of HEAD has",)
    assert file.records == ()
    assert [value.name for value in file.values] == ["image"]


def test_a_file_that_is_missing_on_disk_is_removed(lattice):
    (lattice.root / ARCHIVE).unlink()
    file = lattice.change(ARCHIVE, "HEAD")
    assert (file.state, file.notes) == (State.REMOVED, ("its entry is still in the registry",))


def test_a_damaged_file_is_an_obstacle_and_nothing_hides_the_others(moved, record, staged_baseline):
    """The exit code says that harness could not tell."""
    record([staged_baseline(mae=0.5, ssim=0.875)])
    (moved.root / ARCHIVE).write_bytes(b"PK")
    found = moved.compare("HEAD~1")
    files = {file.path: file for file in found.files}
    assert files[ARCHIVE].obstacle
    assert files["golden/lattice.smooth.json"].values
    assert found.exit_code == 2


def test_a_revision_without_a_registry_has_no_golden_files(lattice):
    found = lattice.compare("HEAD~1", "HEAD")
    assert {file.state for file in found.files} == {State.ADDED}
    assert len(found.files) == 3


def test_a_damaged_registry_is_an_error_that_names_the_revision(lattice):
    (lattice.root / "registry.json").write_text("{")
    lattice.commit("Break it")
    with pytest.raises(UnreadableError, match=r"HEAD:registry\.json"):
        lattice.compare("HEAD~1", "HEAD")


def test_an_older_format_is_an_error(lattice):
    (lattice.root / "registry.json").write_text('{"schema": 1, "entries": {}}')
    lattice.commit("Go back")
    with pytest.raises(StaleFormatError, match=r"HEAD:registry\.json has schema 1"):
        lattice.compare("HEAD", "HEAD~1")


def test_a_history_that_cannot_be_read_leaves_the_reasons_out(moved):
    """What changed is still to be seen."""
    (moved.root / "golden" / "history.jsonl").write_text("{}\n")
    moved.commit("Break the history")
    found = moved.compare("HEAD~2", "HEAD")
    assert [value.name for value in found.files[1].values] == ["image"]
    assert found.files[1].records == ()
    assert found.notes[0].startswith("HEAD:golden/history.jsonl cannot be read")


def test_a_project_in_a_directory_of_its_repository_is_found(moved, tmp_path):
    """And other projects beside it are not."""
    outer = tmp_path / "outer"
    shutil.copytree(moved.root / "golden", outer / "project" / "golden")
    shutil.copy(moved.root / "registry.json", outer / "project")
    (outer / "golden").mkdir()
    (outer / "golden" / "stray.npz").write_bytes(b"")
    inner = type(moved)(moved.project._replace(root=outer / "project"))
    subprocess.run(["git", "init", "-q", outer], check=True)
    for name in ("name", "email"):
        inner.git("config", f"user.{name}", "ada@example.org")
    inner.git("add", "-A", "..")
    inner.commit("Begin")
    (outer / "project" / ARCHIVE).unlink()
    found = inner.compare("HEAD")
    assert [(file.path, file.state) for file in found.files] == [(ARCHIVE, State.REMOVED)]
    assert found.same == 2


def test_golden_files_through_links_are_compared(lattice, arrays):
    """A golden directory may be a link to another directory of the repository."""
    (lattice.root / "golden").rename(lattice.root / "data")
    (lattice.root / "golden").symlink_to("data")
    lattice.commit("Link")
    arrays["image"][0, 0] = 7
    write_archive(lattice.root / "data" / "lattice.npz", arrays)
    lattice.commit("Change")
    file = lattice.change(ARCHIVE, "HEAD~1", "HEAD")
    assert [value.name for value in file.values] == ["image"]
    assert lattice.compare("HEAD").exit_code == 0


def test_a_pointer_whose_content_is_not_here_is_named(moved):
    """Git LFS keeps the content elsewhere; nothing is fetched."""
    digest = "0" * 64
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 12\n"
    (moved.root / ARCHIVE).write_text(text)
    commit = moved.commit("Keep it in LFS")
    file = moved.change(ARCHIVE, "HEAD~1", "HEAD")
    assert f"HEAD:{ARCHIVE} is a pointer of Git LFS" in file.obstacle
    assert f"git lfs fetch origin {commit}" in file.obstacle
    assert moved.compare("HEAD~1", "HEAD").exit_code == 2
    assert "git lfs pull" in moved.change(ARCHIVE, "HEAD~1").obstacle


def test_content_in_the_store_of_git_lfs_is_found(moved):
    import hashlib

    data = (moved.root / ARCHIVE).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    store = moved.root / ".git" / "lfs" / "objects" / digest[:2] / digest[2:4]
    store.mkdir(parents=True)
    (store / digest).write_bytes(data)
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n"
    (moved.root / ARCHIVE).write_text(text)
    moved.commit("Keep it in LFS")
    assert moved.compare("HEAD~1", "HEAD").exit_code == 0  # the same content
    file = moved.change(ARCHIVE, "HEAD~2", "HEAD")
    assert (file.obstacle, [value.name for value in file.values]) == ("", ["image"])


def test_an_object_that_git_lacks_is_an_error(moved):
    blob = moved.git("rev-parse", f"HEAD~1:{ARCHIVE}").strip()
    (moved.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(UnreadableError, match=f"{blob} missing"):
        moved.compare("HEAD~1", "HEAD")


def test_a_directory_that_git_lacks_is_an_error(moved):
    tree = moved.git("rev-parse", "HEAD~1:golden").strip()
    (moved.root / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(HarnessError) as caught:
        moved.compare("HEAD~1", "HEAD")
    assert caught.value.exit_code == 2


def test_names_that_the_registry_cannot_have_are_left_out(lattice):
    """They are no golden files, on disk and in a commit alike."""
    for name in ("a\nb.npz", "c:d.npz", "e\\f.npz", ".hidden.npz"):
        (lattice.root / "golden" / name).write_bytes(b"")
    assert lattice.compare("HEAD").files == ()
    lattice.commit("Add files with odd names")
    assert lattice.compare("HEAD~1", "HEAD").files == ()
    assert lattice.compare("HEAD~1").files == ()


def test_digests_of_all_files_are_read_at_once(lattice, record, staged, arrays, monkeypatch):
    """Not with a process of git for each file."""
    record([item for number in range(5) for item in staged(f"lattice{number}")])
    lattice.commit("Add five")
    arrays["image"] += 1
    record([item for number in range(5) for item in staged(f"lattice{number}", arrays=arrays)])
    lattice.commit("Change five")
    calls = []

    def counted(project, files):
        calls.append(files)
        return digests_of_files(project, files)

    monkeypatch.setattr(sides, "digests_of_files", counted)
    assert len(lattice.compare("HEAD~1", "HEAD").files) == 10
    assert len(calls) == 2


def test_what_is_wrong_with_a_picture_is_not_wrong_with_the_file(moved):
    def look(*_):
        raise UnwritableError("x", expected="", found="", remedy="")

    with pytest.raises(UnwritableError):
        moved.compare("HEAD~1", "HEAD", options=ArrayOptions(look=look))


def test_nothing_that_the_repository_configures_is_run(moved, tmp_path):
    """Neither filters nor hooks nor a diff or textconv program; nothing is written into the work tree."""
    trap = tmp_path / "ran"
    for key in ("filter.trap.smudge", "filter.trap.clean", "diff.trap.textconv", "core.fsmonitor"):
        moved.git("config", key, f"touch {trap}")
    (moved.root / ".gitattributes").write_text("*.npz filter=trap diff=trap\n")
    before = sorted(moved.root.rglob("*"))
    moved.compare("HEAD~1", "HEAD")
    moved.compare("HEAD~1")
    assert not trap.exists()
    assert sorted(moved.root.rglob("*")) == before
