"""Digests of the blocks of a large array: where two arrays differ shows without reading what is equal.

The blocks are those of the canonical bytes of the values (see :mod:`harness.core.storage.digest`): of one
length, a whole number of elements, the last one shorter. The root covers them and the digests of the whole.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import xxhash

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGE = 1 << 26
"""Arrays of more bytes have a digest tree."""

_ROOT_FORM = b"harness-tree-1\0"
_LEAST_BYTES = 1 << 23
_MOST_BLOCKS = 1 << 12


class DigestTree(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Digests of an array's blocks, below one root.

    Attributes
    ----------
    elements : int
        Number of elements in each block but the last.
    root : str
        ``sha256:...`` of both digests of the array and those of all blocks. Empty only in memory, where the
        array's SHA-256 was not needed.
    blocks : tuple of str
        ``xxh128:...`` of each block, in C order.
    """

    elements: int
    root: str
    blocks: tuple[str, ...]


def elements_of_block(size: int, itemsize: int) -> int:
    """Return how many elements the blocks of an array have; 0 if it is too small for a digest tree.

    A block is of 8 MiB, or of the smallest power of two times that with which there are at most 4096.

    Parameters
    ----------
    size, itemsize : int
        Number of elements, and bytes of each.

    Examples
    --------
    >>> elements_of_block(1 << 20, 8), elements_of_block(1 << 30, 8)
    (0, 1048576)
    """
    if size * itemsize <= LARGE:
        return 0
    length = _LEAST_BYTES
    while length * _MOST_BLOCKS < size * itemsize:
        length *= 2
    return max(1, length // itemsize)


def tree_root(digest: str, sha256: str, elements: int, blocks: Sequence[str]) -> str:
    """Return the digest ``sha256:...`` of a tree, which covers the digests of the whole array.

    So a tree belongs to one array: with the digests of another one it has another root.
    """
    state = hashlib.sha256(_ROOT_FORM)
    for line in (digest, sha256, str(elements), *blocks):
        state.update(f"{line}\0".encode())
    return f"sha256:{state.hexdigest()}"


class BlockDigests:
    """Hashes a stream of bytes block by block; has the method of a hash state that adds to it.

    Parameters
    ----------
    length : int
        Bytes of each block.
    """

    def __init__(self, length: int) -> None:
        self._length, self._left = length, length
        self._state, self._digests = xxhash.xxh3_128(), list[str]()

    def update(self, data: memoryview) -> None:
        """Add bytes."""
        place = 0
        while place < len(data):
            piece = data[place : place + self._left]
            self._state.update(piece)
            self._left -= len(piece)
            place += len(piece)
            if not self._left:
                self._end_block()

    def digests(self) -> tuple[str, ...]:
        """Return the digests ``xxh128:...`` of all blocks; nothing can be added afterwards."""
        if self._left < self._length:
            self._end_block()
        return tuple(self._digests)

    def _end_block(self) -> None:
        self._digests.append(f"xxh128:{self._state.hexdigest()}")
        self._state, self._left = xxhash.xxh3_128(), self._length
