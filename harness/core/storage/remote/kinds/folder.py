"""A store in a directory of this machine or of a network file system."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from harness.core.errors import UnwritableError
from harness.core.storage.atomic import is_regular, make_directory, sync_directory
from harness.core.storage.remote.kinds.access import BLOCK_BYTES, Listed
from harness.core.storage.remote.names import FOLDER
from harness.core.storage.remote.trouble import Absent, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Folder:
    """Objects as files below a directory.

    Parameters
    ----------
    root : Path
        Absolute. It is made when the first object is stored.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str, start: int, size: int, note: Callable[[str], object]) -> Iterator[bytes]:
        """Yield a file's bytes from *start* on."""
        path = self._root / name
        with self._reached():
            if not is_regular(path):  # opening a pipe would wait for ever
                raise Trouble("a directory, pipe or device", again=False)
            yield from self._blocks(path, start, size, note)

    def _blocks(self, path: Path, start: int, size: int, note: Callable[[str], object]) -> Iterator[bytes]:
        with path.open("rb", buffering=0) as stream:
            found = os.fstat(stream.fileno()).st_size
            if found != size:
                raise Trouble(f"{found} bytes where {size} were expected", again=False)
            note(f"a file of {found} bytes")
            stream.seek(start)
            while block := stream.read(BLOCK_BYTES):
                yield block

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes; None if there is none."""
        with self._reached():
            try:
                return (self._root / name).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                self._require_root()
                return None

    def prepare(self) -> None:
        """Make the directory."""
        with self._reached():
            make_directory(self._root)

    def put(self, path: Path, name: str, sha256: str, on_bytes: Callable[[int], object]) -> None:
        """Copy a file to a name of its own, then give it the final one.

        Drafts of the same object that processes left behind when they were killed are removed.
        """
        target = self._root / name
        draft = target.with_name(f".{target.name}.{uuid4().hex}.part")
        with self._reached():
            make_directory(target.parent)
            try:
                _copy(path, draft, sha256, on_bytes)
                _name(draft, target)
                for other in target.parent.glob(f".{target.name}.*.part"):
                    other.unlink(missing_ok=True)
                sync_directory(target.parent)
            finally:
                draft.unlink(missing_ok=True)

    def listing(self) -> Iterator[Listed]:
        """Yield all files of the store."""
        with self._reached():
            self._require_root()
            for above, folders, names in os.walk(self._root / FOLDER):
                folders.sort()
                for name in sorted(names):
                    path = Path(above, name)
                    with suppress(FileNotFoundError):
                        state = path.lstat()
                        shown = path.relative_to(self._root).as_posix()
                        yield Listed(shown, state.st_size, state.st_mtime)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._reached():
            (self._root / name).unlink(missing_ok=True)

    def _require_root(self) -> None:
        """Raise unless the directory is there: a network file system that is not mounted is not empty."""
        if not self._root.is_dir():
            raise Trouble(f"no directory {self._root}", again=False)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            self._require_root()
            raise Absent("no such file") from error
        except UnwritableError as error:
            raise Trouble(f"{error.thing}: {error.found}", again=False) from error
        except OSError as error:
            raise Trouble(error.strerror or str(error), again=False) from error


def _copy(path: Path, draft: Path, sha256: str, on_bytes: Callable[[int], object]) -> None:
    """Copy a file and flush it to the disk; raise unless its bytes have the digest."""
    state = hashlib.sha256()
    with path.open("rb", buffering=0) as source, draft.open("xb", buffering=0) as stream:
        while block := source.read(BLOCK_BYTES):
            state.update(block)
            stream.write(block)
            on_bytes(len(block))
        os.fsync(stream.fileno())
    require_digest(state.hexdigest(), sha256)


def _name(draft: Path, target: Path) -> None:
    """Give a file its final name, unless another process was faster."""
    with suppress(FileExistsError):
        try:
            os.link(draft, target)
        except FileExistsError:
            raise
        except FileNotFoundError:  # another process has stored the object, and removed this draft
            if not target.is_file():
                raise
        except OSError:  # a file system without hard links
            draft.rename(target)


def require_digest(found: str, sha256: str) -> None:
    """Raise unless a file had the expected digest while it was stored."""
    if f"sha256:{found}" != sha256:
        raise Trouble(f"a file that has changed: its digest is sha256:{found}", again=False)
