"""What the store has of files that git does not keep."""

from __future__ import annotations

import pytest

from harness.core.errors import UnreadableError
from harness.core.registry.registry import read_registry
from harness.core.registry.stored.kept import Kept, look_up
from harness.core.storage.project import Project

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"


def entries(project):
    return {ARCHIVE: read_registry(project.registry).entries[ARCHIVE]}


def test_a_sound_object_of_a_file_that_is_here(kept):
    found = look_up(kept, entries(kept))
    assert (found.sound, dict(found.files), dict(found.problems)) == (frozenset([ARCHIVE]), {}, {})


def test_a_file_that_is_not_here_comes_to_the_cache(kept):
    before = (kept.root / ARCHIVE).read_bytes()
    (kept.root / ARCHIVE).unlink()
    found = look_up(kept, entries(kept))
    assert found.sound == {ARCHIVE}
    assert found.files[ARCHIVE].read_bytes() == before
    assert not (kept.root / ARCHIVE).exists()


@pytest.mark.parametrize(
    ("change", "problem"), [(None, "no object"), (1, "an object of "), (0, "an object with other bytes, sha")]
)
def test_a_lost_or_changed_object_is_a_problem(kept, object_of, change, problem):
    """Whether the file is here or not."""
    entry = entries(kept)[ARCHIVE]
    object_of(entry).unlink()
    if change is not None:
        object_of(entry).write_bytes(b"x" * (entry.size + change))
    for _ in range(2):
        found = look_up(kept, entries(kept))
        assert found.problems[ARCHIVE].startswith(problem)
        assert (found.sound, dict(found.files)) == (frozenset(), {})
        (kept.root / ARCHIVE).unlink(missing_ok=True)


def test_a_changed_object_is_found_although_the_cache_is_right(kept, entry, object_of):
    (kept.root / ARCHIVE).unlink()
    look_up(kept, entries(kept))
    object_of(entry(ARCHIVE)).unlink()
    object_of(entry(ARCHIVE)).write_bytes(b"x" * entry(ARCHIVE).size)
    assert ARCHIVE in look_up(kept, entries(kept)).problems


def test_older_versions_that_the_store_lacks(kept, entry):
    lost = f"sha256:{'0' * 64}"
    assert look_up(kept, {}, {lost, entry(ARCHIVE).sha256}).lost == {lost}


def test_without_an_answer_there_is_none(kept, unreachable):
    unreachable()
    with pytest.raises(UnreadableError):
        look_up(kept, entries(kept))


def test_a_project_without_a_store(tmp_path, entry):
    assert look_up(Project(tmp_path), {ARCHIVE: entry(ARCHIVE)}) == Kept()
