"""Many objects at a time, to a store and from it: each failure is kept, and the rest goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from harness.core.errors import HarnessError
from harness.core.storage.remote.threads import in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.core.storage.remote.cache import Cache
    from harness.core.storage.remote.store import Store

JOBS = 8
"""Objects that are transferred at a time, if nobody says otherwise."""


class Wanted(NamedTuple):
    """An object to be downloaded.

    Attributes
    ----------
    sha256 : str
        ``sha256:...``.
    size : int
        Bytes.
    """

    sha256: str
    size: int


class Local(NamedTuple):
    """A file to be uploaded.

    Attributes
    ----------
    path : Path
    sha256 : str
        The digest that its bytes have.
    size : int
        Bytes.
    """

    path: Path
    sha256: str
    size: int


Item = TypeVar("Item", Wanted, Local)


class Transferred(NamedTuple):
    """What came of a transfer, in the order that was asked for.

    Attributes
    ----------
    done : tuple of str
        Digests of the objects that are there now.
    failed : tuple of (str, HarnessError)
        Digests of the others, with what went wrong.
    """

    done: tuple[str, ...]
    failed: tuple[tuple[str, HarnessError], ...]


def _silent(_count: int) -> None:
    """Show no progress."""


def fetch_objects(
    store: Store,
    cache: Cache,
    wanted: Sequence[Wanted],
    *,
    jobs: int = JOBS,
    progress: Callable[[int], object] = _silent,
) -> Transferred:
    """Download objects to a cache, those that are not there yet.

    Parameters
    ----------
    store : Store
    cache : Cache
    wanted : sequence of Wanted
        One that is listed twice is downloaded once.
    jobs : int
        Objects at a time.
    progress : callable
        Called from several threads with numbers of bytes, which add up to the sizes of what is done, and of
        the parts of others that the next attempt goes on from.
    """
    return _each(
        store, wanted, lambda item: cache.fetch(store, item.sha256, item.size, on_bytes=progress), jobs
    )


def push_files(
    store: Store,
    files: Sequence[Local],
    *,
    jobs: int = JOBS,
    progress: Callable[[int], object] = _silent,
) -> Transferred:
    """Upload files, those that the store does not have yet.

    Parameters
    ----------
    store : Store
    files : sequence of Local
        Of several with the same bytes, one is uploaded.
    jobs : int
        Files at a time.
    progress : callable
        Called from several threads with numbers of bytes, which add up to the sizes of what is done.
    """
    return _each(store, files, lambda item: store.put(item.path, item.sha256, on_bytes=progress), jobs)


def _each(store: Store, items: Sequence[Item], call: Callable[[Item], object], jobs: int) -> Transferred:
    """Call a function for each item with another digest, in up to *jobs* threads."""
    once = {item.sha256: item for item in reversed(items)}
    digests = list(dict.fromkeys(item.sha256 for item in items))
    came = in_threads(lambda digest: call(once[digest]), digests, jobs, store.stopped)
    failed = {
        sha256: error for sha256, error in zip(digests, came, strict=True) if isinstance(error, HarnessError)
    }
    return Transferred(tuple(sha256 for sha256 in digests if sha256 not in failed), tuple(failed.items()))
