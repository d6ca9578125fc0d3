"""What a store says of an array: shape, dtype, chunks and codecs, in zarr format 2 and 3, checked.

Sources: the zarr specifications, https://zarr-specs.readthedocs.io, versions 2 and 3.0.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import UnreadableError
from harness.ptycho.files.zarr_store.files import METADATA, REWRITE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.ptycho.files.zarr_store.files import StoreFiles

_LARGEST_METADATA = 1 << 20
_MOST_AXES = 8
_KINDS = "biufc"
COMPRESSIONS = frozenset({"zlib", "gzip", "zstd", "blosc", "lz4"})
"""Codecs that are read. None of them runs anything."""

_PLAIN_TYPES = frozenset(
    {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32"}
    | {"float64", "complex64", "complex128"}
)


@dataclass(frozen=True, slots=True)
class ArrayMetadata:
    """How an array is stored.

    Attributes
    ----------
    shape, chunk : tuple of int
    dtype : dtype
        In the byte order of the chunks.
    order : tuple of int
        Axes of the array in the order in which a chunk has them, slowest first.
    compression : str or None
        One of :data:`COMPRESSIONS`.
    prefix, separator : str
        A chunk is stored under ``prefix + separator.join(indices)``.
    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]
    order: tuple[int, ...]
    compression: str | None
    prefix: str
    separator: str

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def chunk_bytes(self) -> int:
        """Bytes of one chunk, unpacked; chunks at the edges are stored whole."""
        return math.prod(self.chunk) * self.dtype.itemsize

    @property
    def grid(self) -> tuple[int, ...]:
        """How many chunks there are along each axis."""
        return tuple(-(-size // chunk) for size, chunk in zip(self.shape, self.chunk, strict=True))


@dataclass(frozen=True, slots=True)
class _Place:
    """An array of a store, and what to say when its metadata are wrong."""

    store: str
    name: str

    def error(self, expected: str, found: str) -> UnreadableError:
        thing = f"{self.store}: {self.name}" if self.name else self.store
        return UnreadableError(thing, expected=expected, found=found, remedy=REWRITE)

    def chunks_at(self, more: str) -> str:
        return f"{self.name}/{more}" if self.name else more


def attributes_of(files: StoreFiles) -> dict[str, Any]:
    """Return the attributes of a store's root."""
    if "zarr.json" in files:
        attributes = _document(files, "zarr.json").get("attributes", {})
    else:
        attributes = _document(files, ".zattrs") if ".zattrs" in files else {}
    if not isinstance(attributes, dict):
        raise _Place(files.name, "").error("attributes in a JSON object", type(attributes).__name__)
    return attributes


def array_names(files: StoreFiles) -> frozenset[str]:
    """Return the names of a store's arrays; the empty name if the store is an array itself."""
    found = set()
    for path in files:
        folder, _, last = path.rpartition("/")
        if last == ".zarray" or (last == "zarr.json" and _document(files, path).get("node_type") == "array"):
            found.add(folder)
        if last == ".zgroup":
            _document(files, path)
    _require_arrays_of_chunks(files, frozenset(found))
    return frozenset(found)


def _require_arrays_of_chunks(files: StoreFiles, arrays: frozenset[str]) -> None:
    """Refuse chunks that belong to no array: its metadata are lost."""
    for path in files:
        folder, _, last = path.rpartition("/")
        if last in METADATA or last.startswith("."):
            continue
        parts = folder.split("/") if folder else []
        if not any("/".join(parts[:count]) in arrays for count in range(len(parts) + 1)):
            raise _Place(files.name, folder).error("an array", f"chunks without metadata, {last}")


def metadata_of(files: StoreFiles, name: str) -> ArrayMetadata:
    """Return how an array is stored.

    Raises
    ------
    UnreadableError
        The metadata are damaged, not of plain numbers, or have codecs that are not known.
    """
    place = _Place(files.name, name)
    path = place.chunks_at("zarr.json")
    try:
        if path in files:
            return _of_format_3(place, _document(files, path))
        return _of_format_2(place, _document(files, place.chunks_at(".zarray")))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise place.error("metadata of an array", f"damaged ones ({_in_words(error)})") from error


def _in_words(error: Exception) -> str:
    return f"no {error.args[0]!r}" if isinstance(error, KeyError) else str(error)


def _document(files: StoreFiles, path: str) -> dict[str, Any]:
    data = files.read(path)
    try:
        document = json.loads(data[: _LARGEST_METADATA + 1])
    except (ValueError, RecursionError) as error:
        raise _Place(files.name, path).error("a small JSON document", "another") from error
    if not isinstance(document, dict):
        raise _Place(files.name, path).error("a JSON object", type(document).__name__)
    return document


def _of_format_2(place: _Place, document: Mapping[str, Any]) -> ArrayMetadata:
    if document["zarr_format"] != 2 or document.get("filters"):  # noqa: PLR2004 - the format's number
        found = f"format {document['zarr_format']!r} with filters {_shown(document.get('filters'))}"
        raise place.error("zarr format 2 without filters", found)
    compressor = document["compressor"]
    compression = None if compressor is None else _known(place, compressor["id"])
    shape, chunk = _sides(place, document["shape"], 0), _sides(place, document["chunks"], 1)
    axes = range(len(shape))
    order = {"C": tuple(axes), "F": tuple(reversed(axes))}[document["order"]]
    separator = {".": ".", "/": "/"}[document.get("dimension_separator", ".")]
    dtype = _plain_dtype(place, document["dtype"])
    prefix = place.chunks_at("")
    return _checked(place, ArrayMetadata(shape, chunk, dtype, order, compression, prefix, separator))


def _of_format_3(place: _Place, document: Mapping[str, Any]) -> ArrayMetadata:
    if document["zarr_format"] != 3 or document["node_type"] != "array":  # noqa: PLR2004 - the format's number
        raise place.error("an array in zarr format 3", f"a {document['node_type']!r}")
    if document.get("storage_transformers"):
        raise place.error("chunks as they are", "storage transformers")
    kind = document["data_type"]
    if kind not in _PLAIN_TYPES:
        raise place.error("plain numbers", f"data type {_shown(kind)}")
    shape = _sides(place, document["shape"], 0)
    grid, keys = document["chunk_grid"], document["chunk_key_encoding"]
    if grid["name"] != "regular":
        raise place.error("a regular grid of chunks", f"a grid {_shown(grid['name'])}")
    chunk = _sides(place, grid["configuration"]["chunk_shape"], 1)
    default = {"default": ("c/", "/"), "v2": ("", ".")}[keys["name"]]
    separator = {".": ".", "/": "/"}[keys.get("configuration", {}).get("separator", default[1])]
    prefix = place.chunks_at(default[0].replace("/", separator))
    order, endian, compression = _codecs(place, document["codecs"], len(shape))
    dtype = np.dtype(kind).newbyteorder(endian)
    return _checked(place, ArrayMetadata(shape, chunk, dtype, order, compression, prefix, separator))


def _codecs(
    place: _Place, codecs: list[dict[str, Any]], axes: int
) -> tuple[tuple[int, ...], str, str | None]:
    """Return the order of axes, the byte order and the compression of chunks: at most one codec of each."""
    order, endian, compression = tuple(range(axes)), "=", None
    left = list(codecs)
    if left and left[0]["name"] == "transpose":
        order = tuple(left.pop(0)["configuration"]["order"])
    if not left or left[0]["name"] != "bytes":
        raise place.error("the codec bytes", f"the codec {_shown(left[0]['name'] if left else None)}")
    endian = {"little": "<", "big": ">"}[left.pop(0).get("configuration", {}).get("endian", "little")]
    if left:
        compression = _known(place, left.pop(0)["name"])
    if left:
        raise place.error("one compression", f"another codec {_shown(left[0]['name'])} behind it")
    if sorted(order) != list(range(axes)):
        raise place.error(f"an order of {axes} axes", f"{_shown(order)}")
    return order, endian, compression


def _known(place: _Place, codec: Any) -> str:
    if codec not in COMPRESSIONS:
        expected = f"one of the codecs {', '.join(sorted(COMPRESSIONS))}"
        raise place.error(expected, f"the codec {_shown(codec)}")
    return str(codec)


def _sides(place: _Place, sides: Any, least: int) -> tuple[int, ...]:
    whole = isinstance(sides, list) and all(type(side) is int and least <= side < 1 << 62 for side in sides)
    if not whole or len(sides) > _MOST_AXES:
        raise place.error("a list of whole numbers", _shown(sides))
    return tuple(sides)


def _plain_dtype(place: _Place, text: Any) -> np.dtype[Any]:
    dtype = np.dtype(text) if isinstance(text, str) and len(text) < 8 else None  # noqa: PLR2004 - "<c16" has 4
    if dtype is None or dtype.kind not in _KINDS or dtype.itemsize > 16:  # noqa: PLR2004 - complex128
        raise place.error("plain numbers", f"dtype {_shown(text)}")
    return dtype


def _checked(place: _Place, metadata: ArrayMetadata) -> ArrayMetadata:
    if len(metadata.chunk) != len(metadata.shape):
        raise place.error(f"chunks of {len(metadata.shape)} axes", f"chunks {metadata.chunk}")
    return metadata


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:60]} ..."  # noqa: PLR2004 - a line
