"""A store in any other file system of fsspec: gs, az, ssh and so on, each with the package that it needs."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from harness.core.storage.digest import sha256_file
from harness.core.storage.remote.kinds.access import BLOCK_BYTES, Listed
from harness.core.storage.remote.kinds.folder import require_digest
from harness.core.storage.remote.kinds.loop import file_system, file_system_class
from harness.core.storage.remote.names import FOLDER
from harness.core.storage.remote.trouble import Absent, Trouble, scrubbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_WHOLE = frozenset({"gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci"})
"""Stores of objects: each appears whole or not at all, and none is renamed."""


class FileSystem:
    """Objects as files of a file system that fsspec knows.

    Parameters
    ----------
    url : str
    """

    def __init__(self, url: str) -> None:
        protocol = url.partition("://")[0]
        known = file_system_class(protocol)
        self._fs = file_system(protocol, **known._get_kwargs_from_urls(url))  # noqa: SLF001 - fsspec's name for it
        self._root = str(known._strip_protocol(url)).rstrip("/")  # noqa: SLF001 - likewise
        self._appears_whole = protocol in _WHOLE

    def read(self, name: str, start: int, size: int, note: Callable[[str], object]) -> Iterator[bytes]:
        """Yield a file's bytes from *start* on."""
        with self._translated(), self._fs.open(self._at(name), "rb", cache_type="readahead") as stream:
            found = getattr(stream, "size", None)
            if found not in {None, size}:
                raise Trouble(f"{found} bytes where {size} were expected", again=False)
            note(f"a file of {found} bytes")
            stream.seek(start)
            while block := stream.read(BLOCK_BYTES):
                yield block

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes; None if there is none."""
        try:
            with self._translated():
                self._fs.invalidate_cache()
                return int(self._fs.info(self._at(name))["size"])
        except Absent:
            return None

    def prepare(self) -> None:
        """Do nothing: folders appear with their files."""

    def put(self, path: Path, name: str, sha256: str, on_bytes: Callable[[int], object]) -> None:
        """Store a file under a name of its own and rename it, or at once where it appears whole."""
        target = self._at(name)
        above, _, last = target.rpartition("/")
        draft = f"{above}/.{last}.{uuid4().hex}.part"
        with self._translated():
            if self._appears_whole:
                require_digest(sha256_file(path).partition(":")[2], sha256)
                self._fs.put_file(str(path), target)
                return
            self._fs.makedirs(above, exist_ok=True)
            try:
                self._copy(path, draft, sha256, on_bytes)
                self._fs.mv(draft, target)
            except BaseException:
                with suppress(Exception):  # the error that led here matters more
                    self._fs.rm_file(draft)
                raise

    def _copy(self, path: Path, draft: str, sha256: str, on_bytes: Callable[[int], object]) -> None:
        state = hashlib.sha256()
        with path.open("rb", buffering=0) as source, self._fs.open(draft, "wb") as stream:
            while block := source.read(BLOCK_BYTES):
                state.update(block)
                stream.write(block)
                on_bytes(len(block))
        require_digest(state.hexdigest(), sha256)

    def listing(self) -> Iterator[Listed]:
        """Yield all files of the store, one folder after the other."""
        top = self._at(FOLDER)
        with self._translated():
            self._fs.invalidate_cache()
            folders = self._fs.ls(top, detail=True) if self._fs.exists(top) else ()
            for folder in folders:
                for item in self._fs.find(folder["name"], detail=True).values():
                    name = str(item["name"])
                    shown = name[len(self._root) :].lstrip("/") if name.startswith(self._root) else name
                    yield Listed(shown, int(item["size"] or 0), _modified(item))

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with suppress(Absent), self._translated():
            self._fs.rm_file(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise :class:`Trouble` for whatever a file system raises in the block."""
        try:
            yield
        except Trouble:
            raise
        except FileNotFoundError:
            raise Absent("no such file") from None
        except PermissionError as error:
            raise Trouble(scrubbed(error), again=False) from None
        except Exception as error:  # noqa: BLE001 - each package raises its own
            raise Trouble(scrubbed(error), again=isinstance(error, OSError)) from None


def _modified(item: dict[str, Any]) -> float | None:
    """Return when a file was written: file systems call it by several names."""
    for key in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = item.get(key)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, (int, float)):
            return float(value)
    return None
