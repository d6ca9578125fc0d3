"""What would change is planned first, and planning touches nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from harness.core.errors import RefusedError, UsageError
from harness.core.recording.plan import abbreviate, digest_if_file, plan
from harness.core.recording.staged import Staged
from harness.core.registry.verify import verify
from harness.core.storage.digest import digest_file
from harness.core.verdict import exit_code

FIXTURE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.smooth.json"
BRIGHTER = {"image": np.ones(3)}


def test_planning_touches_nothing(project, staged, contents):
    items = staged(arrays=BRIGHTER)
    before = contents(project.root)
    assert [change.path for change in plan(project, items)] == [MANIFEST, FIXTURE]
    assert contents(project.root) == before


def test_a_change_has_both_digests_and_the_differences(project, staged):
    items = staged(arrays=BRIGHTER)
    change = plan(project, items)[1]
    assert (change.before, change.after) == (digest_file(project.root / FIXTURE), digest_file(items[0].data))
    assert change.abbreviated == f"{change.before[7:19]} -> {change.after[7:19]}"
    assert "image: float32 (3, 4) -> float64 (3,)" in change.differences


def test_a_new_file_has_no_digest_before_and_no_drift(project, staged):
    for change in plan(project, staged("other")):
        assert (change.before, change.abbreviated[:7]) == (None, "new -> ")
        assert (change.differences, change.drift) == ((), None)


def test_a_file_recorded_before_has_its_drift(project, staged_baseline):
    (change,) = plan(project, [staged_baseline(mae=0.25, ssim=0.9)])
    assert change.drift.cumulative.from_last.name == "ssim"


def test_unchanged_files_are_left_out(project, staged):
    assert plan(project, staged()) == ()


def test_a_repacked_archive_is_left_out(project, staged, arrays):
    """The same arrays in other zip bytes are the same content, as for the verdict."""
    items = staged()
    np.savez_compressed(items[0].data, **arrays)
    assert plan(project, items) == ()


def test_a_damaged_golden_file_is_planned(project, staged):
    """Even if its arrays are the staged ones: it does not match the registry."""
    path = project.root / FIXTURE
    path.write_bytes(path.read_bytes() + b"\0")
    assert [change.path for change in plan(project, staged())] == [FIXTURE]


def test_an_unregistered_file_with_the_staged_content_is_planned(empty, staged, record):
    items = staged()
    (empty.root / "golden").mkdir()
    for item in items:
        (empty.root / item.path).write_bytes(item.data.read_bytes())
    assert [change.path for change in record(items)] == [MANIFEST, FIXTURE]
    assert exit_code(verify(empty)) == 0


def test_two_tests_that_stage_one_name_are_refused_and_both_named(project, staged):
    items = [*staged(test="test_one"), *staged(test="test_other", arrays=BRIGHTER)]
    with pytest.raises(RefusedError, match="different content in test_one and test_other") as caught:
        plan(project, items)
    assert caught.value.thing == FIXTURE


def test_one_test_that_stages_one_name_with_two_contents_is_refused_and_both_places_named(project, staged):
    """The first one does not win in silence."""
    one, other = staged(test="test_one")[0], staged(test="test_one", arrays=BRIGHTER)[0]
    items = [dataclasses.replace(one, place="test_a.py:3"), dataclasses.replace(other, place="test_a.py:7")]
    with pytest.raises(RefusedError, match=r"content in test_one \(test_a\.py:3 and test_a\.py:7\)"):
        plan(project, items)


def test_equal_content_of_two_tests_is_accepted(project, staged):
    """They are planned once."""
    items = [*staged(test="test_one", arrays=BRIGHTER), *staged(test="test_other", arrays=BRIGHTER)]
    assert plan(project, items) == plan(project, items[: len(items) // 2])


def test_a_check_that_accepts_the_golden_file_contradicts_one_that_changes_it(project, staged):
    """The accepted file is passed like a staged one."""
    kept = Staged(FIXTURE, "fixture", project.locate(FIXTURE), "test_one")
    assert plan(project, [kept, *staged(test="test_other")]) == ()
    with pytest.raises(RefusedError, match="different content in test_one and test_other"):
        plan(project, [kept, *staged(test="test_other", arrays=BRIGHTER)])


@pytest.mark.parametrize("path", ["../outside.npz", "/outside.npz", "golden/../../outside.npz"])
def test_a_path_that_leaves_the_repository_is_refused(project, staged, path):
    with pytest.raises(RefusedError):
        plan(project, [Staged(path, "fixture", staged()[0].data)])


def test_the_history_is_not_a_golden_file(project, staged):
    """It holds the records, and could not hold one of itself."""
    with pytest.raises(RefusedError, match="the history of the golden files"):
        plan(project, [Staged("golden/history.jsonl", "file", staged()[0].data)])


def test_a_digest_is_abbreviated_and_a_missing_file_has_none(tmp_path):
    assert abbreviate(f"xxh128:{'0123456789abcdef' * 2}") == "0123456789ab"
    assert abbreviate(None) == "new"
    assert digest_if_file(tmp_path / "none") is None
    assert digest_if_file(tmp_path) is None
    (tmp_path / "a").write_bytes(b"a")
    assert digest_if_file(tmp_path / "a") == digest_file(tmp_path / "a")


@pytest.mark.parametrize(
    "name", ["golden/con.npz", "golden/a /b.npz", "golden/a?.npz", f"golden/{'a' * 201}"]
)
def test_a_name_that_not_every_system_takes_is_refused(project, staged, name, contents):
    """Nothing is written, and no journal is."""
    before = contents(project.root)
    item = dataclasses.replace(staged()[0], path=name, kind="file")
    with pytest.raises(UsageError, match="golden file name"):
        plan(project, [item])
    assert contents(project.root) == before


@pytest.mark.parametrize("name", ["Lattice", "LATTICE"])
def test_a_name_that_differs_from_a_golden_one_by_case_is_refused(project, staged, name):
    with pytest.raises(UsageError, match=r"'golden/lattice\.json' .* differ only by case"):
        plan(project, staged(name))


def test_two_staged_names_that_differ_by_case_are_refused(empty, staged):
    with pytest.raises(UsageError, match="differ only by case"):
        plan(empty, [*staged("optics/a"), *staged("Optics/b")])
