"""The text of registry.json, schema 2, and what it says: one entry per golden file.

Read in one pass by the standard library alone, because ``harness verify`` reads it and has to start fast. The
text is canonical (keys sorted, two spaces, a newline at the end), so that git shows a change of one entry as
a change of its lines.
"""

from __future__ import annotations

import re
from functools import partial
from operator import itemgetter, methodcaller
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from harness.core.errors import StaleFormatError, UnreadableError, UsageError
from harness.core.storage.project import require_inner

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

SCHEMA = 2
Kind = Literal["fixture", "manifest", "baseline", "result", "tolerances", "file"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MEBIBYTES = 256
VALUES = 1 << 22
"""The most that a registry or a history may have: each value takes memory, even one of two bytes of text."""

DIGESTS = {"xxh128": ("xxh128", 32), "sha256": ("sha256", 64), "record": ("sha256", 64)}
"""Name and number of digits of each digest of an entry, in the order of its fields."""

_FORMS = tuple(DIGESTS.values())
_KEYS = {"kind", "size", *DIGESTS}
_KINDS = set(KINDS)
MOST_BYTES = 1 << 62
_HEXADECIMAL = b"0123456789abcdef"
_COLONS = 2, 6 + len(DIGESTS)
"""Colons in a sound registry: after its two keys; per entry, after six keys and in each of the digests."""


class Entry(NamedTuple):  # a frozen dataclass takes four times as long to import, and twice as long to make
    """One golden file: its kind, size in bytes, digests, and the digest of its newest record."""

    kind: Kind
    size: int
    xxh128: str
    sha256: str
    record: str


_new_entry = partial(tuple.__new__, Entry)
_SORTED = sorted(range(len(Entry._fields)), key=Entry._fields.__getitem__)
_BLOCK = """\
    %s: {
      "kind": "%s",
      "record": "%s",
      "sha256": "%s",
      "size": %d,
      "xxh128": "%s"
    }"""


class Registry(NamedTuple):
    """Entries by path: relative to the repository's root, with POSIX separators.

    Examples
    --------
    >>> digests = {"xxh128": f"xxh128:{'0' * 32}", "sha256": f"sha256:{'0' * 64}"}
    >>> entry = Entry(kind="fixture", size=4096, **digests, record=f"sha256:{'1' * 64}")
    >>> Registry({"golden/scan.npz": entry}).entries["golden/scan.npz"].size
    4096
    """

    entries: Mapping[str, Entry]


def decode_registry(text: bytes, name: str) -> Registry:
    """Return the registry that *text* is; *name* is what an error calls it.

    Raises
    ------
    StaleFormatError
        If it has another schema.
    UnreadableError
        If it is not exactly what :func:`encode_registry` writes, layout apart: a key is unknown, missing or
        given twice, a value is of another type or form. Also if it is too large.
    RefusedError
        If an entry's path leaves the repository.
    """
    registry = decode_with_any_path(text, name)
    for path in registry.entries:
        require_inner(path)
    return registry


def decode_with_any_path(text: bytes, name: str) -> Registry:
    """Return the registry that *text* is, whose paths may lead anywhere: an audit reports such paths.

    Raises
    ------
    StaleFormatError, UnreadableError
        As :func:`decode_registry`.
    """
    _require_moderate(text, name)
    tree = _parse(text, name)
    if not isinstance(tree, dict):
        raise _unreadable(name, f"a {type(tree).__name__} at $, not an object")
    _require_schema(tree, name)
    for key in tree.keys() ^ {"schema", "entries"}:
        raise _unreadable(name, f"{'an unknown' if key in tree else 'no'} key {key!r} at $")
    entries = tree["entries"]
    if not isinstance(entries, dict):
        raise _unreadable(name, "a value other than an object at $.entries")
    columns = _columns(entries.values())
    if columns is None or not _are_sound(entries, columns):
        raise _unreadable(name, _first_fault(entries.items()))
    _require_single_keys(text, len(entries), name)
    return Registry(dict(zip(entries, map(_new_entry, zip(*columns, strict=True)), strict=True)))


def encode_registry(registry: Registry) -> bytes:
    """Return the canonical text of *registry*, sorted by path.

    Raises
    ------
    UsageError
        If :func:`decode_registry` would not read it.
    RefusedError
        If an entry's path leaves the repository.
    """
    _require_writable(registry.entries)
    entries = {path: registry.entries[path] for path in sorted(registry.entries)}
    blocks = ",\n".join(_blocks(entries))
    table = f"{{\n{blocks}\n  }}" if blocks else "{}"
    text = f'{{\n  "entries": {table},\n  "schema": {SCHEMA}\n}}\n'.encode()
    if excess := _excess(text):
        raise UsageError("registry", expected="one that can be read back", found=excess, remedy="Split it.")
    return text


def entry_text(path: str, entry: Entry) -> str:
    """Return an entry as its lines stand in the registry, without the last newline.

    Raises
    ------
    UsageError, RefusedError
        As :func:`encode_registry`.
    """
    _require_writable({path: entry})
    return next(_blocks({path: entry}))


def _require_writable(entries: Mapping[str, Entry]) -> None:
    """Raise if :func:`decode_registry` would refuse one of the entries."""
    if not _are_sound(entries, [list(map(itemgetter(i), entries.values())) for i in range(len(_KEYS))]):
        found = _first_fault((path, entry._asdict()) for path, entry in entries.items())
        raise UsageError(
            "registry", expected="entries that can be read back", found=found, remedy="Record the file."
        )
    for path in entries:
        require_inner(path)


def _blocks(entries: Mapping[str, Entry]) -> Iterator[str]:
    """Yield the lines of each entry, its keys sorted, without the last newline."""
    paths = map(_quoted, entries)
    return map(
        _BLOCK.__mod__, zip(paths, *(map(itemgetter(i), entries.values()) for i in _SORTED), strict=True)
    )


def _quoted(text: str) -> str:
    """Return a path as a JSON string. It has neither backslashes nor control characters."""
    return '"' + text.replace('"', '\\"') + '"'


def _require_moderate(text: bytes, name: str) -> None:
    if found := _excess(text):
        raise _unreadable(name, found)


def _excess(text: bytes) -> str | None:
    """What is too large of a text, so that decoding it could take all memory; None if nothing is."""
    if len(text) > MEBIBYTES << 20:
        return f"more than {MEBIBYTES} MiB"
    if len(text) > VALUES and sum(map(text.count, (b",", b"[", b"{"))) > VALUES:
        return f"more than {VALUES} values"
    return None


def _parse(text: bytes, name: str) -> Any:
    """Return the JSON value of *text*. Keys that are given twice are still to be found."""
    import json

    try:
        return json.loads(text.decode())
    except RecursionError:
        raise _unreadable(name, "values nested too deep") from None
    except ValueError as error:
        raise _unparsable(text, name, str(error)) from error


def _require_single_keys(text: bytes, count: int, name: str) -> None:
    """Raise if an object of a text of *count* sound entries has a key twice; JSON keeps the last one.

    Each key has a colon behind it, and a sound entry has no other colons but its digests'. So one colon more
    is a key that was dropped. Escapes could hide a colon: where there are any, objects are looked at one by
    one.
    """
    table, entry = _COLONS
    if b"\\" not in text and text.count(b":") == table + count * entry:
        return
    from harness.core.storage.json_limits import structure_problem  # verify starts without msgspec

    if problem := structure_problem(text):
        raise _unreadable(name, problem.found, problem.remedy)


def _unparsable(text: bytes, name: str, found: str) -> UnreadableError:
    """Return the error for text that is not JSON as we write it, with the likely cause where it shows."""
    from harness.core.storage.json_limits import (  # verify starts without msgspec
        content_problem,
        structure_problem,
    )

    problem = structure_problem(text) or content_problem(text)
    return _unreadable(name, problem.found, problem.remedy) if problem else _unreadable(name, found)


def _require_schema(tree: dict[str, Any], name: str) -> None:
    found = tree.get("schema")
    if type(found) is not int:
        raise _unreadable(name, f"{'no' if found is None else 'a wrong'} schema number at $.schema")
    if found != SCHEMA:
        newer = found > SCHEMA
        raise StaleFormatError(
            name,
            expected=f"schema {SCHEMA}",
            found=f"schema {found}",
            message=f"{name} has schema {found}; this version reads schema {SCHEMA}",
            remedy="Upgrade golden-harness." if newer else "Record the golden files again with this version.",
        )


def _columns(values: Collection[Any]) -> list[list[Any]] | None:
    """Return the values of all entries, a list for each field; None if one is not an entry.

    A registry is read and checked column by column, three times as fast as entry by entry.
    """
    try:
        if set(map(len, values)) <= {len(_KEYS)}:
            return [list(map(itemgetter(field), values)) for field in Entry._fields]
    except (KeyError, TypeError, IndexError):
        pass
    return None


def _are_sound(paths: Collection[str], columns: Sequence[Collection[Any]]) -> bool:
    """Whether all values of all entries are of the right types and forms."""
    if not paths:
        return True
    kinds, sizes, *digests = columns
    try:
        return (
            set(kinds) <= _KINDS
            and set(map(type, sizes)) == {int}
            and min(sizes) >= 0
            and max(sizes) < MOST_BYTES
            and all(map(_are_digests, digests, _FORMS))
            and ("".join(paths).isascii() or not any(map(_has_surrogates, paths)))
        )
    except TypeError:  # a list or an object in place of a string
        return False


def _are_digests(digests: Collection[str], form: tuple[str, int]) -> bool:
    """Whether all digests have a name and a number of hexadecimal digits. TypeError if one is not text."""
    name, digits = form
    prefix = f"{name}:"
    if set(map(len, digests)) != {len(prefix) + digits} or not all(
        map(methodcaller("startswith", prefix), digests)
    ):
        return False
    rest = "".join(digests).encode("utf-8", "replace").translate(None, _HEXADECIMAL)
    return rest == prefix.encode().translate(None, _HEXADECIMAL) * len(digests)


def _first_fault(entries: Iterable[tuple[str, Any]]) -> str:
    """What is wrong with the first entry that is not sound, and where."""
    return next(fault for path, value in entries for fault in _faults(path, value))


def _faults(path: str, value: Any) -> Iterator[str]:
    """What is wrong with one entry. After the first fault there may be others that follow from it."""
    place = f"$.entries[{path!r}]"
    if _has_surrogates(path):
        yield f"a path that is not Unicode text at {place}"
    if type(value) is not dict:
        yield f"a value other than an object at {place}"
        return
    for key in sorted(value.keys() ^ _KEYS):
        yield f"{'an unknown' if key in value else 'no'} key {key!r} at {place}"
    if value.get("kind") not in KINDS:
        yield f"the kind {value.get('kind')!r} at {place}.kind, not one of {', '.join(KINDS)}"
    size = value.get("size")
    if type(size) is not int or not 0 <= size < MOST_BYTES:
        yield f"the size {size!r} at {place}.size, not a number of bytes"
    for key, (name, digits) in DIGESTS.items():
        digest = value.get(key)
        if not re.fullmatch(f"{name}:[0-9a-f]{{{digits}}}", str(digest)):
            yield f"the {key} {digest!r} at {place}.{key}, not {name}: and {digits} hexadecimal digits"


def _has_surrogates(text: str) -> bool:
    """Whether *text* has half a character, which UTF-8 cannot write and JSON's escapes can."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _unreadable(name: str, found: str, remedy: str | None = None) -> UnreadableError:
    from harness.core.system.restore import restore_remedy  # verify starts without it

    return UnreadableError(
        name,
        expected="a registry that harness wrote",
        found=found,
        remedy=remedy or restore_remedy(name),
    )
