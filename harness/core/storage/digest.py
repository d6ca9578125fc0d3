"""Digests of arrays, sets of arrays and files.

A digest starts with the name of its algorithm and depends on content alone: ``xxh128:<32 hex digits>`` is
fast and finds accidents, ``sha256:<64 hex digits>`` finds what somebody changed on purpose.

The canonical form of an array, version 1, is the bytes ``harness-array-1``, its dtype in little-endian
notation (``<f4``), its shape (``64,64``), each ended by a zero byte, then its elements in C order,
little-endian. Memory order, strides and byte order of the original have no effect; dtype, shape, the sign of
zero and the payload of NaN have. If this form ever changes, its version and prefix change too.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import xxhash

from harness.core.errors import UnreadableError, UsageError
from harness.core.storage.atomic import is_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from os import PathLike

    import numpy as np

    from harness.core.storage.arrays.block_digests import DigestTree
    from harness.core.storage.arrays.stored import StoredArray

_ARRAY_FORM = b"harness-array-1\0"
_SET_FORM = b"harness-arrays-1\0"
_BUFFER_BYTES = 1 << 19
"""Each thread reads files through one buffer, small enough to stay in the processor's cache."""

_UNIX = hasattr(os, "readv") and hasattr(os, "O_NOFOLLOW")
_NO_LINK_NO_WAIT = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK if _UNIX else os.O_RDONLY
_LOCAL = threading.local()


class _Hashing:
    """What the threads of this process that hash files have in common.

    Attributes
    ----------
    bytes : int
        How much of large files they have hashed: for a progress bar. It may be a little off, because threads
        add to it without a lock.
    stopped : bool
        Whether they are to end at their next block, because nobody waits for the result.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self.stopped = False

    def add(self, count: int) -> None:
        """Add a block; raise if the thread is to end."""
        self.bytes += count
        if self.stopped:
            raise InterruptedError


hashing = _Hashing()

# Longdouble is left out on purpose: its padding bytes are undefined and its width differs by platform.
_HASHABLE = frozenset("?bBhHiIlLqQefdFDSUmM")


def digest_array(array: Any) -> str:
    """Return the digest of one array's dtype, shape and values.

    Parameters
    ----------
    array : array_like or torch.Tensor
        Any shape, any memory layout, either byte order; a boolean, integer, floating (half to double),
        complex, string or date dtype. Tensors may be bfloat16, which numpy lacks.

    Returns
    -------
    str
        ``xxh128:`` and 32 hex digits.

    Raises
    ------
    UsageError
        If the dtype has no canonical bytes (objects, structures, long double, 8-bit floats).

    Examples
    --------
    The memory layout does not count, but the dtype does:

    >>> import numpy as np
    >>> array = np.arange(6.0).reshape(2, 3)
    >>> digest_array(array) == digest_array(np.asfortranarray(array))
    True
    >>> digest_array(array) == digest_array(array.astype("float32"))
    False
    """
    state = xxhash.xxh3_128()
    _feed_array(array, state)
    return f"xxh128:{state.hexdigest()}"


def digests_of_array(array: Any) -> tuple[str, str]:
    """Return both digests of an array's canonical bytes, ``xxh128:...`` and ``sha256:...``, from one pass.

    The first finds drift. The second finds tampering: nobody can make another array that has it.

    Parameters
    ----------
    array : array_like or torch.Tensor
        As for :func:`digest_array`, which returns the first digest alone, much faster.

    Raises
    ------
    UsageError
        If the dtype has no canonical bytes.
    """
    import hashlib

    drift, tampering = xxhash.xxh3_128(), hashlib.sha256()
    _feed_array(array, drift, tampering)
    return f"xxh128:{drift.hexdigest()}", f"sha256:{tampering.hexdigest()}"


class ArrayDigests(NamedTuple):
    """Digests of one array, from one pass.

    Attributes
    ----------
    xxh128, sha256 : str
        ``xxh128:...`` and ``sha256:...``; the second is empty if it was not asked for.
    tree : DigestTree or None
        Digests of the array's blocks, if it is large.
    """

    xxh128: str
    sha256: str
    tree: DigestTree | None


def all_digests(array: Any, *, sha256: bool) -> ArrayDigests:
    """Return all digests of an array, which is gone through once, block by block.

    Parameters
    ----------
    array : array_like or StoredArray
        As for :func:`digest_array`.
    sha256 : bool
        Whether the digest that finds tampering is wanted, too. It takes several times as long.

    Raises
    ------
    UsageError
        If the dtype has no canonical bytes.

    Examples
    --------
    >>> all_digests([1.0, 2.0], sha256=False).xxh128 == digest_array([1.0, 2.0])
    True
    """
    import hashlib

    from harness.core.storage.arrays.block_digests import (
        BlockDigests,
        DigestTree,
        elements_of_block,
        tree_root,
    )

    values, dtype = _canonical(array)
    drift = xxhash.xxh3_128()
    tampering = hashlib.sha256() if sha256 else None
    elements = elements_of_block(values.size, values.dtype.itemsize)
    leaves = BlockDigests(elements * values.dtype.itemsize) if elements else None
    _feed_values(values, dtype, [drift, *([tampering] if tampering else [])], [leaves] if leaves else [])
    fast = f"xxh128:{drift.hexdigest()}"
    safe = f"sha256:{tampering.hexdigest()}" if tampering else ""
    if leaves is None:
        return ArrayDigests(fast, safe, None)
    blocks = leaves.digests()
    root = tree_root(fast, safe, elements, blocks) if safe else ""
    return ArrayDigests(fast, safe, DigestTree(elements, root, blocks))


def is_plain(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype's values have canonical bytes: booleans, numbers to double, strings, dates."""
    return dtype.char in _HASHABLE and dtype.itemsize > 0


def digest_arrays(arrays: Mapping[str, Any]) -> str:
    """Return the digest of a set of named arrays; their order has no effect.

    Parameters
    ----------
    arrays : mapping of str to array_like
        As for :func:`digest_array`.
    """
    return combine_digests({name: digest_array(array) for name, array in arrays.items()})


def combine_digests(digests: Mapping[str, str]) -> str:
    """Return the digest of a set of named arrays, given the digest of each."""
    state = xxhash.xxh3_128(_SET_FORM)
    for name in sorted(digests):
        state.update(f"{name}\0{digests[name]}\0".encode())
    return f"xxh128:{state.hexdigest()}"


def digest_file(path: str | PathLike[str]) -> str:
    """Return the digest ``xxh128:...`` of a file's bytes: fast, to find drift.

    Raises
    ------
    UnreadableError
        If the file is missing, not readable, or not a regular file.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("a.txt").write_text("golden")
    >>> digest_file("a.txt")
    'xxh128:4adcd23195f3be6e6908bf15edcf9faa'
    """
    state = xxhash.xxh3_128()
    _feed(path, state)
    return f"xxh128:{state.hexdigest()}"


def digest_source(path: str | PathLike[str]) -> str:
    """Return the digest of what a fixture is made from: a file's, or one of a folder's files and their names.

    A folder is a store of many files, as zarr has it. Its digest is that of a list: each file's digest and
    its path in the folder, sorted by path.

    Raises
    ------
    UnreadableError
        As :func:`digest_file`, for any of the files.
    """
    if not os.path.isdir(path):  # noqa: PTH112 - pathlib costs start-up
        return digest_file(path)
    state = xxhash.xxh3_128()
    for name in sorted(_files_below(path)):
        line = f"{digest_file(os.path.join(path, name))} {name.replace(os.sep, '/')}\n"  # noqa: PTH118 - likewise
        state.update(line.encode("utf-8", "surrogateescape"))
    return f"xxh128:{state.hexdigest()}"


def _files_below(folder: str | PathLike[str]) -> Iterator[str]:
    """Yield the paths of all files below *folder*, relative to it. Links to folders are not followed."""
    for place, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(place, name), folder)  # noqa: PTH118 - likewise


def sha256_file(path: str | PathLike[str]) -> str:
    """Return the digest ``sha256:...`` of a file's bytes: to find tampering.

    Raises
    ------
    UnreadableError
        If the file is missing, not readable, or not a regular file.
    """
    return digests_of_file(path)[1]


def digests_of_file(path: str | PathLike[str]) -> tuple[str, str]:
    """Return both digests of a file's bytes, ``xxh128:...`` and ``sha256:...``, from one reading.

    Raises
    ------
    UnreadableError
        If the file is missing, not readable, or not a regular file.
    """
    import hashlib

    drift, tampering = xxhash.xxh3_128(), hashlib.sha256()
    _feed(path, drift, tampering)
    return f"xxh128:{drift.hexdigest()}", f"sha256:{tampering.hexdigest()}"


def digest_plain_file(path: str, size: int) -> str | None:
    """Return the digest ``xxh128:...`` of a file that is not a link and has exactly *size* bytes, else None.

    Faster than :func:`digest_file`, because it asks the system as little as possible. None has many reasons:
    the file has another size, is empty, missing or unreadable, or the system is not Unix.
    """
    if not (_UNIX and size):  # a pipe that no process writes to reads like an empty file
        return None
    buffer = _buffer()
    try:
        descriptor = os.open(path, _NO_LINK_NO_WAIT)
        try:
            count = os.readv(descriptor, (buffer,))
            if count < len(buffer):  # the end of a file: a shorter read of anything else has another size
                return f"xxh128:{xxhash.xxh3_128_hexdigest(buffer[:count])}" if count == size else None
            return _digest_rest(descriptor, buffer, size)
        finally:
            os.close(descriptor)
    except OSError:
        return None


def _digest_rest(descriptor: int, buffer: memoryview, size: int) -> str | None:
    """Return the digest of an open file whose first bytes fill the buffer; None if its size differs."""
    state, seen, count = xxhash.xxh3_128(), 0, len(buffer)
    while count and seen <= size:
        state.update(buffer[:count])
        seen += count
        hashing.add(count)
        count = os.readv(descriptor, (buffer,))
    return f"xxh128:{state.hexdigest()}" if seen == size else None


def _feed_array(array: Any, *states: Any) -> None:
    """Update each hash state with the canonical bytes of an array, which is gone through once."""
    _feed_values(*_canonical(array), states)


def _feed_values(
    values: np.ndarray | StoredArray, dtype: str, states: Iterable[Any], of_values: Iterable[Any] = ()
) -> None:
    """Update hash states with an array's canonical bytes; those of *of_values* without dtype and shape."""
    from harness.core.storage.arrays.flat_blocks import flat_blocks

    head = _ARRAY_FORM + f"{dtype}\0{','.join(map(str, values.shape))}\0".encode()
    for state in states:
        state.update(head)
    fed = (*states, *of_values)
    for block in flat_blocks(values):
        data = _little_endian(block).view("u1").data
        for state in fed:
            state.update(data)
        del block, data  # else this block is in memory while the next one is read


def _little_endian(block: np.ndarray) -> np.ndarray:
    """Return a block's values in little-endian order: bytes are swapped, to keep the payloads of NaN."""
    order = block.dtype.byteorder
    if order == ">" or (order == "=" and sys.byteorder == "big"):
        return block.byteswap().view(block.dtype.newbyteorder("<"))
    return block


def _feed(path: str | PathLike[str], *states: Any) -> None:
    """Update each hash state with all bytes of a file, which is read once."""
    try:
        if not is_regular(path):
            raise _no_file(path, "a directory, pipe or device")
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - pathlib costs a twentieth of start-up
            buffer = _buffer()
            while count := stream.readinto(buffer):
                for state in states:
                    state.update(buffer[:count])
                hashing.add(count)
    except OSError as error:
        raise _no_file(path, error.strerror or str(error)) from error


def _buffer() -> memoryview:
    """Return this thread's buffer."""
    buffer: memoryview | None = getattr(_LOCAL, "buffer", None)
    if buffer is None:
        buffer = _LOCAL.buffer = memoryview(bytearray(_BUFFER_BYTES))
    return buffer


def _no_file(path: str | PathLike[str], found: str) -> UnreadableError:
    return UnreadableError(str(path), expected="a readable file", found=found, remedy="Check the path.")


def _canonical(array: Any) -> tuple[np.ndarray | StoredArray, str]:
    """Return the values and the dtype's name in the canonical form."""
    import numpy as np  # `harness verify` hashes files and starts without numpy

    from harness.core.storage.arrays.flat_blocks import plain_values

    if type(array).__module__.partition(".")[0] == "torch":
        array, name = _from_tensor(array)
    else:
        name = None
    if isinstance(array, np.ma.MaskedArray):
        raise UsageError(
            "masked array",
            expected="values and nothing else",
            found="a mask, which a digest of the values would not cover",
            remedy="Digest x.data and np.ma.getmaskarray(x), each for itself.",
        )
    values = plain_values(array)
    if not is_plain(values.dtype):
        raise _no_canonical_bytes(values.dtype)
    return values, name or values.dtype.newbyteorder("<").str


def _from_tensor(tensor: Any) -> tuple[np.ndarray, str | None]:
    """Return a tensor's bits as a numpy array, and the dtype's name if numpy lacks the dtype."""
    torch = sys.modules["torch"]
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.int16).numpy(), "<bf2"
    try:
        return tensor.numpy(), None
    except (TypeError, RuntimeError) as error:
        raise _no_canonical_bytes(f"{tensor.dtype}, {tensor.layout}") from error


def _no_canonical_bytes(dtype: Any) -> UsageError:
    return UsageError(
        f"array of dtype {dtype}",
        expected="a boolean, integer, floating, complex, string or date dtype",
        found=f"{dtype}, which has no canonical bytes",
        remedy="Convert it with astype() first.",
    )
