"""Canonical data as safetensors: the contract's keys as tensors, lengths in the metadata of the header.

A JSON header and raw numbers (https://github.com/huggingface/safetensors); nothing in it can run.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import HarnessError, UnreadableError
from harness.core.storage.atomic import is_regular, unwritable_on_error
from harness.ptycho.files.canonical.arrays import ARRAYS, GEOMETRY, arrays_of, content_of, is_canonical
from harness.ptycho.files.canonical.lengths import geometry_of, lengths_of
from harness.ptycho.files.format import Format, Reading, Written
from harness.ptycho.files.package import needed_module

if TYPE_CHECKING:
    from pathlib import Path

    from harness.ptycho.files.content import Content

GEOMETRY_KEY = "geometry"
"""Entry of the metadata: a JSON object of lengths, as safetensors has texts only."""

_LENGTH_BYTES = 8
_LARGEST_HEADER = 1 << 20
"""Header of an accepted file in bytes, at most: a scan has a dozen tensors, and each takes a hundred."""

_DTYPES = frozenset(
    {"BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "F32", "F64", "C64"}
)
"""Dtypes that numpy has; the others are of machine learning."""

_REWRITE = "Restore the file, or write it again with safetensors.numpy.save_file."


def _recognise(path: Path) -> bool:
    try:
        return is_canonical(_header(path).keys())
    except HarnessError:
        return False


def _header(path: Path) -> dict[str, Any]:
    """Return the header of a file: name -> dtype, shape and place of each tensor."""
    try:
        size = path.stat().st_size if is_regular(path) else 0
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(_LENGTH_BYTES), "little") if size else 0
            if not 1 < length <= min(_LARGEST_HEADER, size - _LENGTH_BYTES):
                raise _unreadable(path, f"one that begins with {length} for its header's length")
            header = json.loads(stream.read(length))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, "a header that is not JSON") from error
    if not isinstance(header, dict):
        raise _unreadable(path, "a header that is not a JSON object")
    return header


def _unreadable(path: Path, found: str) -> UnreadableError:
    return UnreadableError(str(path), expected="a safetensors file", found=found, remedy=_REWRITE)


def _read(path: Path, reading: Reading) -> Content:
    _header(path)
    arrays, metadata = _arrays(path)
    try:
        lengths = json.loads(metadata.get(GEOMETRY_KEY, "{}"))
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, "metadata 'geometry' that are not JSON") from error
    if not isinstance(lengths, dict):
        raise _unreadable(path, "metadata 'geometry' that are not a JSON object")
    others = tuple(f"metadata {key}" for key in sorted(metadata.keys() - {GEOMETRY_KEY}))
    geometry = geometry_of(path.name, lengths)
    return content_of(path.name, arrays, reading, geometry=geometry, left_out=others)


def _arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    package = needed_module("safetensors.numpy", "safetensors files")
    try:
        with package.safe_open(str(path), framework="np") as file:
            names = list(file.keys())
            for name in names:
                _require_dtype(path, name, file.get_slice(name).get_dtype())
            return {name: np.array(file.get_tensor(name)) for name in names}, dict(file.metadata() or {})
    except HarnessError:
        raise
    except MemoryError as error:
        raise _unreadable(path, "more data than fits into memory") from error
    except Exception as error:  # the package does not document what it raises
        raise _unreadable(path, f"a damaged one ({error})") from error


def _require_dtype(path: Path, name: str, dtype: str) -> None:
    if dtype not in _DTYPES:
        remedy = "Store numbers of a dtype that numpy has."
        raise UnreadableError(
            f"{path.name}: {name}", expected="a dtype of numpy", found=f"dtype {dtype}", remedy=remedy
        )


def _write(path: Path, content: Content) -> Written:
    package = needed_module("safetensors.numpy", "safetensors files")
    arrays = {key: np.ascontiguousarray(array) for key, array in arrays_of(content).items()}
    lengths = lengths_of(content.geometry)
    metadata = {GEOMETRY_KEY: json.dumps(lengths, sort_keys=True)} if lengths else None
    with unwritable_on_error(path):
        path.write_bytes(package.save(arrays, metadata=metadata))
    return Written()


FORMAT = Format(
    name="safetensors",
    title="canonical data (safetensors)",
    suffixes=(".safetensors",),
    holds=ARRAYS | GEOMETRY,
    canonical=True,
    uses=frozenset({"axes"}),
    recognise=_recognise,
    read=_read,
    write=_write,
)
FORMATS = (FORMAT,)
