"""Files of other tools -> what they hold, without running anything: no pickle, no constructors of YAML.

What is damaged, hostile or larger than it claims raises :class:`~harness.core.errors.UnreadableError`.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import HarnessError, UnreadableError
from harness.core.storage.atomic import is_regular
from harness.core.storage.digest import is_plain
from harness.core.storage.npz import Arrays
from harness.core.system.packages import require_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MOST_TEXT = 1 << 28
"""Bytes of a text file that is read."""

_MAGIC = b"\x93NUMPY"
_FITS = b"SIMPLE  ="
_LEVELS = 64
_NUMBER = re.compile(r"[0-9.]+(?=[eE]|\b)")
_DIGITS = 15  # of float64, which come back from text exactly
_USUAL_DIGITS = 6
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True, slots=True)
class Read:
    """What a file holds.

    Attributes
    ----------
    data : object
        As a test may hand it to ``arrays_regression``.
    dtypes : dict of str to str
        The dtype of each array in the file where it is not that of *data*: ``text``.
    notes : tuple of str
        What the reader had to decide or could not know.
    rtol : float
        How far values may be from those that were written, because text has few digits.
    """

    data: Any
    dtypes: Mapping[str, str]
    notes: tuple[str, ...] = ()
    rtol: float = 0.0


def read_npz(path: Path) -> Read:
    """Return the arrays of a .npz by name; names may have slashes, as units do."""
    arrays = Arrays(path, is_name=is_key)
    return Read({name: _native(arrays[name]) for name in arrays}, {})


def is_key(name: str) -> bool:
    """Whether an archive of another tool may have an array of this name: it must not look like a way out.

    >>> is_key("velocity [m/s]"), is_key("../velocity")
    (True, False)
    """
    parts = name.split("/")
    return name.isprintable() and "\\" not in name and not {"", ".", ".."} & set(parts)


def read_npy(path: Path) -> Read:
    """Return the one array of a .npy."""
    with readable(path, "a .npy file with one plain array"):
        if _begin(path, len(_MAGIC)) != _MAGIC:
            raise ValueError("another kind of file")
        with path.open("rb") as stream:
            shape, _, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
            held = path.stat().st_size - stream.tell()
            if dtype.hasobject or not (is_plain(dtype) or dtype.names):
                raise ValueError(f"dtype {dtype}, which only a pickle can hold")
            if math.prod(shape) * dtype.itemsize != held:
                raise ValueError(f"{held} bytes of values for shape {shape}")
            stream.seek(0)
            return Read(_native(np.lib.format.read_array(stream, allow_pickle=False)), {})


def read_fits(path: Path) -> Read:
    """Return the image or table of a FITS file, with astropy.

    Raises
    ------
    DependencyError
        If astropy is not installed.
    """
    with readable(path, "a FITS file"):
        if _begin(path, len(_FITS)) != _FITS:
            raise ValueError("another kind of file")
        fits = require_module("astropy.io.fits", "to read FITS files", "astropy")
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a truncated file is only a warning
            # Opened here: astropy leaves the file open if it refuses it.
            with path.open("rb") as stream, fits.open(stream, memmap=False, lazy_load_hdus=False) as units:
                data = next((unit.data for unit in units if unit.data is not None), None)
                if data is None:
                    raise ValueError("no data")
                array = np.array(data)
    dtype = str(array.dtype)
    return Read(_native(array), {} if array.dtype.isnative else {"data": dtype})


def read_text_array(path: Path) -> Read:
    """Return the numbers of a text file of ``numpy.savetxt``, as pytest-arraydiff reads them."""
    text = read_utf8(path)
    with readable(path, "numbers in columns"), warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy only warns about a file without numbers
        array = np.loadtxt(io.StringIO(text))
    found = (len(number.replace(".", "").strip("0")) for number in _NUMBER.findall(text))
    digits = max(found, default=0)
    if digits >= _DIGITS:
        return Read(array, {"data": "text"})
    # Values of few digits may be exact. pytest-arraydiff writes six if nobody asks for another format.
    rtol = 5 * 10.0 ** -max(digits, _USUAL_DIGITS)
    return Read(array, {"data": "text"}, (f"text with {digits} significant digits or fewer",), rtol)


def read_yaml(path: Path) -> Read:
    """Return the value of a YAML file of pytest-regressions: plain mappings, lists, numbers, texts.

    Raises
    ------
    DependencyError
        If PyYAML is not installed.
    """
    yaml = require_module("yaml", "to read YAML files", "PyYAML")
    text = read_utf8(path)
    with readable(path, "a YAML file of plain values"):
        try:
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
                raise ValueError("an alias, which could stand for more values than memory holds")
            _require_single_keys(yaml.compose(text, yaml.SafeLoader), 0)
            return Read(yaml.safe_load(text), {})
        except yaml.YAMLError as error:
            raise ValueError(" ".join(str(error).split())) from error


def _require_single_keys(node: Any, level: int) -> None:
    if level > _LEVELS:
        raise ValueError("values nested too deep")
    kind = getattr(node, "id", "")
    if kind == "mapping":
        keys = [(key.tag, str(key.value)) for key, _ in node.value]
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f"the key {twice[1]!r} twice")
    for child in node.value if kind in {"mapping", "sequence"} else ():
        for each in child if isinstance(child, tuple) else (child,):
            _require_single_keys(each, level + 1)


def read_utf8(path: Path) -> str:
    """Return a text file's text, without the mark that some programs put in front of UTF-8."""
    with readable(path, "text in UTF-8"):
        with path.open("rb") as stream:
            data = stream.read(MOST_TEXT + 1)
        if len(data) > MOST_TEXT:
            raise ValueError(f"more than {MOST_TEXT >> 20} MiB")
        return data.decode("utf-8-sig")


@contextlib.contextmanager
def readable(path: Path, expected: str) -> Iterator[None]:
    """Raise :class:`UnreadableError` for whatever a reader of damaged bytes raises in the block."""
    try:
        if is_regular(path):
            yield
            return
    except HarnessError:
        raise
    except RecursionError:
        raise _unreadable(path, expected, "values nested too deep") from None
    except MemoryError:
        raise _unreadable(path, expected, "more values than memory holds") from None
    except UnicodeDecodeError as error:
        raise _unreadable(path, expected, f"a byte that is not UTF-8, at {error.start}") from error
    except OSError as error:
        raise _unreadable(path, expected, error.strerror or str(error)) from error
    except Exception as error:  # what readers raise is not documented
        raise _unreadable(path, expected, str(error) or type(error).__name__) from error
    raise _unreadable(path, expected, "a directory, pipe or device")


def _unreadable(path: Path, expected: str, found: str) -> UnreadableError:
    return UnreadableError(
        str(path), expected=expected, found=found, remedy="Restore the file, or leave it out."
    )


def _begin(path: Path, count: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(count)


def _native(array: np.ndarray) -> np.ndarray:
    """A copy in memory, in this machine's byte order."""
    return np.array(array, dtype=array.dtype.newbyteorder("="))
