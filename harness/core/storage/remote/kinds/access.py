"""What each kind of store can do, by name: one request, tried once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BLOCK_BYTES = 1 << 20
"""About how much is in memory of each object that is read."""


class Listed(NamedTuple):
    """A file of a store.

    Attributes
    ----------
    name : str
        Its path below the store, as the store has it: it may be anything.
    size : int
        Bytes.
    modified : float or None
        When it was written, in seconds since 1970, if the store knows it.
    """

    name: str
    size: int
    modified: float | None


class Access(Protocol):
    """A kind of store. Each method raises Trouble for what went wrong."""

    def read(self, name: str, start: int, size: int, note: Callable[[str], object]) -> Iterator[bytes]:
        """Yield the bytes of a file of *size* bytes, from *start* on, until they end or trouble comes.

        *note* is called with what is known of the answer, to be named if its bytes turn out to be wrong.
        """
        ...

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes; None if there is none."""
        ...

    def prepare(self) -> None:
        """Make what has to be there before the first file is stored, where the store can make it."""
        ...

    def put(self, path: Path, name: str, sha256: str, on_bytes: Callable[[int], object]) -> None:
        """Store a file whose bytes have this digest, whole or not at all, never over another.

        *on_bytes* is called with numbers of bytes that are stored.
        """
        ...

    def listing(self) -> Iterator[Listed]:
        """Yield all files of the store."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...
