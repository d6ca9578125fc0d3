"""Files that only the store has -> verdicts, as if they were here."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import xxhash

from harness.core.errors import HarnessError
from harness.core.registry.stored.cached_store import require_cached_store
from harness.core.storage.digest import digest_file, hashing
from harness.core.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from harness.core.registry.format import Entry
    from harness.core.registry.stored.cached_store import CachedStore
    from harness.core.storage.project import Project
    from harness.core.storage.remote.store import Store

Item = TypeVar("Item")
Result = TypeVar("Result")

_THREADS = 8
"""Objects that are read at once: a store answers slowly and many times at once."""


class Streamed(NamedTuple):
    """What reading an object from the store gave.

    Attributes
    ----------
    size : int
        Bytes that came.
    xxh128, sha256 : str
        Their digests.
    problem : HarnessError or None
        Why the object could not be read, or is not the right one; None if it is.
    """

    size: int
    xxh128: str
    sha256: str
    problem: HarnessError | None


def verdicts_in_store(
    project: Project, entries: Mapping[str, Entry], *, reads: bool = True
) -> dict[str, Verdict]:
    """Return a verdict on each of the files, of which none is here, by path.

    Parameters
    ----------
    project : Project
        One with a store.
    entries : mapping of str to Entry
    reads : bool, optional
        Whether to read and hash the bytes, from the cache or the store. Without it, the store is asked for
        their sizes alone.

    Raises
    ------
    UsageError, DependencyError
        As :func:`~harness.core.registry.stored.cached_store.require_cached_store`.
    """
    remote = require_cached_store(project)
    cached = _cached(remote, entries) if reads else {}
    asked = {path: entry for path, entry in entries.items() if path not in cached}
    try:
        sizes = remote.store.sizes({entry.sha256 for entry in asked.values()}) if asked else {}
    except HarnessError as error:
        return cached | {path: _unknown(path, error) for path in asked}
    found = {path: _listed(remote, path, entry, sizes) for path, entry in asked.items()}
    there = {path: asked[path] for path, verdict in found.items() if verdict.outcome is Outcome.SAME}
    return cached | found | _read_all(remote, there if reads else {})


def stream_object(remote: CachedStore, entry: Entry) -> Streamed:
    """Read an entry's object from the store, and nothing else; keep no byte of it."""
    fast, safe, size, problem = xxhash.xxh3_128(), hashlib.sha256(), 0, None
    try:
        for block in remote.store.blocks(entry.sha256, entry.size):
            fast.update(block)
            safe.update(block)
            size += len(block)
            hashing.add(len(block))
    except HarnessError as error:
        problem = error
    return Streamed(size, f"xxh128:{fast.hexdigest()}", f"sha256:{safe.hexdigest()}", problem)


def in_threads(store: Store, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return the results of *work* on objects, several at a time, in order.

    Ctrl-C, which only the main thread gets, stops all transfers of *store*.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            return list(pool.map(work, items))
        except BaseException:
            store.stopped.set()
            pool.shutdown(cancel_futures=True)
            raise


def _read_all(remote: CachedStore, entries: Mapping[str, Entry]) -> dict[str, Verdict]:
    read = in_threads(remote.store, lambda item: _read(remote, *item), entries.items())
    return dict(zip(entries, read, strict=True))


def _cached(remote: CachedStore, entries: Mapping[str, Entry]) -> dict[str, Verdict]:
    """Return the verdicts on the files that the cache has: they were verified when they came into it."""
    found = {}
    for path, entry in entries.items():
        file = remote.cache.find(entry.sha256, entry.size)
        if file is not None and digest_file(file) == entry.xxh128:  # its SHA-256 was compared
            found[path] = Verdict(path, Outcome.SAME, "in the cache")
    return found


def _listed(remote: CachedStore, path: str, entry: Entry, sizes: Mapping[str, int]) -> Verdict:
    size = sizes.get(entry.sha256)
    if size is None:
        return Verdict(path, Outcome.MISSING, f"and no object {entry.sha256} in the store {remote.store.url}")
    if size != entry.size:
        return _corrupt(path, f"expected {entry.size} bytes, found {size} in the store {remote.store.url}")
    return Verdict(path, Outcome.SAME, f"in the store, {remote.store.url}")


def _read(remote: CachedStore, path: str, entry: Entry) -> Verdict:
    """Verdict on one object. Wrong bytes are a finding; bytes that did not come are none."""
    found = stream_object(remote, entry)
    expected = (entry.size, entry.xxh128, entry.sha256)
    where = f"in the store, {remote.store.url}"
    if found[:3] == expected:
        return Verdict(path, Outcome.SAME, where)
    if found.size != entry.size and found.problem is not None:
        return _unknown(path, found.problem)
    pairs = zip(expected, found[:3], strict=True)
    wanted, other = next((one, other) for one, other in pairs if one != other)
    return _corrupt(path, f"expected {wanted}, found {other} {where}")


def _unknown(path: str, error: HarnessError) -> Verdict:
    return Verdict(path, Outcome.UNKNOWN, error.message or error.found, error.remedy)


def _corrupt(path: str, detail: str) -> Verdict:
    return Verdict(path, Outcome.CORRUPT, detail, _REPLACE)


_REPLACE = "Delete the object, then run `harness push` in a clone that has the file."
