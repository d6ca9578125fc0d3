"""Write, replace and remove files, each in one step for a reader and on the disk before the call returns.

What a repository keeps (golden files, the registry, a transaction's journal) is changed through this module
alone, so that tests can stop the process at every change. A full or write-protected disk ends in
:class:`~harness.core.errors.UnwritableError` with the file's name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.core.errors import UnreadableError, UnwritableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from os import PathLike

Item = TypeVar("Item")

_BLOCK_BYTES = 1 << 20
_AT_A_TIME = 16
_CLONE = 0x40049409  # FICLONE of Linux
LARGE = 1 << 26
"""Files of so many bytes are shared, not copied, where two names are to have the same bytes."""
_DRAFT = re.compile(r"\.(.+)\.\d+\.draft", re.DOTALL)
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM})
"""Errors of file systems that do not flush directories."""


def is_regular(path: str | PathLike[str]) -> bool:
    """Whether *path* is a regular file: not a directory, and not a pipe or device, whose reading may block.

    Raises
    ------
    OSError
        If there is no such file, or it may not be examined.
    """
    return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - verify starts without pathlib's cost


def is_absent(path: str | PathLike[str]) -> bool:
    """Whether nothing is at *path*, not even a link that leads nowhere.

    Raises
    ------
    UnreadableError
        If its directory may not be searched: then nobody can tell.

    Examples
    --------
    >>> is_absent("nowhere/file.npz")
    True
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return True
        raise UnreadableError(
            os.fspath(path),
            expected="a golden file that may be read",
            found=error.strerror or str(error),
            remedy="Correct its permissions, or those of its directory.",
        ) from error
    return False


def require_new(path: Path) -> None:
    """Refuse to write over a file, or into a directory that does not exist.

    Raises
    ------
    UsageError
        The message says which.
    """
    if path.exists() or path.is_symlink():
        raise UsageError(
            str(path),
            expected="the name of a new file",
            found="a file or directory of this name",
            remedy="Choose another name, or remove it first.",
        )
    if not path.parent.is_dir():
        raise UsageError(
            str(path),
            expected="a file in an existing directory",
            found=f"no directory {path.parent}",
            remedy="Create the directory first.",
        )


@contextlib.contextmanager
def unwritable_on_error(path: str | PathLike[str]) -> Iterator[None]:
    """Raise :class:`UnwritableError` for *path* in place of any OSError of the block."""
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error


def replace_file(path: Path, data: bytes) -> None:
    """Write *data* to *path*: a reader sees the old bytes or the new ones, never a part.

    Missing directories above it are made.

    Raises
    ------
    UnwritableError
        If it cannot be written. The old file is unchanged then.
    """
    make_directory(path.parent)
    with replacing(path) as draft:
        write(draft, data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the block a draft's path to write; the draft replaces *path* when the block ends without an error.

    After an error the draft is removed and *path* is unchanged. A process that is killed leaves its draft,
    which is hidden and can be removed with :func:`remove_drafts`.
    """
    draft = draft_of(path)
    try:
        with unwritable_on_error(path):
            yield draft
        replace(draft, path)
    except UnwritableError as error:
        if error.thing != str(draft):  # the block may have written other files
            raise
        raise _unwritable(path, error.found) from error
    finally:
        with contextlib.suppress(OSError):  # the error of the block matters more
            draft.unlink(missing_ok=True)


def draft_of(path: Path) -> Path:
    """Return the hidden name beside *path* under which this process writes what is to replace it."""
    return path.with_name(f".{path.name}.{os.getpid()}.draft")  # matches _DRAFT


def remove_drafts(paths: Iterable[Path]) -> None:
    """Remove drafts of *paths* that killed processes left. No other process may be writing them."""
    names: dict[Path, set[str]] = {}
    for path in paths:
        names.setdefault(path.parent, set()).add(path.name)
    for folder, known in names.items():
        for draft in folder.glob(".*.draft"):  # empty if there is no such folder
            match = _DRAFT.fullmatch(draft.name)
            if match and match[1] in known:
                remove(draft)


def write(path: Path, data: bytes) -> None:
    """Write *data* to a file that has no readers yet, and flush it to the disk."""
    with unwritable_on_error(path), path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def copy(source: Path, target: Path) -> None:
    """Copy a file's bytes, in blocks, to one that has no readers yet; :func:`sync_files` flushes many."""
    with unwritable_on_error(target), source.open("rb") as before, target.open("wb") as stream:
        shutil.copyfileobj(before, stream, _BLOCK_BYTES)


def share(source: Path, target: Path) -> None:
    """Give *target*, which has no readers yet, the bytes of a file that only this package changes.

    Bytes of a large file are not copied where the file system can do without: *target* is then a clone of
    the file (reflink), else another name of it (hard link). This package replaces files and never writes into
    one, so that neither changes with the other.
    """
    with unwritable_on_error(target):
        target.unlink(missing_ok=True)  # it may be another name of a file that must not change
    if source.stat().st_size < LARGE or source.is_symlink():
        copy(source, target)
        return
    if _cloned(source, target):
        return
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        copy(source, target)


def _cloned(source: Path, target: Path) -> bool:
    """Whether the file system has made *target* a clone of *source*, sharing its blocks."""
    try:
        import fcntl

        with source.open("rb") as before, target.open("xb") as stream:
            fcntl.ioctl(stream.fileno(), _CLONE, before.fileno())
    except (ImportError, OSError):
        with contextlib.suppress(OSError):
            target.unlink(missing_ok=True)
        return False
    return True


def copy_to_draft(source: Path, target: Path) -> None:
    """Copy or share a file's bytes to the draft of *target*, which has the permissions of that.

    The draft is to be flushed by :func:`sync_draft`, then renamed by :func:`rename_draft`.
    """
    draft = draft_of(target)
    try:
        share(source, draft)
    except UnwritableError as error:
        raise _unwritable(target, error.found) from error
    with unwritable_on_error(target):
        _keep_mode(draft, target)


def sync_draft(target: Path) -> None:
    """Flush the bytes of the draft of *target* to the disk."""
    with unwritable_on_error(target):
        _sync(draft_of(target), os.O_RDWR)


def rename_draft(target: Path) -> None:
    """Replace *target* by its draft, whose bytes are on the disk; flush the directory later."""
    with unwritable_on_error(target):
        draft_of(target).replace(target)


def drop_drafts(targets: Iterable[Path]) -> None:
    """Remove the drafts of this process, as far as possible: the error that led here matters more."""
    for target in targets:
        with contextlib.suppress(OSError):
            draft_of(target).unlink(missing_ok=True)


def replace(source: Path, target: Path) -> None:
    """Rename *source* to *target*, which may exist, and flush both the bytes and the name to the disk."""
    with unwritable_on_error(target):
        _keep_mode(source, target)
        _sync(source, os.O_RDWR)  # else a power failure could leave the new name without its bytes
        source.replace(target)
    sync_directory(target.parent)


def remove(path: Path) -> None:
    """Remove a file if it exists."""
    unlink(path)
    sync_directory(path.parent)


def unlink(path: Path) -> None:
    """Remove a file if it exists; flush the directory later."""
    with unwritable_on_error(path):
        path.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove a directory with all that is in it, as far as possible; nothing is flushed.

    The files go first, several at a time: some file systems wait for the disk at each.
    """
    with contextlib.suppress(UnwritableError):
        at_once(unlink, [Path(above, name) for above, _, names in os.walk(folder) for name in names])
    shutil.rmtree(folder, ignore_errors=True)


def make_directory(path: Path) -> None:
    """Make a directory and its parents, unless they exist, and flush the names of those made to the disk."""
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    with unwritable_on_error(path):
        path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(made):
        sync_directory(folder.parent)


def _keep_mode(source: Path, target: Path) -> None:
    """Give *source* the permissions of *target*, if that is a file."""
    with contextlib.suppress(FileNotFoundError):
        state = target.lstat()
        if stat.S_ISREG(state.st_mode) and stat.S_IMODE(state.st_mode) != stat.S_IMODE(source.stat().st_mode):
            source.chmod(stat.S_IMODE(state.st_mode))


def _unwritable(path: str | PathLike[str], found: str) -> UnwritableError:
    return UnwritableError(
        str(path),
        expected="a file that can be written",
        found=found,
        remedy="Free space or correct the permissions, then repeat.",
    )


def sync_file(path: Path) -> None:
    """Flush the bytes of a file that was written earlier, perhaps by another process, to the disk."""
    with unwritable_on_error(path):
        _sync(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)  # it may be write-protected


def sync_files(paths: Sequence[Path]) -> None:
    """Flush the bytes of files as :func:`sync_file` does, several at a time.

    A file system writes its journal once for all that wait for it. So many files take hardly longer than one.
    """
    at_once(sync_file, paths)


def at_once(work: Callable[[Item], object], items: Sequence[Item]) -> None:
    """Call *work* for each item, in any order and several at a time; the first error cancels the rest."""
    if len(items) <= 1:
        for item in items:
            work(item)
        return
    from concurrent.futures import ThreadPoolExecutor  # verify starts without it

    with ThreadPoolExecutor(min(len(items), _AT_A_TIME)) as pool:
        for _ in pool.map(work, items):
            pass


def sync_directory(path: Path) -> None:
    """Flush a directory's entries to the disk, on systems and file systems that can.

    Raises
    ------
    UnwritableError
        If the disk reports an error.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:  # Windows cannot open directories, and there may be none
        return
    try:
        with unwritable_on_error(path):
            os.fsync(descriptor)
    except UnwritableError as error:
        if not (isinstance(error.__cause__, OSError) and error.__cause__.errno in _NO_SYNC):
            raise
    finally:
        os.close(descriptor)


def _sync(path: Path, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
