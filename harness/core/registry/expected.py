"""What the registry says of files' bytes, its records passed over: all that comparing files with it needs.

Records are most of a registry's text, and most of the work of reading it. An audit reads them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol

from harness.core.storage.atomic import is_regular
from harness.core.storage.project import require_inner

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from harness.core.registry.registry import Kind

SCHEMA = 1
"""The registry's."""

KINDS = ("fixture", "manifest", "baseline", "result", "file")
_KEYS = {"history", "kind", "record", "sha256", "size", "xxh128"}
_SMALL_BYTES = 1 << 20
"""Texts below this are decoded before msgspec would be imported."""


class Expected(Protocol):
    """Kind, size in bytes and digest of one golden file, as an entry has them."""

    @property
    def kind(self) -> Kind: ...  # noqa: D102 - as above
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def xxh128(self) -> str: ...  # noqa: D102


class _Outlined(NamedTuple):
    kind: Kind
    size: int
    xxh128: str


def read_outline(path: Path) -> Mapping[str, Expected]:
    """What is expected of each registered file, by path; of none where there is no registry yet.

    A registry that is not, records apart, just what this program writes is read whole: it may be of a newer
    one, or edited by hand.

    Raises
    ------
    UnreadableError, StaleFormatError, RefusedError
        As :func:`harness.core.registry.registry.read_registry`.
    """
    entries = _small(path)
    if entries is None:
        from harness.core.registry.large_outline import read_large_outline

        entries = read_large_outline(path)
    for relative in entries:
        require_inner(relative)
    return entries


def _small(path: Path) -> Mapping[str, Expected] | None:
    """Outline of a small registry; None where there is none, or anything about it is unusual."""
    import json

    try:
        if not is_regular(path) or os.path.getsize(path) > _SMALL_BYTES:  # noqa: PTH202 - as fast as it gets
            return None
        tree = json.loads(path.read_bytes(), object_pairs_hook=_table)
        schema = tree.pop("schema")
        if (type(schema), schema, [*tree]) != (int, SCHEMA, ["entries"]):
            return None
        return {name: _entry(entry) for name, entry in tree["entries"].items()}
    except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return None


def _entry(entry: dict[str, Any]) -> _Outlined:
    """Raise any of those errors unless this is an entry, records apart."""
    found = _Outlined(entry["kind"], entry["size"], entry["xxh128"])
    if entry.keys() != _KEYS or found.kind not in KINDS or [*map(type, found)] != [str, int, str]:
        raise ValueError
    return found


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raise ValueError where a key is there twice: its first value would be lost."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError
    return table
