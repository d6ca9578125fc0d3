"""The JSON files a repository keeps: written canonically, read strictly, replaced atomically.

Canonical means keys sorted, two spaces, a newline at the end, UTF-8: the same value gives the same bytes.
Strict means that an unknown key, a key given twice, a wrong type or a newer schema is refused with its place.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from harness.core.errors import StaleFormatError, UnreadableError, UsageError
from harness.core.storage.atomic import is_regular
from harness.core.storage.json_limits import (
    DOCUMENT,
    TOO_DEEP,
    Fault,
    Limit,
    ambiguity,
    disguise,
    excess,
    is_shallow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

_DECODER_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)  # some of ValueError's kinds are bare


class Versioned(Protocol):
    """A document's content, which says of which schema it is."""

    @property
    def schema(self) -> int: ...  # noqa: D102 - as above


T = TypeVar("T", bound=Versioned)


class _Schema(msgspec.Struct):
    schema: int


def encode_document(value: Any, *, limit: Limit = DOCUMENT) -> bytes:
    """Canonical JSON of a struct or mapping.

    Raises
    ------
    UsageError
        If a number is not finite, or a value is of another kind: JSON has no word for it. Also if the
        document is larger than :func:`decode_document` reads.
    """
    data = _canonical(value)
    if not _gives_back(data, value):
        _require_finite(msgspec.to_builtins(value, enc_hook=_as_scalar))
    if fault := excess(data, limit):
        raise UsageError(
            "document", expected="one that can be read back", found=fault.found, remedy="Split it."
        )
    return data


def decode_document(data: bytes, kind: type[T], *, name: str, schema: int, limit: Limit = DOCUMENT) -> T:
    """Value of type *kind* from JSON, refused where it is not exactly that.

    Raises
    ------
    StaleFormatError
        If the document's schema is not the one this program knows.
    UnreadableError
        If it is not JSON, or a key or type is wrong; the message holds the place, ``$.entries``. Also if
        it is larger than *limit*, or nested too deep.
    """
    _require(name, excess(data, limit))
    value = _decoded(data, kind, name, schema)
    if not _is_canonical(data, value):  # then its author was another, and may have been careless
        _require(name, ambiguity(data))
    return value


def read_document(path: str | PathLike[str], kind: type[T], *, schema: int, limit: Limit = DOCUMENT) -> T:
    """Decode the document at *path*; raises as :func:`decode_document`, and if there is no such file."""
    return decode_document(read_text(path, limit), kind, name=str(path), schema=schema, limit=limit)


def read_text(path: str | PathLike[str], limit: Limit = DOCUMENT) -> bytes:
    """Return a file's bytes, or just so many more than *limit* that they are refused.

    Raises
    ------
    UnreadableError
        If there is no such file, or none with an end.
    """
    try:
        if not is_regular(path):
            raise _unreadable(str(path), Fault("no regular file"))
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - pathlib costs a twentieth of start-up
            size = os.fstat(stream.fileno()).st_size
            return stream.read(min(size, limit.mebibytes << 20) + 1)
    except OSError as error:
        raise _unreadable(str(path), Fault(error.strerror or str(error))) from error


def _canonical(value: Any) -> bytes:
    return _indented(value) + b"\n"


def _indented(value: Any) -> bytes:
    encoded = msgspec.json.encode(value, order="sorted", enc_hook=_as_scalar)
    return msgspec.json.format(encoded, indent=2)


def _gives_back(data: bytes, value: Any) -> bool:
    """Whether *data* is read as *value*: then no number became null. A tuple comes back as a list."""
    try:
        return bool(msgspec.json.decode(data, type=type(value)) == value)
    except (msgspec.MsgspecError, ValueError, TypeError):
        return False


def _is_canonical(data: bytes, value: Any) -> bool:
    """Whether *data* is what this program writes of *value*: then no key is twice, and nothing too deep.

    A key that was there twice would be once in what is written of the value.
    """
    try:
        text = _indented(value) if is_shallow(data) else b""
        return len(text) + 1 == len(data) and data.startswith(text) and data.endswith(b"\n")
    except RecursionError:
        return False


def _decoded(data: bytes, kind: type[T], name: str, schema: int) -> T:
    try:
        value = msgspec.json.decode(data, type=kind)
    except _DECODER_ERRORS as error:
        _require_schema(data, name, schema)  # another one may have anything in any place
        raise _undecodable(data, name, error) from error
    if value.schema != schema:
        _require_schema(data, name, schema)
    return value


def _undecodable(data: bytes, name: str, error: Exception) -> UnreadableError:
    if isinstance(error, RecursionError):
        return _unreadable(name, TOO_DEEP)
    doubt = None if excess(data) else ambiguity(data)
    return _unreadable(name, doubt or disguise(data) or Fault(str(error)))


def _require(name: str, fault: Fault | None) -> None:
    if fault:
        raise _unreadable(name, fault)


def _as_scalar(value: Any) -> Any:
    """A scalar of numpy's as Python's own."""
    if getattr(value, "shape", None) == () and isinstance(value.item(), (bool, int, float, str)):
        return value.item()
    raise UsageError(
        f"value {value!r}",
        expected="a number, a string, true, false, null, or a list or table of them",
        found=f"{type(value).__name__}",
        remedy="Convert it first.",
    )


def _require_schema(data: bytes, name: str, schema: int) -> None:
    try:
        found = msgspec.json.decode(data, type=_Schema).schema
    except _DECODER_ERRORS as error:
        raise _undecodable(data, name, error) from error
    if found > schema:
        raise StaleFormatError(
            name,
            expected=f"schema {schema} or older",
            found=f"schema {found}",
            remedy="Upgrade golden-harness to read it.",
        )
    if found != schema:
        raise StaleFormatError(
            name,
            expected=f"schema {schema}",
            found=f"schema {found}",
            remedy="Record it anew with `pytest --force-regen`.",
        )


def _require_finite(plain: Any) -> None:
    """Raise :class:`UsageError` with the place of the first number that JSON has no word for."""
    for place, number in _nonfinite(plain, "$"):
        raise UsageError(
            place,
            expected="a finite number",
            found=str(number),
            remedy="Leave the entry out, or store what made it so.",
        )


def _nonfinite(value: Any, place: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float) and not math.isfinite(value):
        yield place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _nonfinite(item, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _nonfinite(item, f"{place}[{index}]")


def _unreadable(name: str, fault: Fault) -> UnreadableError:
    restore = f"Restore it with `git checkout -- {Path(name).as_posix()}`, or record it anew."
    return UnreadableError(
        name, expected="a JSON document that harness wrote", found=fault.found, remedy=fault.remedy or restore
    )


def plain_json(value: Any) -> str:
    """Indented JSON of any result, for programs to read; paths as text, NaN and infinities as null."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=str, order="sorted"), indent=2).decode()
