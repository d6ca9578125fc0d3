"""What would change is planned first; then it is committed, or nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import HarnessError, RefusedError, UnreadableError
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged, staging_directory
from harness.core.registry.history import record_digest
from harness.core.registry.registry import read_registry
from harness.core.registry.verify import verify
from harness.core.storage.digest import digest_file
from harness.core.verdict import exit_code

FIXTURE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.smooth.json"


@pytest.fixture
def golden(project, contents):
    """Bytes of all that must not change when something is refused."""

    def read() -> dict[str, bytes]:
        return {name: data for name, data in contents(project.root).items() if not name.startswith(".")}

    return read


def test_a_first_commit_writes_and_registers_all_of_it(project, staged, golden):
    item = staged()[0]
    assert set(golden()) == {MANIFEST, BASELINE, FIXTURE, "registry.json"}
    assert golden()[FIXTURE] == item.data.read_bytes()
    assert exit_code(verify(project)) == 0
    entries = read_registry(project.registry).entries
    assert [entries[name].kind for name in (FIXTURE, MANIFEST, BASELINE)] == [
        "fixture",
        "manifest",
        "baseline",
    ]
    assert {entry.record.reason for entry in entries.values()} == {"first light"}


def test_planning_touches_nothing(project, staged, contents):
    before = contents(project.root)
    changes = plan(project, staged(arrays={"image": np.ones(3)}))
    assert [change.path for change in changes] == [MANIFEST, FIXTURE]
    assert contents(project.root) == before


def test_a_change_names_both_digests(project, staged):
    items = staged(arrays={"image": np.ones(3)})
    change = plan(project, items)[1]
    assert (change.before, change.after) == (digest_file(project.root / FIXTURE), digest_file(items[0].data))
    assert change.abbreviated == f"{change.before[7:19]} -> {change.after[7:19]}"
    new = plan(project, staged("other"))
    assert [(change.before, change.abbreviated[:7]) for change in new] == [(None, "new -> ")] * 2


def test_what_is_unchanged_is_not_rewritten(project, staged, record, golden):
    """The same content again is no change: no file, no record, no new date."""
    before, stamp = golden(), (project.root / FIXTURE).stat().st_mtime_ns
    assert record(staged(), reason="again") == ()
    assert golden() == before
    assert (project.root / FIXTURE).stat().st_mtime_ns == stamp


def test_what_is_repacked_is_not_rewritten(project, staged, arrays, record, golden):
    """The same arrays in other zip bytes are the same content, for the plan as for the verdict."""
    items = staged()
    np.savez_compressed(items[0].data, **arrays)
    before = golden()
    assert record(items) == ()
    assert golden() == before


def test_a_damaged_golden_file_is_rewritten(project, staged, record):
    """Also where its arrays are the wanted ones: it is not what the registry says."""
    path = project.root / FIXTURE
    path.write_bytes(path.read_bytes() + b"\0")
    assert [change.path for change in record(staged(), reason="mended")] == [FIXTURE]
    assert exit_code(verify(project)) == 0


def test_only_what_changed_is_recorded_anew(project, staged, staged_baseline, record):
    before = read_registry(project.registry).entries
    record([*staged(), staged_baseline(mae=0.5)], reason="wider probe")
    after = read_registry(project.registry).entries
    assert (after[FIXTURE], after[MANIFEST]) == (before[FIXTURE], before[MANIFEST])
    assert after[BASELINE].record.reason == "wider probe"
    assert after[BASELINE].record.previous == record_digest(before[BASELINE].record)
    assert after[BASELINE].history == (before[BASELINE].record,)


def test_an_unregistered_file_with_the_wanted_content_is_registered(empty, staged, record):
    items = staged()
    (empty.root / "golden").mkdir()
    for item in items:
        (empty.root / item.path).write_bytes(item.data.read_bytes())
    assert [change.path for change in record(items)] == [MANIFEST, FIXTURE]
    assert exit_code(verify(empty)) == 0


def test_two_tests_that_want_one_name_are_refused_and_both_named(project, staged, golden):
    before = golden()
    items = [*staged(test="test_one"), *staged(test="test_other", arrays={"image": np.ones(3)})]
    with pytest.raises(RefusedError) as caught:
        plan(project, items)
    assert caught.value.thing == FIXTURE
    assert "test_one" in caught.value.found
    assert "test_other" in caught.value.found
    assert golden() == before


@pytest.mark.parametrize("path", ["../outside.npz", "/outside.npz", "golden/../../outside.npz"])
def test_a_path_that_leaves_the_repository_is_refused(project, staged, golden, path):
    before, item = golden(), staged()[0]
    with pytest.raises(RefusedError):
        plan(project, [Staged(path, "fixture", item.data)])
    assert golden() == before
    assert not list(project.root.parent.glob("outside*"))


def test_a_staged_file_that_is_gone_changes_nothing(project, staged, staged_baseline, golden):
    """The last of three files cannot be read: the first two are not written either."""
    items = [*staged(arrays={"image": np.ones(3)}), staged_baseline(mae=0.5)]
    changes = plan(project, items)
    assert [change.path for change in changes] == [MANIFEST, FIXTURE, BASELINE]
    before = golden()
    changes[-1].data.unlink()
    with pytest.raises(UnreadableError):
        commit(project, changes, reason="none", command="none")
    assert golden() == before


@pytest.mark.parametrize("damage", [b"{", b'{"schema": 2}'])
def test_a_registry_that_cannot_be_read_changes_nothing(project, staged, golden, damage):
    """It was whole when the change was planned, and is not when it is committed."""
    changes = plan(project, staged(arrays={"image": np.ones(3)}))
    project.registry.write_bytes(damage)
    before = golden()
    with pytest.raises(HarnessError):
        commit(project, changes, reason="none", command="none")
    assert golden() == before


def test_nothing_to_change_is_nothing_written(empty, contents):
    commit(empty, (), reason="none", command="none")
    assert contents(empty.root) == {}


def test_staged_files_lie_in_the_repository_where_git_ignores_them(empty):
    """On the golden files' own file system, each asker in a directory of its own."""
    one, other = staging_directory(empty), staging_directory(empty)
    assert one != other
    assert one.is_relative_to(empty.root / ".harness")
    assert (empty.root / ".harness" / ".gitignore").read_text("utf-8") == "*\n"
