"""Objects that nothing names, and are old enough, are removed; no others."""

from __future__ import annotations

import os
import time

import pytest

from harness.core.errors import UnreadableError
from harness.core.registry.registry import read_registry
from harness.core.registry.stored.cached_store import require_cached_store
from harness.core.registry.stored.garbage import DAY_SECONDS, find_garbage, remove_objects


@pytest.fixture
def old(kept, record, staged, arrays, store_folder):
    """A second version of the fixture; all objects are a month old."""
    arrays["image"] += 1
    record(staged(arrays=arrays), reason="new version")
    for file in store_folder.rglob("*"):
        if file.is_file():
            os.utime(file, (time.time() - 30 * DAY_SECONDS,) * 2)
    return kept


def test_old_versions_stay_as_long_as_a_commit_names_them(old):
    found = find_garbage(old, require_cached_store(old).store, grace_days=14)
    assert (found.removable, found.recent, found.named) == ((), (), 5)


def test_what_nothing_names_is_removed(old, git, object_of):
    """The recording was not committed, and undone."""
    new = [entry for entry in read_registry(old.registry).entries.values() if entry.kind != "baseline"]
    git(old.root, "checkout", "-q", "--", ".")
    store = require_cached_store(old).store
    found = find_garbage(old, store, grace_days=14)
    assert {item.sha256 for item in found.removable} == {entry.sha256 for entry in new}
    assert [object_of(entry).is_file() for entry in new] == [True, True]
    gone: list[str] = []
    remove_objects(store, found.removable, lambda item: gone.append(item.sha256))
    assert len(gone) == 2
    assert find_garbage(old, store, grace_days=14) == ((), (), 3)


@pytest.mark.parametrize(("days", "count"), [(29.9, 2), (30.1, 0)])
def test_the_grace_period(old, git, days, count):
    git(old.root, "checkout", "-q", "--", ".")
    found = find_garbage(old, require_cached_store(old).store, grace_days=days)
    assert (len(found.removable), len(found.recent)) == (count, 2 - count)


def test_a_store_that_cannot_be_listed_has_no_garbage(old, unreachable):
    unreachable()
    with pytest.raises(UnreadableError):
        find_garbage(old, require_cached_store(old).store, grace_days=14)
