"""JSON text before it becomes values: what a decoder lets pass in silence, or calls by no helpful name.

A key that is there twice would lose its first value without a word; endless nesting would end the
interpreter's patience, and a small file of brackets its memory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 64
"""Of lists and tables in each other."""

_POINTER_BYTES = 1024
_MARKER = rb"^(?:<{7,}|>{7,}|={7,}|\|{7,})(?: [^\n]*)?\r?$"
_WORD = r"[A-Za-z_]\w*"
_SETTLE = "Settle each conflict: keep one side, delete the lines with markers; then run `harness verify`."
_CHOOSE = "Keep one of the two, or rename it; where a merge left both, see `git log -p` for which is which."


class Limit(msgspec.Struct, frozen=True):
    """How large a document may be: each value takes memory, though it be two bytes of text."""

    mebibytes: int
    values: int


DOCUMENT = Limit(32, 1 << 20)
"""Of a manifest, a baseline, and all else that describes one thing."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a text, and the next step; None where it is the document's own, to restore it."""

    found: str
    remedy: str | None = None


def excess(data: bytes, limit: Limit = DOCUMENT) -> Fault | None:
    """Fault of a text that is too large to be decoded within reasonable memory."""
    if len(data) > limit.mebibytes << 20:
        return Fault(f"more than {limit.mebibytes} MiB")
    if len(data) > limit.values and sum(map(data.count, (b",", b"[", b"{"))) > limit.values:
        return Fault(f"more than {limit.values} values")
    return None


def disguise(data: bytes) -> Fault | None:
    """What a text is that is no document, where that has a name; for texts that were refused already."""
    if not data.strip():
        return Fault("an empty file")
    from harness.core.storage.lfs import parse_pointer  # verify starts without it

    if parse_pointer(data[:_POINTER_BYTES]):
        remedy = "Fetch it with `git lfs pull`; a document is better kept in git itself."
        return Fault("a Git LFS pointer in place of the file", remedy)
    if marker := re.search(_MARKER, data, re.MULTILINE):
        line = data.count(b"\n", 0, marker.start()) + 1
        return Fault(f"unresolved conflict markers of git, the first in line {line}", _SETTLE)
    return None


def is_shallow(canonical: bytes) -> bool:
    """Whether a text indented by two spaces a level is nested no deeper than ``MAX_DEPTH``."""
    return b"\n" + b"  " * (MAX_DEPTH + 1) not in canonical


def ambiguity(data: bytes) -> Fault | None:
    """Fault of JSON that is nested too deep, or has a key twice in one table.

    Text that is no JSON has none here: its decoder says what is wrong with it.
    """
    import json  # no sooner than there is a document to read

    repeated: list[tuple[dict[str, Any], str]] = []

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            repeated.append((made, _first_repeated(pairs)))
        return made

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
    where, key = repeated[-1]  # the outermost: no other table with a key twice can have dropped it
    return Fault(f"the key {key!r} twice in {_place(tree, where)}", _CHOOSE)


TOO_DEEP = Fault(f"lists or tables nested more than {MAX_DEPTH} deep")


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    return next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]


def _is_deeper(tree: Any, limit: int) -> bool:
    """Whether values are nested more than *limit* deep; level by level, for depth must not end this too."""
    level = [tree]
    for _ in range(limit + 1):
        level = [item for value in level for _, item in _items(value)]
        if not level:
            return False
    return True


def _place(value: Any, wanted: dict[str, Any], place: str = "$") -> str | None:
    """Where the table *wanted* is in a tree, as msgspec writes it; None if it is not there."""
    if value is wanted:
        return place
    found = (_place(item, wanted, place + step) for step, item in _items(value))
    return next(filter(None, found), None)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """What a list or table holds, each with its step of a place."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f".{key}" if re.fullmatch(_WORD, key) else f"[{key!r}]", item
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield f"[{index}]", item
