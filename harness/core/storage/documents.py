"""JSON documents of a repository: encoded canonically, decoded strictly.

Canonical: keys sorted, two spaces a level, a newline at the end, UTF-8. The same value gives the same bytes.
Strict: an unknown key, a key given twice, a wrong type or another schema is refused with its place.
"""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from harness.core.errors import StaleFormatError, UnreadableError, UsageError
from harness.core.storage.atomic import is_regular
from harness.core.storage.json_limits import (
    DOCUMENT,
    TOO_DEEP,
    JsonProblem,
    Limit,
    content_problem,
    is_shallow,
    size_problem,
    structure_problem,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

_DECODER_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)  # msgspec raises some bare ValueErrors


class Versioned(Protocol):
    """A document's content, with the number of its schema."""

    @property
    def schema(self) -> int: ...  # noqa: D102 - as above


T = TypeVar("T", bound=Versioned)


class _Schema(msgspec.Struct):
    schema: int


def encode_document(value: Any, *, limit: Limit = DOCUMENT) -> bytes:
    r"""Return the canonical JSON of a struct or mapping.

    Raises
    ------
    UsageError
        If a number is not finite or a value has a type that JSON lacks, or if the document would be larger
        than :func:`decode_document` reads.

    Examples
    --------
    >>> encode_document({"schema": 1, "name": "lattice"})
    b'{\n  "name": "lattice",\n  "schema": 1\n}\n'
    """
    data = _canonical(value)
    if not _decodes_to(data, value):
        _require_finite(msgspec.to_builtins(value, enc_hook=_as_scalar))
    if problem := size_problem(data, limit):
        raise UsageError(
            "document", expected="one small enough to be read again", found=problem.found, remedy="Split it."
        )
    return data


def decode_document(data: bytes, kind: type[T], *, name: str, schema: int, limit: Limit = DOCUMENT) -> T:
    """Return the value of type *kind* that JSON text encodes; *name* is what errors call the text.

    Raises
    ------
    StaleFormatError
        If the document has another schema than *schema*.
    UnreadableError
        If it is not JSON, or a key or type is wrong; the message names the place, like ``$.entries``. Also if
        it is larger than *limit* or nested too deep.
    """
    _require_no(size_problem(data, limit), name)
    value = _decoded(data, kind, name, schema)
    if not _is_canonical(data, value):  # edited or merged by somebody, so keys may repeat
        _require_no(structure_problem(data), name)
    return value


def read_document(path: str | PathLike[str], kind: type[T], *, schema: int, limit: Limit = DOCUMENT) -> T:
    """Decode the document at *path*. Raises as :func:`decode_document`, and if the file cannot be read."""
    return decode_document(read_text(path, limit), kind, name=str(path), schema=schema, limit=limit)


def read_text(path: str | PathLike[str], limit: Limit = DOCUMENT) -> bytes:
    """Return a file's bytes; of a file larger than *limit*, one byte more than the limit.

    Raises
    ------
    UnreadableError
        If the file is missing, not readable, or not a regular file.
    """
    try:
        if not is_regular(path):
            raise _unreadable(str(path), JsonProblem("a directory, pipe or device"))
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - pathlib costs a twentieth of start-up
            size = os.fstat(stream.fileno()).st_size
            return stream.read(min(size, limit.mebibytes << 20) + 1)
    except OSError as error:
        raise _unreadable(str(path), JsonProblem(error.strerror or str(error))) from error


def plain_json(value: Any) -> str:
    """Return indented JSON of any result, for other programs: paths as text, NaN and infinities as null.

    A file name with bytes that are not UTF-8 is written with escapes, as the standard library does.
    """
    try:
        return msgspec.json.format(
            msgspec.json.encode(value, enc_hook=str, order="sorted"), indent=2
        ).decode()
    except UnicodeEncodeError:
        plain = msgspec.to_builtins(value, enc_hook=str, order="sorted", str_keys=True)
        text = json.dumps(plain).encode("ascii")
        return json.dumps(json.loads(text, parse_constant=lambda _: None), indent=2)


def _canonical(value: Any) -> bytes:
    try:
        return _indented(value) + b"\n"
    except UnicodeEncodeError as error:
        raise UsageError(
            "a document",
            expected="text that UTF-8 can encode",
            found=f"{error.object!r}",
            remedy="Replace the half character in it.",
        ) from error
    except TypeError as error:  # of the sorted keys of a table
        raise UsageError(
            "a document",
            expected="text as the keys of each table",
            found="a table whose keys are not text",
            remedy="Convert them with str().",
        ) from error


def _indented(value: Any) -> bytes:
    encoded = msgspec.json.encode(value, order="sorted", enc_hook=_as_scalar)
    return msgspec.json.format(encoded, indent=2)


def _decodes_to(data: bytes, value: Any) -> bool:
    """Whether *data* decodes to *value*, so no NaN became null. A tuple in a mapping decodes to a list."""
    try:
        return bool(msgspec.json.decode(data, type=type(value)) == value)
    except (msgspec.MsgspecError, ValueError, TypeError):
        return False


def _is_canonical(data: bytes, value: Any) -> bool:
    """Whether *data* is the canonical text of *value*: then no key is given twice, and nothing is too deep.

    A key given twice in *data* is in *value* once, so that the texts differ.
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
        _require_schema(data, name, schema)  # in another schema, anything may be anywhere
        raise _undecodable(data, name, error) from error
    if value.schema != schema:
        _require_schema(data, name, schema)
    return value


def _undecodable(data: bytes, name: str, error: Exception) -> UnreadableError:
    if isinstance(error, RecursionError):
        return _unreadable(name, TOO_DEEP)
    problem = None if size_problem(data) else structure_problem(data)
    return _unreadable(name, problem or content_problem(data) or JsonProblem(str(error)))


def _require_no(problem: JsonProblem | None, name: str) -> None:
    if problem:
        raise _unreadable(name, problem)


def _as_scalar(value: Any) -> Any:
    """Convert a numpy scalar to Python's type; raise for other types that JSON lacks."""
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
    if found == schema:
        return
    upgrade, record = "Upgrade golden-harness to read it.", "Re-record it with `pytest --force-regen`."
    raise StaleFormatError(
        name,
        expected=f"schema {schema}",
        found=f"schema {found}",
        remedy=upgrade if found > schema else record,
    )


def _require_finite(plain: Any) -> None:
    """Raise :class:`UsageError` with the place of the first number that JSON cannot express."""
    for place, number in _nonfinite(plain, "$"):
        raise UsageError(
            place,
            expected="a finite number",
            found=str(number),
            remedy="Leave the entry out, or store the values it was computed from.",
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


def _unreadable(name: str, problem: JsonProblem) -> UnreadableError:
    from harness.core.system.restore import restore_remedy  # only damaged files need git

    return UnreadableError(
        name,
        expected="a JSON document that harness wrote",
        found=problem.found,
        remedy=problem.remedy or restore_remedy(name, otherwise="re-record it"),
    )
