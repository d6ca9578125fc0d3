"""What the store has of files that git does not keep: sound objects, wrong ones, lost ones."""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import UnreadableError
from harness.core.registry.stored.cached_store import absent_files, find_cached_store
from harness.core.registry.stored.verdicts import in_threads, stream_object

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from harness.core.registry.format import Entry
    from harness.core.registry.stored.cached_store import CachedStore
    from harness.core.storage.project import Project


class Kept(NamedTuple):
    """What a project's store has.

    Attributes
    ----------
    store : str
        Its address; empty if the project has none.
    files : mapping of str to Path
        Where the bytes of files are that are not in the golden directory: in the cache.
    sound : frozenset of str
        Paths of the files whose objects have the recorded bytes.
    problems : mapping of str to str
        For other paths, what is in their objects' places.
    lost : frozenset of str
        SHA-256 of older versions that the store does not have.
    """

    store: str = ""
    files: Mapping[str, Path] = MappingProxyType({})
    sound: frozenset[str] = frozenset()
    problems: Mapping[str, str] = MappingProxyType({})
    lost: frozenset[str] = frozenset()


def look_up(project: Project, entries: Mapping[str, Entry], older: Collection[str] = ()) -> Kept:
    """Return what the store has of files, whose objects are read and hashed, and of older versions.

    Files that are not here are brought into the cache, not into the golden directory.

    Parameters
    ----------
    project : Project
    entries : mapping of str to Entry
        The files that git does not keep, by path.
    older : collection of str
        SHA-256 of versions that git does not keep, of which only the presence is asked for.

    Raises
    ------
    UnreadableError
        If the store does not answer: then there is no answer at all.
    UsageError, DependencyError
        As :func:`~harness.core.registry.stored.cached_store.find_cached_store`.
    """
    remote = find_cached_store(project) if entries or older else None
    if remote is None:
        return Kept()
    sizes = remote.store.sizes({*older, *(entry.sha256 for entry in entries.values())})
    absent = absent_files(project, entries)
    listed = {path: entry for path, entry in entries.items() if sizes.get(entry.sha256) == entry.size}
    looks = in_threads(
        remote.store, lambda item: _look(remote, item[1], keep=item[0] in absent), listed.items()
    )
    found = dict(zip(listed, looks, strict=True))
    problems = {path: _of_size(entry, sizes) for path, entry in entries.items() if path not in listed}
    problems |= {path: item for path, item in found.items() if isinstance(item, str) and item}
    return Kept(
        store=remote.store.url,
        files={path: item for path, item in found.items() if not isinstance(item, str)},
        sound=frozenset(entries.keys() - problems.keys()),
        problems=problems,
        lost=frozenset(digest for digest in older if digest not in sizes),
    )


def _look(remote: CachedStore, entry: Entry, *, keep: bool) -> Path | str:
    """Read an object; return the file that it is kept in, or what is wrong with it, if anything."""
    cached = remote.cache.find(entry.sha256, entry.size) if keep else None
    if keep and cached is None:
        with contextlib.suppress(UnreadableError):  # what came instead is found out below
            return remote.copy_of(entry)
    streamed = stream_object(remote, entry)
    if streamed.size != entry.size and streamed.problem is not None:
        raise streamed.problem
    if (streamed.size, streamed.sha256) != (entry.size, entry.sha256):
        return f"an object with other bytes, {streamed.sha256}"
    return (cached or remote.copy_of(entry)) if keep else ""


def _of_size(entry: Entry, sizes: Mapping[str, int]) -> str:
    """What is in the place of an object that is not there, or has another size."""
    size = sizes.get(entry.sha256)
    return "no object" if size is None else f"an object of {size} bytes"
