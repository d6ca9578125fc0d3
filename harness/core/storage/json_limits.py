"""Problems of JSON text that a decoder accepts silently or describes badly.

A key given twice would silently lose its first value. Deep nesting would exhaust the interpreter's stack, and
a small file of brackets its memory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 64
"""Levels of lists and tables in each other."""

_LFS_BYTES = 1024
_CONFLICT_MARKER = rb"^(?:<{7,}|>{7,}|={7,}|\|{7,})(?: [^\n]*)?\r?$"
_WORD = r"[A-Za-z_]\w*"
_RESOLVE = "Resolve each conflict: keep one side, delete the marker lines, then run `harness verify`."
_CHOOSE = "Keep one of the two, or rename it; after a merge, `git log -p` shows where each came from."


class Limit(msgspec.Struct, frozen=True):
    """How large a document may be. Each value takes memory, even if it is two bytes of text."""

    mebibytes: int
    values: int


DOCUMENT = Limit(mebibytes=32, values=1 << 20)
"""Limit of a manifest, a baseline and other documents that describe one thing."""


class JsonProblem(msgspec.Struct, frozen=True):
    """What was found in a text, and the next step; None if it is the usual one, to restore the file."""

    found: str
    remedy: str | None = None


TOO_DEEP = JsonProblem(f"lists or tables nested more than {MAX_DEPTH} deep")


def size_problem(data: bytes, limit: Limit = DOCUMENT) -> JsonProblem | None:
    """Return the problem of a text that is too large to decode in reasonable memory, else None."""
    if len(data) > limit.mebibytes << 20:
        return JsonProblem(f"more than {limit.mebibytes} MiB")
    if len(data) > limit.values and sum(map(data.count, (b",", b"[", b"{"))) > limit.values:
        return JsonProblem(f"more than {limit.values} values")
    return None


def content_problem(data: bytes) -> JsonProblem | None:
    """Return what a rejected text is: empty, a Git LFS pointer, an unresolved merge, or not UTF-8.

    None if it is none of these: then the decoder's own message says most.
    """
    if not data.strip():
        return JsonProblem("an empty file")
    from harness.core.system.pointers import parse_pointer  # verify starts without it

    if parse_pointer(data[:_LFS_BYTES]):
        remedy = "Fetch it with `git lfs pull`. Git itself, without LFS, suits such documents better."
        return JsonProblem("a Git LFS pointer in place of the file", remedy)
    if marker := re.search(_CONFLICT_MARKER, data, re.MULTILINE):
        line = data.count(b"\n", 0, marker.start()) + 1
        return JsonProblem(f"unresolved conflict markers of git, the first in line {line}", _RESOLVE)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return JsonProblem(f"bytes that are not UTF-8, the first at byte {error.start}")
    return None


def is_shallow(canonical: bytes) -> bool:
    """Whether a text indented by two spaces a level is nested at most ``MAX_DEPTH`` deep."""
    return b"\n" + b"  " * (MAX_DEPTH + 1) not in canonical


def structure_problem(data: bytes) -> JsonProblem | None:
    """Return the problem of JSON that is nested too deep or has a key twice in one table, else None.

    None also for text that is not JSON: its decoder says what is wrong with it.
    """
    import json  # not needed where no document is read

    repeated: list[tuple[dict[str, Any], str]] = []

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        decoded = dict(pairs)
        if len(decoded) < len(pairs):
            repeated.append((decoded, _first_repeated(pairs)))
        return decoded

    try:
        tree = json.loads(data.decode(), object_pairs_hook=table, parse_int=str, parse_float=str)
    except RecursionError:
        return TOO_DEEP
    except ValueError:
        return None
    if _is_deeper(tree, MAX_DEPTH):
        return TOO_DEEP
    if not repeated:
        return None
    where, key = repeated[-1]  # the outermost: no other table with a repeated key can have dropped it
    return JsonProblem(f"the key {key!r} twice in {_place(tree, where)}", _CHOOSE)


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    return next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]


def _is_deeper(tree: Any, limit: int) -> bool:
    """Whether values are nested more than *limit* deep. Level by level: recursion would end at deep trees."""
    level = [tree]
    for _ in range(limit + 1):
        level = [item for value in level for _, item in _items(value)]
        if not level:
            return False
    return True


def _place(value: Any, wanted: dict[str, Any], place: str = "$") -> str | None:
    """Return where the table *wanted* is in a tree, as msgspec writes it; None if it is not in it."""
    if value is wanted:
        return place
    found = (_place(item, wanted, place + step) for step, item in _items(value))
    return next(filter(None, found), None)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the items of a list or table, each with its part of the place: ``.key`` or ``[index]``."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f".{key}" if re.fullmatch(_WORD, key) else f"[{key!r}]", item
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield f"[{index}]", item
