"""Files that only the store has come to their places, and nothing that is there is touched."""

from __future__ import annotations

import pytest

from harness.core.errors import UnreadableError, UsageError
from harness.core.registry.registry import describe_file, read_registry
from harness.core.registry.stored import fetching
from harness.core.registry.stored.fetching import fetch_command, fetch_files, require_here
from harness.core.registry.verify import verify
from harness.core.storage.project import Project
from harness.core.storage.remote.cache import place
from harness.core.storage.remote.store import ObjectMissingError
from harness.core.verdict import exit_code

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"


def entries(project):
    return read_registry(project.registry).entries


def test_what_is_not_here_is_fetched(kept):
    before = (kept.root / ARCHIVE).read_bytes()
    (kept.root / ARCHIVE).unlink()
    seen: list[int] = []
    found = fetch_files(kept, entries(kept), progress=seen.append)
    assert (found.placed, dict(found.problems)) == ((ARCHIVE,), {})
    assert (kept.root / ARCHIVE).read_bytes() == before
    assert sum(seen) == len(before)


def test_what_is_here_stays(kept):
    """Even if it is not the registered file."""
    (kept.root / ARCHIVE).write_bytes(b"work of somebody")
    assert fetch_files(kept, entries(kept)).placed == ()
    assert (kept.root / ARCHIVE).read_bytes() == b"work of somebody"


def test_each_problem_is_kept_and_the_rest_is_fetched(kept, entry, object_of):
    for path in (ARCHIVE, MANIFEST):
        (kept.root / path).unlink()
    object_of(entry(ARCHIVE)).unlink()
    found = fetch_files(kept, entries(kept))
    assert found.placed == (MANIFEST,)
    assert isinstance(found.problems[ARCHIVE], ObjectMissingError)
    assert not (kept.root / ARCHIVE).exists()


def test_wrong_bytes_never_get_a_golden_name(kept, entry, object_of, contents):
    """They have the right size."""
    (kept.root / ARCHIVE).unlink()
    before = contents(kept.golden)
    object_of(entry(ARCHIVE)).chmod(0o644)
    object_of(entry(ARCHIVE)).write_bytes(b"x" * entry(ARCHIVE).size)
    found = fetch_files(kept, entries(kept))
    assert "other bytes" in str(found.problems[ARCHIVE])
    assert contents(kept.golden) == before


@pytest.mark.parametrize("shared", [True, False])
def test_one_object_at_several_paths(kept, entry, tmp_path, monkeypatch, shared):
    """From a cache of the project's own it is moved, and there is one of it."""
    if shared:
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    twins = {ARCHIVE: entry(ARCHIVE), "golden/a/twin.npz": entry(ARCHIVE), "golden/b.npz": entry(ARCHIVE)}
    (kept.root / ARCHIVE).unlink()
    found = fetch_files(kept, twins)
    assert (sorted(found.placed), dict(found.problems)) == (sorted(twins), {})
    assert {describe_file(kept.root / path, "fixture").sha256 for path in twins} == {entry(ARCHIVE).sha256}


@pytest.mark.parametrize("placed", [True, False], ids=["the same file", "another file of the same bytes"])
def test_another_process_may_move_the_object_first(kept, entry, monkeypatch, placed):
    """As pytest-xdist's workers do, which fetch what each of their tests needs."""
    before = (kept.root / ARCHIVE).read_bytes()
    (kept.root / ARCHIVE).unlink()
    fetch = fetching.fetch_objects

    def overtaken(store, cache, *arguments, **options):
        came = fetch(store, cache, *arguments, **options)
        if placed:
            place(kept, cache, ARCHIVE, entry(ARCHIVE))
        else:
            cache.path(entry(ARCHIVE).sha256).unlink()
        return came

    monkeypatch.setattr(fetching, "fetch_objects", overtaken)
    assert fetch_files(kept, entries(kept)).problems == {}
    assert (kept.root / ARCHIVE).read_bytes() == before


def test_verify_accepts_what_was_fetched(kept):
    (kept.root / ARCHIVE).unlink()
    require_here(kept, entries(kept))
    assert exit_code(verify(kept)) == 0


def test_an_error_names_the_files_and_the_command(kept, unreachable):
    (kept.root / ARCHIVE).unlink()
    unreachable()
    with pytest.raises(UnreadableError) as raised:
        require_here(kept, entries(kept))
    assert "1 golden file is not here and could not be fetched, golden/lattice.npz: " in str(raised.value)
    assert raised.value.remedy == "When the store can be reached, run `harness fetch lattice`."


def test_without_a_store_nothing_is_asked_for(tmp_path, entry):
    project = Project(tmp_path / "other")
    require_here(project, {ARCHIVE: entry(ARCHIVE)})
    with pytest.raises(UsageError, match="has no store"):
        fetch_files(project, {ARCHIVE: entry(ARCHIVE)})


def test_many_files_are_not_listed_in_a_command(kept):
    paths = [f"golden/{name}.npz" for name in "abcd"]
    assert fetch_command(kept, paths) == "harness fetch --missing"
    assert fetch_command(kept, ["golden/a b.tif"]) == "harness fetch 'golden/a b.tif'"
