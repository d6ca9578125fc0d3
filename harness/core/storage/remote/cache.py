"""The cache that objects of a store arrive in: shared by many processes, and never trusted unread.

An object gets its name in the cache when all its bytes are there and have its SHA-256. Until then they are in
a hidden file beside it, which the next attempt continues, also after its process was killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from filelock import FileLock, Timeout

from harness.core.errors import LockedError, RefusedError, UnreadableError
from harness.core.storage.atomic import (
    draft_of,
    make_directory,
    replace,
    sync_directory,
    unlink,
    unwritable_on_error,
)
from harness.core.storage.remote.kinds.access import BLOCK_BYTES
from harness.core.storage.remote.names import object_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from harness.core.storage.project import Project
    from harness.core.storage.remote.store import Store

VARIABLE = "HARNESS_CACHE"
"""Environment variable with the directory of a cache that clones and users share."""

_FOLDER = "cache"
_LOCKS = "locks"
_LOCK_DIGITS = 3
"""Objects with the same first digits share a lock file, so that there are at most 4096."""

_SILENT_SECONDS = 300.0
_LOOK_SECONDS = 0.5
_USER = str(os.getuid()) if hasattr(os, "getuid") else "user"


class Digested(Protocol):
    """Bytes by size and digest, as an entry of the registry has them."""

    @property
    def size(self) -> int: ...  # noqa: D102 - as above

    @property
    def sha256(self) -> str: ...  # noqa: D102 - as above


class Cache(NamedTuple):
    """A directory of verified objects.

    Attributes
    ----------
    root : Path
        It is made when the first object arrives.
    shared : bool
        Whether other projects use it: then objects are copied from it, else moved.
    """

    root: Path
    shared: bool = True

    def path(self, sha256: str) -> Path:
        """Return where an object is, or would be. Whoever reads it there compares the digest."""
        return self.root / object_name(sha256)

    def find(self, sha256: str, size: int) -> Path | None:
        """Return the path of an object that is here with the right bytes, which are all read; else None."""
        path = self.path(sha256)
        try:
            if not stat.S_ISREG(path.lstat().st_mode) or path.stat().st_size != size:
                return None
            return path if _sha256(path) == sha256 else None
        except OSError:
            return None

    def fetch(
        self, store: Store, sha256: str, size: int, *, on_bytes: Callable[[int], object] = lambda _: None
    ) -> Path:
        """Return the path of an object, after it was downloaded if it was not here.

        Parameters
        ----------
        store : Store
        sha256 : str
            ``sha256:...``.
        size : int
            Bytes.
        on_bytes : callable
            Called with the number of further bytes that are here, sometimes negative: their sum is *size* in
            the end.

        Raises
        ------
        ObjectMissingError, UnreadableError
            As :meth:`Store.blocks`. The cache is as it was then, but for what the next attempt continues.
        UnwritableError
            If the cache cannot be written.
        LockedError
            If another process is downloading it, and nothing arrives there for minutes.
        """
        target = self.path(sha256)
        if self.find(sha256, size) is None:  # a cache that has everything may be write-protected
            self._ensure(target.parent)
            with self._locked(sha256, store):
                if self.find(sha256, size) is None:
                    _download(store, sha256, size, self._partial(sha256), on_bytes)
                    replace(self._partial(sha256), target)
                    return target
        on_bytes(size)
        return target

    def _partial(self, sha256: str) -> Path:
        """Return where an object's first bytes are: of this user, because others may not write there."""
        path = self.path(sha256)
        return path.with_name(f".{path.name}.{_USER}.part")

    def _ensure(self, folder: Path) -> None:
        """Make a directory of the cache; those whom the cache lets in may use it, too."""
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        make_directory(folder)
        for path in missing:
            if path != self.root and path.is_relative_to(self.root):
                with contextlib.suppress(OSError):
                    path.chmod(stat.S_IMODE(self.root.stat().st_mode))

    @contextlib.contextmanager
    def _locked(self, sha256: str, store: Store | None = None) -> Iterator[None]:
        """Let one process of this user at a time change an object."""
        digits = sha256.partition(":")[2]
        path = self.root / _LOCKS / f"{digits[:_LOCK_DIGITS]}.{_USER}.lock"
        self._ensure(path.parent)
        lock = FileLock(path)
        with unwritable_on_error(path):
            _acquire(lock, self._partial(sha256), store)
        try:
            yield
        finally:
            lock.release()


def find_cache(project: Project) -> Cache:
    """Return the cache of a project: the directory that HARNESS_CACHE names, else one in its workspace.

    Examples
    --------
    >>> from harness.core.storage.project import Project
    >>> find_cache(Project(Path("/repository"))).root.name
    'cache'
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Cache(Path(named).expanduser().absolute())
    return Cache(project.workspace / _FOLDER, shared=False)


def place(project: Project, cache: Cache, path: str, entry: Digested) -> Path:
    """Make a verified object of the cache the file at *path*, in one step and never over another file.

    Parameters
    ----------
    project : Project
    cache : Cache
        Its object is moved, or copied if the cache is shared.
    path : str
        Registered path, relative to the project.
    entry : Digested
        Size and digest of the file.

    Raises
    ------
    UnreadableError
        If the object is not in the cache.
    RefusedError
        If there is another file at *path*, or the path leads out of the project.
    UnwritableError
        If it cannot be written.
    """
    target = project.locate(path)
    make_directory(target.parent)
    draft = draft_of(target)
    lock = contextlib.nullcontext() if cache.shared else cache._locked(entry.sha256)  # noqa: SLF001 - of this file
    with lock:
        if _is_same(target, entry):  # another process was faster, and may have moved the object
            return target
        try:
            _draw(cache, entry, draft)
            _give_name(draft, target, entry)
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
    return target


def _draw(cache: Cache, entry: Digested, draft: Path) -> None:
    """Move or copy an object to a draft whose bytes are then right."""
    source = cache.path(entry.sha256)
    if not cache.shared and cache.find(entry.sha256, entry.size):
        with contextlib.suppress(OSError):  # another file system: copied, as from a shared cache
            source.rename(draft)
            return
    found = _copied(source, draft)
    if found != (entry.size, entry.sha256):
        raise UnreadableError(
            str(source),
            expected=f"{entry.size} bytes of {entry.sha256}",
            found="none" if found is None else f"{found[0]} bytes of {found[1]}",
            remedy="Run `harness fetch` again: it replaces what is damaged in the cache.",
        )


def _copied(source: Path, draft: Path) -> tuple[int, str] | None:
    """Copy a file, or let both share their blocks where the file system can; return its size and digest."""
    try:
        with source.open("rb", buffering=0) as before:
            with unwritable_on_error(draft), draft.open("w+b") as stream:
                if not _clone(before.fileno(), stream.fileno()):
                    while block := before.read(BLOCK_BYTES):
                        stream.write(block)
                stream.flush()
                os.fsync(stream.fileno())
            return draft.stat().st_size, _sha256(draft)
    except FileNotFoundError:
        return None


def _clone(source: int, target: int) -> bool:
    """Whether the system made one open file share the blocks of another."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    try:
        fcntl.ioctl(target, 0x40049409, source)  # FICLONE of Linux
    except OSError:
        return False
    return True


def _give_name(draft: Path, target: Path, entry: Digested) -> None:
    """Give a file its name if no other has it; the same bytes, put there by another process, are welcome."""
    try:
        with contextlib.suppress(NotImplementedError):
            os.link(draft, target, follow_symlinks=False)
            sync_directory(target.parent)
            return
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        if not os.path.lexists(target):
            replace(draft, target)
            return
    _require_same(target, entry)


def _is_same(target: Path, entry: Digested) -> bool:
    try:
        return stat.S_ISREG(target.lstat().st_mode) and _sha256(target) == entry.sha256
    except OSError:
        return False


def _require_same(target: Path, entry: Digested) -> None:
    if _is_same(target, entry):
        return
    raise RefusedError(
        str(target),
        expected=f"no file, or one of {entry.sha256}",
        found="another file",
        remedy="It was not changed. Rename or remove it, then repeat.",
    )


def _download(store: Store, sha256: str, size: int, partial: Path, on_bytes: Callable[[int], object]) -> None:
    """Write an object to *partial*, from where it ended before. What has another digest is removed."""
    while True:
        state = hashlib.sha256()
        with _kept_if_begun(partial), unwritable_on_error(partial), _opened(partial) as stream:
            start = _resumed(stream, size, state)
            on_bytes(start)
            reading = store.reading(sha256, size, start)
            for block in reading:
                state.update(block)
                stream.write(block)
                on_bytes(len(block))
        if f"sha256:{state.hexdigest()}" == sha256:
            return
        unlink(partial)
        if not start and reading.requests == 1:  # else it may be of two versions: once more, from the start
            reading.require_digest(f"sha256:{state.hexdigest()}")
        on_bytes(-size)


@contextlib.contextmanager
def _kept_if_begun(partial: Path) -> Iterator[None]:
    """Remove a file after an error of the block, if it is empty: there is nothing to go on from."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            if not partial.stat().st_size:
                partial.unlink()
        raise


def _opened(partial: Path) -> Any:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(partial, flags, 0o666), "r+b", buffering=0)


def _resumed(stream: Any, size: int, state: Any) -> int:
    """Return how many bytes of an object are there, and hash them; more than it has are of none."""
    if os.fstat(stream.fileno()).st_size > size:
        stream.truncate(0)
    while block := stream.read(BLOCK_BYTES):
        state.update(block)
    return int(stream.tell())


def _sha256(path: Path) -> str:
    state = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK_BYTES):
            state.update(block)
    return f"sha256:{state.hexdigest()}"


def _acquire(lock: FileLock, partial: Path, store: Store | None) -> None:
    """Take a lock; another process that holds it is waited for while it makes progress."""
    since, before = time.monotonic(), _size(partial)
    while True:
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=_LOOK_SECONDS)
            return
        if store is not None:
            store.require_running()
        if _size(partial) != before:
            since, before = time.monotonic(), _size(partial)
        if time.monotonic() - since > _SILENT_SECONDS:
            raise _locked(lock.lock_file)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _locked(path: str) -> LockedError:
    return LockedError(
        "the cache",
        expected="a free lock, or a download that makes progress",
        found=f"none within {_SILENT_SECONDS:g} s",
        message=f"another process holds an object of the cache, and nothing arrived in {_SILENT_SECONDS:g} s",
        remedy=f"Wait for it to end, or stop it, then repeat. The lock is {path}.",
    )
