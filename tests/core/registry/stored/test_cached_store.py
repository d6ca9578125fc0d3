"""Objects come from the store through the cache."""

from __future__ import annotations

import pytest

from harness.core.errors import UnreadableError, UsageError
from harness.core.registry.stored.cached_store import (
    absent_files,
    find_cached_store,
    require_cached_store,
)
from harness.core.storage.project import Project

ARCHIVE = "golden/lattice.npz"


def test_a_project_without_a_store_has_none(tmp_path):
    project = Project(tmp_path)
    assert find_cached_store(project) is None
    with pytest.raises(UsageError, match="this project has no store"):
        require_cached_store(project)


def test_a_copy_has_the_bytes_of_the_entry(kept, entry):
    """The golden directory stays as it is, and the cache is in a workspace that git ignores."""
    before = (kept.root / ARCHIVE).read_bytes()
    (kept.root / ARCHIVE).unlink()
    found = require_cached_store(kept).copy_of(entry(ARCHIVE))
    assert found.read_bytes() == before
    assert not (kept.root / ARCHIVE).exists()
    assert (kept.workspace / ".gitignore").read_text() == "*\n"


def test_a_copy_in_the_cache_needs_no_store(kept, entry, unreachable):
    remote = require_cached_store(kept)
    found = remote.copy_of(entry(ARCHIVE))
    unreachable()
    assert remote.copy_of(entry(ARCHIVE)) == found
    assert remote.version(entry(ARCHIVE).sha256) == found
    assert remote.known([entry(ARCHIVE)]) == {entry(ARCHIVE).sha256}


def test_what_the_store_does_not_have_is_not_known(kept, entry):
    other = entry(ARCHIVE)._replace(sha256=f"sha256:{'0' * 64}")
    remote = require_cached_store(kept)
    assert remote.known([entry(ARCHIVE), other]) == {entry(ARCHIVE).sha256}
    assert remote.version(other.sha256) is None


def test_a_store_that_does_not_answer_knows_nothing(kept, entry, unreachable):
    unreachable()
    remote = require_cached_store(kept)
    assert remote.known([entry(ARCHIVE)]) is None
    with pytest.raises(UnreadableError):
        remote.version(entry(ARCHIVE).sha256)
    with pytest.raises(UnreadableError):
        remote.copy_of(entry(ARCHIVE))


def test_a_link_is_not_absent(kept, entry):
    """Whatever it leads to: it may be one of git-annex."""
    (kept.root / ARCHIVE).unlink()
    assert list(absent_files(kept, {ARCHIVE: entry(ARCHIVE)})) == [ARCHIVE]
    (kept.root / ARCHIVE).symlink_to("nowhere")
    assert absent_files(kept, {ARCHIVE: entry(ARCHIVE)}) == {}
