"""Read chosen arrays of numbers from a MATLAB file of version 5 (also called 6 and 7), and nothing else.

The file is a sequence of elements: a type, a size, and bytes that may be packed by zlib. What is not asked
for (text, cells, objects, function handles) is skipped by its size and never built, so that a file cannot
make anything of a kind of its own. Source: MAT-File Format, The MathWorks, chapter 1. In the tests, scipy.io
is the other side.
"""

from __future__ import annotations

import math
import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.core.errors import HarnessError, UnreadableError
from harness.core.storage.atomic import is_regular
from harness.ptycho.files.hdf5.limits import Budget

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_HEADER, _TAG = 128, 8
_MATRIX, _COMPRESSED = 14, 15
_STRUCT, _NUMERIC = 2, range(6, 16)
_LOGICAL, _COMPLEX = 0x200, 0x800
_MOST_AXES = 8
_REWRITE = "Restore the file, or write it again."
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Types of numbers as stored: MATLAB takes the smallest that holds an array's values."""

_CLASSES = {
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8",
}  # fmt: skip
"""Types of numbers as MATLAB has them."""


@dataclass(frozen=True, slots=True)
class _Element:
    """One element: its type and its bytes."""

    kind: int
    data: memoryview


@dataclass(frozen=True, slots=True)
class _Matrix:
    """The head of an array: its class and flags, its shape and name, and what follows."""

    flags: int
    shape: tuple[int, ...]
    name: str
    rest: memoryview

    @property
    def kind(self) -> int:
        return self.flags & 0xFF

    @property
    def count(self) -> int:
        return math.prod(self.shape)


def is_level5(path: Path) -> bool:
    """Return whether a file is a MATLAB file of version 5 by its beginning.

    >>> from pathlib import Path
    >>> is_level5(Path(__file__))
    False
    """
    try:
        if not is_regular(path):
            return False
        with path.open("rb") as stream:
            head = stream.read(_HEADER)
    except OSError:
        return False
    return len(head) == _HEADER and head.startswith(b"MATLAB 5.0") and head[126:] in (b"IM", b"MI")


def names_of(path: Path) -> frozenset[str] | None:
    """Return the names of a file's variables; None if it is of another kind or damaged."""
    try:
        with _opened(path) as file:
            return frozenset(matrix.name for matrix in file.variables())
    except UnreadableError:
        return None


def read_arrays(path: Path, wanted: Collection[str]) -> tuple[dict[str, np.ndarray], frozenset[str]]:
    """Return arrays of numbers of a file, and the names of its variables.

    Parameters
    ----------
    path : Path
    wanted : collection of str
        ``name`` for a variable, ``name.field`` for a field of a structure. What is missing is left out.

    Raises
    ------
    UnreadableError
        The file is missing or damaged; what is wanted is not numbers, or unpacks to more than the file can
        hold.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from scipy.io import savemat
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     savemat(f"{folder}/a.mat", {"p": {"lambda": 1.5}, "note": "text"})
    ...     read_arrays(Path(folder, "a.mat"), ["p.lambda"])[0]
    {'p.lambda': array([[1.5]])}
    """
    found: dict[str, np.ndarray] = {}
    names = set()
    with _opened(path) as file:
        for matrix in file.variables():
            names.add(matrix.name)
            if matrix.name in wanted:
                found[matrix.name] = file.numbers(matrix, matrix.name)
            elif any(name.startswith(f"{matrix.name}.") for name in wanted):
                for field in file.fields(matrix):
                    if (name := f"{matrix.name}.{field.name}") in wanted:
                        found[name] = file.numbers(field, name)
    return found, frozenset(names)


@contextmanager
def _opened(path: Path) -> Iterator[_File]:
    """Map a file into addresses; what its damage raises becomes an UnreadableError."""
    try:
        if not is_level5(path):
            raise _unreadable(path, "another file")
        yield _File(path, memoryview(path.read_bytes()))
    except HarnessError:
        raise
    except MemoryError as error:
        raise _unreadable(path, "more data than fits into memory") from error
    except (struct.error, zlib.error, ValueError, OverflowError, OSError, IndexError) as error:
        raise _unreadable(path, f"a damaged one ({error})") from error


def _unreadable(path: Path, found: str) -> UnreadableError:
    return UnreadableError(str(path), expected="a MATLAB file of version 5", found=found, remedy=_REWRITE)


class _File:
    """The bytes of one file, and what may be unpacked of them."""

    def __init__(self, path: Path, data: memoryview) -> None:
        self._path, self._data = path, data
        self._order: Literal["<", ">"] = "<" if bytes(data[126:128]) == b"IM" else ">"
        self._budget = Budget(len(data))
        self._inflated_bytes = 0

    def variables(self) -> Iterator[_Matrix]:
        """Yield the heads of the variables, in order."""
        for element in self._elements(self._data[_HEADER:], padded=False):
            inner = element
            if element.kind == _COMPRESSED:
                inner = next(self._elements(self._inflated(element.data)))
            if inner.kind == _MATRIX:
                yield self._matrix(inner.data)

    def fields(self, matrix: _Matrix) -> Iterator[_Matrix]:
        """Yield the heads of a structure's fields; only one structure has fields, not an array of them."""
        if matrix.kind != _STRUCT or matrix.count != 1:
            return
        length, names, *values = self._elements(matrix.rest)
        width = struct.unpack(f"{self._order}i", bytes(length.data[:4]))[0]
        if not 0 < width <= len(names.data):
            raise self._error(matrix.name, "a structure", "names of its fields without a length")
        fields = [_text(names.data[start : start + width]) for start in range(0, len(names.data), width)]
        for name, value in zip(fields, values, strict=False):
            if value.kind == _MATRIX and len(value.data):
                head = self._matrix(value.data)
                yield _Matrix(head.flags, head.shape, name, head.rest)

    def numbers(self, matrix: _Matrix, name: str) -> np.ndarray:
        """Return an array of real or complex numbers, in the shape and type that MATLAB shows."""
        if matrix.kind not in _NUMERIC:
            raise self._error(name, "an array of numbers", f"MATLAB class {matrix.kind}")
        dtype = np.dtype(np.bool_) if matrix.flags & _LOGICAL else np.dtype(_CLASSES[matrix.kind])
        if found := self._budget.claim(matrix.count, 2 * dtype.itemsize):
            raise self._error(name, "as much data as its file can hold", found)
        parts = [self._part(part, matrix, name) for part in self._elements(matrix.rest)]
        if len(parts) != (2 if matrix.flags & _COMPLEX else 1):
            raise self._error(name, "one array of numbers", f"{len(parts)}")
        if len(parts) == 1:
            return parts[0].astype(dtype).reshape(matrix.shape, order="F")
        values = np.empty(matrix.count, np.result_type(dtype, np.complex64))
        values.real, values.imag = parts
        return values.reshape(matrix.shape, order="F")

    def _part(self, element: _Element, matrix: _Matrix, name: str) -> np.ndarray:
        if element.kind not in _STORED:
            raise self._error(name, "an array of numbers", f"an element of type {element.kind}")
        stored = np.frombuffer(element.data, np.dtype(_STORED[element.kind]).newbyteorder(self._order))
        if len(stored) != matrix.count:
            raise self._error(name, f"{matrix.count} values", f"{len(stored)}")
        return stored

    def _matrix(self, data: memoryview) -> _Matrix:
        """Return the head of an array: flags, shape, name."""
        place, head = 0, []
        for _ in range(3):
            element, place = self._element(data, place)
            head.append(element)
        flags, shape, name = head
        sides = np.frombuffer(shape.data, np.dtype("i4").newbyteorder(self._order))
        if len(sides) > _MOST_AXES or (sides < 0).any():
            raise self._error(_text(name.data), f"at most {_MOST_AXES} axes", f"a shape of {len(sides)}")
        word = struct.unpack(f"{self._order}I", bytes(flags.data[:4]))[0]
        return _Matrix(word, tuple(map(int, sides)), _text(name.data), data[place:])

    def _elements(self, data: memoryview, *, padded: bool = True) -> Iterator[_Element]:
        place = 0
        while place < len(data):
            element, place = self._element(data, place, padded=padded)
            yield element

    def _element(self, data: memoryview, place: int, *, padded: bool = True) -> tuple[_Element, int]:
        """Return the element at *place* and where the next one begins; a small one is within its own tag."""
        kind, size = struct.unpack_from(f"{self._order}II", data, place)
        if kind >> 16:
            return _Element(kind & 0xFFFF, data[place + 4 : place + 4 + min(4, kind >> 16)]), place + _TAG
        start, end = place + _TAG, place + _TAG + size
        if end > len(data):
            raise _unreadable(self._path, "a truncated one")
        following = end if not padded or kind == _COMPRESSED else start + -(-size // 8) * 8
        return _Element(kind, data[start:end]), following

    def _inflated(self, packed: memoryview) -> memoryview:
        """Return what a packed element holds, never more than the file may unpack to."""
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(packed, self._budget.limit + 1)
        if not unpacker.eof:
            raise _unreadable(self._path, "a truncated variable, or one that unpacks to too much")
        self._inflated_bytes += len(data)
        if self._inflated_bytes > self._budget.limit:
            raise _unreadable(
                self._path, f"one whose variables unpack to {self._inflated_bytes} bytes or more"
            )
        return memoryview(data)

    def _error(self, name: str, expected: str, found: str) -> UnreadableError:
        thing = f"{self._path.name}: {name}"
        return UnreadableError(thing, expected=expected, found=found, remedy=_REWRITE)


def _text(data: memoryview) -> str:
    return bytes(data).split(b"\0")[0].decode("ascii", errors="backslashreplace")
