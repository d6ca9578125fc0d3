"""Files that only the store has are verified there: the same, lost, other bytes, or no answer."""

from __future__ import annotations

import pytest

from harness.core.registry.registry import read_registry
from harness.core.registry.stored.cached_store import require_cached_store
from harness.core.registry.verify import verify
from harness.core.verdict import Outcome, exit_code

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"


def verdict(project, **options):
    return {item.name: item for item in verify(project, **options)}[ARCHIVE]


@pytest.fixture
def absent(kept):
    """The project without its archive."""
    (kept.root / ARCHIVE).unlink()
    return kept


@pytest.mark.parametrize("options", [{}, {"sha256": True}, {"reads_store": False}])
def test_a_file_in_the_store_is_the_same(absent, contents, options):
    """It is read there, and not brought here."""
    before = contents(absent.root)
    found = verdict(absent, **options)
    assert found.outcome is Outcome.SAME
    assert found.detail.startswith("in the store, file://")
    assert exit_code(verify(absent)) == 0
    assert contents(absent.root) == before


def test_a_file_in_the_cache_needs_no_store(absent, entry, unreachable):
    require_cached_store(absent).copy_of(entry(ARCHIVE))
    unreachable()
    assert verdict(absent) == (ARCHIVE, Outcome.SAME, "in the cache", "")


def test_damage_in_the_cache_does_not_count(absent, entry):
    """The object is read from the store then."""
    copy = require_cached_store(absent).copy_of(entry(ARCHIVE))
    copy.chmod(0o644)
    copy.write_bytes(b"x" * entry(ARCHIVE).size)
    assert verdict(absent).detail.startswith("in the store")


def test_a_lost_object_is_missing(absent, entry, object_of):
    object_of(entry(ARCHIVE)).unlink()
    found = verdict(absent)
    assert found.outcome is Outcome.MISSING
    assert f"found no file, and no object {entry(ARCHIVE).sha256} in the store file://" in found.detail
    assert "no commit has the recorded bytes" in found.remedy
    assert exit_code(verify(absent)) == 1


def test_what_git_keeps_too_can_be_restored(kept, entry, object_of):
    (kept.root / MANIFEST).unlink()
    object_of(entry(MANIFEST)).unlink()
    found = {item.name: item for item in verify(kept)}[MANIFEST]
    assert found.outcome is Outcome.MISSING
    assert "Restore it with `git checkout HEAD -- golden/lattice.json`" in found.remedy


@pytest.mark.parametrize(("change", "found"), [(1, "bytes, found"), (0, "expected xxh128:")])
def test_another_object_is_corrupt(absent, entry, object_of, change, found):
    """Of another size, or of the same."""
    object_of(entry(ARCHIVE)).chmod(0o644)
    object_of(entry(ARCHIVE)).write_bytes(b"x" * (entry(ARCHIVE).size + change))
    item = verdict(absent)
    assert (item.outcome, found in item.detail) == (Outcome.CORRUPT, True)
    assert exit_code(verify(absent)) == 1


def test_a_store_that_does_not_answer_leaves_it_open(absent, unreachable):
    """Neither 0 nor 1; the other files have their verdicts."""
    unreachable()
    found = verify(absent)
    assert {item.name: item.outcome for item in found if item.outcome is not Outcome.SAME} == {
        ARCHIVE: Outcome.UNKNOWN
    }
    assert exit_code(found) == 2


def test_a_file_that_is_there_is_not_looked_up(kept, unreachable):
    unreachable()
    assert exit_code(verify(kept)) == 0


def test_wrong_xxh128_in_the_registry_is_found(absent, entry):
    """The bytes are those of the SHA-256."""
    text = absent.registry.read_text()
    absent.registry.write_text(text.replace(entry(ARCHIVE).xxh128, f"xxh128:{'0' * 32}"))
    assert read_registry(absent.registry).entries[ARCHIVE].xxh128.endswith("0" * 32)
    assert verdict(absent).outcome is Outcome.CORRUPT
