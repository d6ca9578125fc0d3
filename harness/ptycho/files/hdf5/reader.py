"""Read named arrays, numbers and texts of an HDF5 file, and nothing that the file does not hold itself.

Links are followed one name at a time, inside the file only. Sizes are added up before anything is read. What
is not plain numbers (object references, variable lengths, compound types other than complex) is refused.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import HarnessError, UnreadableError
from harness.core.storage.atomic import is_regular
from harness.ptycho.files.hdf5.limits import Budget
from harness.ptycho.files.hdf5.storage import require_own_storage
from harness.ptycho.files.package import needed_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

SIGNATURE = b"\x89HDF\r\n\x1a\n"
REWRITE = "Restore the file, or write it again."
COPY = "Copy the values into the file."
_SEARCHED = 1 << 16
"""How far into a file its signature is searched, at 0, 512, 1024, 2048 and so on."""

_MAX_HOPS = 16
"""Soft links that lead to one another, at most."""

_MAX_ATTRIBUTE = 1 << 16
"""Largest attribute in bytes."""

_LARGEST_ITEM = 16
"""Bytes of a complex128: numpy's longer floats differ between machines."""

_COMPLEX = (("r", "i"), ("real", "imag"))
"""Names of the two parts of a complex number: in h5py, and in MATLAB."""


def is_hdf5(path: str | PathLike[str]) -> bool:
    """Return whether a file is HDF5 by its signature, which may have other data in front of it.

    A directory, pipe or missing file is not. h5py is not needed.

    >>> is_hdf5(__file__)
    False
    """
    try:
        if not is_regular(path):
            return False
        with Path(path).open("rb") as stream:
            place = 0
            while place <= _SEARCHED:
                stream.seek(place)
                if stream.read(len(SIGNATURE)) == SIGNATURE:
                    return True
                place = 2 * place or 512
    except OSError:
        pass
    return False


def root_names(path: str | PathLike[str]) -> frozenset[str]:
    """Return the names at the root of an HDF5 file; empty if the file is of another kind, or damaged.

    Raises
    ------
    DependencyError
        h5py is not installed, and the file is HDF5.
    """
    if not is_hdf5(path):
        return frozenset()
    try:
        with open_hdf5(path) as file:
            return frozenset(file.names())
    except UnreadableError:
        return frozenset()


def require_intact(path: str | PathLike[str]) -> None:
    """Refuse an HDF5 file that cannot be opened, such as a truncated one; its values are not read.

    Raises
    ------
    UnreadableError
        As :func:`open_hdf5`.
    DependencyError
        h5py is not installed.
    """
    with open_hdf5(path) as file:
        file.names()


@contextlib.contextmanager
def open_hdf5(path: str | PathLike[str]) -> Iterator[Hdf5]:
    """Open an HDF5 file for reading.

    Whatever h5py raises inside the block becomes an :class:`UnreadableError` about this file.

    Raises
    ------
    DependencyError
        h5py is not installed.
    UnreadableError
        The file is missing, truncated, damaged or not HDF5, or holds what :class:`Hdf5` refuses.

    Examples
    --------
    >>> import tempfile, h5py
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with h5py.File(f"{folder}/a.h5", "w") as new:
    ...         new["scan/x"] = [1.0, 2.0]
    ...     with open_hdf5(f"{folder}/a.h5") as file:
    ...         file.names("scan"), file.array("scan/x")
    (('x',), array([1., 2.]))
    """
    h5py = needed_module("h5py", "HDF5 files")
    _require_file(path)
    with _damage_refused(path), h5py.File(path, "r", locking="best-effort") as opened:
        yield Hdf5(path, opened)


def _require_file(path: str | PathLike[str]) -> None:
    """Refuse what is not a regular file, or not HDF5."""
    found = None
    try:
        if Path(path).is_dir():
            found = "a directory"
        elif not is_regular(path):
            found = "a pipe or device"
        elif not is_hdf5(path):
            found = "an empty file" if Path(path).stat().st_size == 0 else "a file that is not HDF5"
    except OSError as error:
        found = error.strerror or str(error)
    if found is not None:
        raise UnreadableError(str(path), expected="an HDF5 file", found=found, remedy=REWRITE)


@contextlib.contextmanager
def _damage_refused(path: str | PathLike[str]) -> Iterator[None]:
    """Raise UnreadableError in place of what h5py raises, which it does not document."""
    try:
        yield
    except HarnessError:
        raise
    except MemoryError as error:
        raise _damaged(path, "more data than fits into memory") from error
    except Exception as error:
        text = str(error) or type(error).__name__
        found = "a truncated file" if "truncated file" in text else f"a damaged file ({text})"
        raise _damaged(path, found) from error


def _damaged(path: str | PathLike[str], found: str) -> UnreadableError:
    return UnreadableError(str(path), expected="an intact HDF5 file", found=found, remedy=REWRITE)


class Hdf5:
    """An open HDF5 file. Keys are paths from its root, such as ``entry_1/data_1/data``.

    Every method raises UnreadableError, with the file's name and the key, if a link on the way leads out of
    the file, in a circle or nowhere.

    Attributes
    ----------
    name : str
        The file's name without its folder.
    """

    def __init__(self, path: str | PathLike[str], opened: Any) -> None:
        self.name = Path(path).name
        self._h5py = needed_module("h5py", "HDF5 files")
        self._root = self._h5py.h5g.open(opened.id, b"/")
        self._budget = Budget(Path(path).stat().st_size)

    def error(
        self,
        key: str,
        *,
        expected: str,
        found: str,
        remedy: str = REWRITE,
        kind: type[HarnessError] = UnreadableError,
    ) -> HarnessError:
        """Return an error about one key of the file."""
        return kind(f"{self.name}: {key}", expected=expected, found=found, remedy=remedy)

    def names(self, key: str = "") -> tuple[str, ...]:
        """Return the names in a group, in order; none if it is not there or not a group."""
        item = self._item(key)
        if not isinstance(item, self._h5py.h5g.GroupID):
            return ()
        return tuple(str(name) for name in self._h5py.Group(item))

    def has(self, key: str) -> bool:
        """Return whether there is a dataset or group of this name."""
        return self._item(key) is not None

    def is_dataset(self, key: str) -> bool:
        """Return whether there is a dataset of this name, rather than a group or nothing."""
        return isinstance(self._item(key), self._h5py.h5d.DatasetID)

    def is_group(self, key: str) -> bool:
        """Return whether there is a group of this name, rather than a dataset or nothing."""
        return isinstance(self._item(key), self._h5py.h5g.GroupID)

    def shape(self, key: str) -> tuple[int, ...]:
        """Return a dataset's shape; values are not read."""
        return self._shape(key, self._dataset(key))

    def dtype(self, key: str) -> np.dtype[Any]:
        """Return the dtype that :meth:`array` returns: native byte order, complex as complex."""
        return _native(self._plain_dtype(key, self._dataset(key).dtype))

    def array(self, key: str) -> np.ndarray:
        """Return a dataset of numbers or booleans, in the precision and shape of the file.

        The byte order becomes the machine's. Complex numbers stored as compounds of (r, i) or (real, imag)
        become complex.

        Raises
        ------
        UnreadableError
            The key is missing or a group, holds no plain numbers, is stored outside the file, or claims more
            than the file can hold.
        DependencyError
            A package that unpacks it is not installed.
        """
        item = self._dataset(key)
        dtype, shape = self._plain_dtype(key, item.dtype), self._shape(key, item)
        self._claim(key, math.prod(shape), dtype.itemsize)
        self._require_own_storage(key, item)
        values = np.empty(shape, item.dtype)
        if values.size:
            self._read(key, item, values)
        return values.view(dtype).astype(_native(dtype), copy=False).reshape(shape)

    def _read(self, key: str, item: Any, values: np.ndarray) -> None:
        try:
            item.read(self._h5py.h5s.ALL, self._h5py.h5s.ALL, values)
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise self.error(key, expected="intact values", found=f"damaged ones ({error})") from error

    def number(self, key: str) -> float:
        """Return a real number, stored as a scalar or as an array of one value; errors as :meth:`array`."""
        shape, dtype = self.shape(key), self.dtype(key)
        if math.prod(shape) != 1 or dtype.kind not in "iuf":
            raise self.error(key, expected="one real number", found=f"shape {shape} of dtype {dtype}")
        return float(self.array(key).reshape(-1)[0])

    def text(self, key: str) -> str:
        """Return a text in UTF-8 of fixed length, stored as a scalar or as an array of one.

        Texts of variable length are refused: HDF5 keeps them in a heap, where a damaged file can lead its
        library in circles for ever.
        """
        item = self._dataset(key)
        dtype, shape = item.dtype, self._shape(key, item)
        if dtype.kind != "S" or math.prod(shape) != 1:
            raise self.error(key, expected="one text", found=f"shape {shape} of {self._kind(dtype)}")
        self._claim(key, 1, dtype.itemsize)
        self._require_own_storage(key, item)
        return self._decoded(key, np.asarray(self._h5py.Dataset(item)[()]).reshape(-1)[0])

    def has_attribute(self, key: str, name: str) -> bool:
        """Return whether a group or dataset is there and has an attribute; its value is not read."""
        item = self._item(key)
        return item is not None and bool(self._h5py.h5a.exists(item, name.encode()))

    def attribute(self, key: str, name: str) -> float | str | np.ndarray | None:
        """Return an attribute of a group or dataset: a number, a text or an array; None if there is none.

        Raises
        ------
        UnreadableError
            The key is missing; the attribute is not UTF-8, larger than 64 kB, or neither numbers nor text of
            fixed length.
        """
        item, where = self._item(key), f"{key or '/'}, attribute {name}"
        if item is None:
            raise self._missing(key)
        if not self._h5py.h5a.exists(item, name.encode()):
            return None
        opened = self._h5py.h5a.open(item, name.encode())
        if opened.shape is None:
            raise self.error(where, expected="a value", found="an empty attribute")
        dtype, shape = opened.dtype, tuple(opened.shape)
        if math.prod(shape) * dtype.itemsize > _MAX_ATTRIBUTE:
            raise self.error(where, expected="at most 64 kB", found=f"shape {shape} of dtype {dtype}")
        if dtype.kind == "S" and math.prod(shape) == 1:
            return self._decoded(where, np.asarray(self._attribute_value(item, name)).reshape(-1)[0])
        plain = self._plain_dtype(where, dtype)
        array = (
            np.asarray(self._attribute_value(item, name)).view(plain).astype(_native(plain)).reshape(shape)
        )
        return float(array) if array.ndim == 0 and array.dtype.kind in "biuf" else array

    def _attribute_value(self, item: Any, name: str) -> Any:
        h5 = self._h5py
        wrapped = h5.Dataset(item) if isinstance(item, h5.h5d.DatasetID) else h5.Group(item)
        return wrapped.attrs[name]

    def _decoded(self, where: str, value: Any) -> str:
        raw = value.encode(errors="surrogateescape") if isinstance(value, str) else bytes(value)
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise self.error(where, expected="a text in UTF-8", found="other bytes") from error

    def _missing(self, key: str) -> HarnessError:
        group = key.rpartition("/")[0]
        there = ", ".join(self.names(group)) or "nothing"
        return self.error(key, expected="a dataset", found=f"only {there} in {group or 'the file'}")

    def _dataset(self, key: str) -> Any:
        item = self._item(key)
        if item is None:
            raise self._missing(key)
        if not isinstance(item, self._h5py.h5d.DatasetID):
            raise self.error(key, expected="a dataset", found="a group")
        return item

    def _shape(self, key: str, item: Any) -> tuple[int, ...]:
        if item.get_space().get_simple_extent_type() == self._h5py.h5s.NULL:
            raise self.error(key, expected="values", found="an empty dataset")
        return tuple(int(length) for length in item.shape)

    def _plain_dtype(self, where: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return the dtype of plain numbers that *dtype* stands for, in the file's byte order."""
        if dtype.names in _COMPLEX:
            real, imag = (dtype.fields[name] for name in dtype.names) if dtype.fields else (None, None)
            if real and imag and real[0] == imag[0] and real[0].kind == "f" and real[0].itemsize in (4, 8):
                pair = np.dtype(f"{real[0].byteorder}c{2 * real[0].itemsize}")
                if (real[1], imag[1], dtype.itemsize) == (0, real[0].itemsize, pair.itemsize):
                    return pair
        if dtype.kind in "biuf" and dtype.itemsize <= _LARGEST_ITEM // 2 and dtype.subdtype is None:
            return dtype
        if dtype.kind == "c" and dtype.itemsize <= _LARGEST_ITEM:
            return dtype
        raise self.error(
            where,
            expected="plain numbers",
            found=self._kind(dtype),
            remedy="Store numbers; nothing else is read.",
        )

    def _kind(self, dtype: np.dtype[Any]) -> str:
        if self._h5py.check_string_dtype(dtype) is not None:
            return "text of variable length" if dtype.hasobject else "text"
        if self._h5py.check_ref_dtype(dtype) is not None:
            return "references to other objects"
        if dtype.hasobject:
            return "values of variable length (dtype object)"
        return f"compound values of {', '.join(dtype.names)}" if dtype.names else f"dtype {dtype}"

    def _claim(self, key: str, count: int, itemsize: int) -> None:
        if found := self._budget.claim(count, itemsize):
            raise self.error(key, expected="as much data as its file can hold", found=found)

    def _require_own_storage(self, key: str, item: Any) -> None:
        """Refuse values that are elsewhere, or that could fill the memory while they are unpacked."""
        require_own_storage(f"{self.name}: {key}", item, self._budget)
        for source in _sources(item, self._h5py):
            self._require_source(key, *source)

    def _require_source(self, key: str, filename: str, source: str) -> None:
        """Refuse a virtual dataset that is not made of plain datasets of this file."""
        expected = "values in this file"
        if filename != ".":
            raise self.error(key, expected=expected, found=f"a virtual dataset of {filename}", remedy=COPY)
        item = self._item(source)
        if not isinstance(item, self._h5py.h5d.DatasetID) or _sources(item, self._h5py):
            raise self.error(key, expected=expected, found=f"a virtual dataset of {source}, which is not one")
        require_own_storage(f"{self.name}: {source}", item, self._budget)

    def _item(self, key: str) -> Any:
        """Return the group or dataset at a path, or None; soft links are followed inside the file."""
        h5l, here, via, hops = self._h5py.h5l, self._root, "", 0
        left = deque(_parts(key))
        while left:
            part = left.popleft()
            if not isinstance(here, self._h5py.h5g.GroupID) or not here.links.exists(part):
                if via:
                    raise self.error(
                        key, expected="a dataset", found=f"a soft link to {via}, which is not there"
                    )
                return None
            kind = here.links.get_info(part).type
            if kind == h5l.TYPE_HARD:
                here = self._h5py.h5o.open(here, part)
                continue
            if kind != h5l.TYPE_SOFT:
                raise self.error(
                    key, expected="values in this file", found=_elsewhere(here, part, kind, h5l), remedy=COPY
                )
            target = here.links.get_val(part)
            via, hops = target.decode(errors="backslashreplace"), hops + 1
            if hops > _MAX_HOPS:
                raise self.error(key, expected="a dataset", found="soft links in a circle")
            here = self._root if target.startswith(b"/") else here
            left.extendleft(reversed(_parts(target)))
        return here


def _parts(path: str | bytes) -> list[bytes]:
    """Return the names along a path."""
    raw = path.encode() if isinstance(path, str) else path
    return [part for part in raw.split(b"/") if part not in (b"", b".")]


def _elsewhere(group: Any, part: bytes, kind: int, h5l: Any) -> str:
    """Return in words where a link leads that is neither hard nor soft."""
    if kind != h5l.TYPE_EXTERNAL:
        return "a link of an unknown kind"
    file, path = (text.decode(errors="backslashreplace") for text in group.links.get_val(part))
    return f"an external link to {path} in {file}"


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype.newbyteorder("=")


def _sources(item: Any, h5py: Any) -> list[tuple[str, str]]:
    """Return the file and dataset names that a virtual dataset is made of; none if it is not virtual."""
    plist = item.get_create_plist()
    if plist.get_layout() != h5py.h5d.VIRTUAL:
        return []
    count = plist.get_virtual_count()
    return [(plist.get_virtual_filename(i), plist.get_virtual_dsetname(i)) for i in range(count)]
