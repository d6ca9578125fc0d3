"""A project's store with the cache that its objects are brought into."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import UnreadableError, UsageError
from harness.core.storage.atomic import is_absent
from harness.core.storage.project import make_workspace
from harness.core.storage.remote.cache import Cache, find_cache
from harness.core.storage.remote.settings import find_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project
    from harness.core.storage.remote.store import Store


class CachedStore(NamedTuple):
    """A project, its store and its cache."""

    project: Project
    store: Store
    cache: Cache

    def copy_of(self, entry: Entry) -> Path:
        """Return a file of the cache with an entry's bytes, which are fetched if the cache lacks them.

        Raises
        ------
        UnreadableError
            If they cannot be had, or are not those of the entry.
        UnwritableError
            If the cache cannot be written.
        """
        found = self.cache.find(entry.sha256, entry.size)
        if found is not None:
            return found
        self.prepare()
        return self.cache.fetch(self.store, entry.sha256, entry.size)

    def version(self, sha256: str) -> Path | None:
        """Return a file of the cache with the bytes of a digest, fetched if need be; None if none has them.

        Raises
        ------
        UnreadableError
            If the store cannot be asked, or does not give what it has.
        UnwritableError
            If the cache cannot be written.
        """
        cached = self.cache.path(sha256)
        if cached.is_file() and self.cache.find(sha256, cached.stat().st_size):
            return cached
        size = self.store.sizes([sha256]).get(sha256)
        if size is None:
            return None
        self.prepare()
        return self.cache.fetch(self.store, sha256, size)

    def known(self, entries: Iterable[Entry]) -> set[str] | None:
        """Return the SHA-256 of the entries whose bytes the cache or the store has.

        None if the store does not answer, and the cache does not have all of them.
        """
        asked = {entry.sha256: entry.size for entry in entries}
        cached = {sha256 for sha256, size in asked.items() if self.cache.find(sha256, size)}
        if cached == asked.keys():
            return cached
        try:
            return cached | self.store.sizes(asked.keys() - cached).keys()
        except UnreadableError:
            return None

    def prepare(self) -> None:
        """Make the workspace, which git ignores, if the cache is in it."""
        if not self.cache.shared:
            make_workspace(self.project)


def find_cached_store(project: Project) -> CachedStore | None:
    """Return the store and the cache of *project*; None if it has no store.

    Raises
    ------
    UsageError
        If the store's address is not valid.
    DependencyError
        If a package that the store needs is not installed.
    """
    store = find_store(project)
    return CachedStore(project, store, find_cache(project)) if store is not None else None


def require_cached_store(project: Project) -> CachedStore:
    """Return the store and the cache of *project*.

    Raises
    ------
    UsageError
        If it has no store; else as :func:`find_cached_store`.
    """
    found = find_cached_store(project)
    if found is None:
        place = project.root / "pyproject.toml"
        raise UsageError(
            f"{place}: [tool.harness] store",
            expected="the address of a store",
            found="none",
            message=f"this project has no store: {place} sets none",
            remedy='Add `store = "s3://bucket/prefix"`, or another address, to [tool.harness].',
        )
    return found


def absent_files(project: Project, entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the entries of the registered files that are not here: nothing is at their paths.

    Raises
    ------
    UnreadableError
        If the directory of one may not be searched.

    Examples
    --------
    >>> from pathlib import Path
    >>> from harness import Project
    >>> absent_files(Project(Path.cwd()), {})
    {}
    """
    return {path: entry for path, entry in entries.items() if is_absent(project.locate(path))}
