"""The outline of a registry of any size, and the strict reader's word on one that is unusual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.core.registry.registry import LIMIT, SCHEMA, Kind, read_registry
from harness.core.storage.documents import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.core.registry.expected import Expected

_MOST_TABLES = 1 << 20
"""In a text that is outlined; an entry is one, and so is each of its records."""

_LEAST_ENTRY = 64
"""Bytes that an entry takes, if its values take none."""


class _Outlined(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An entry of which some values stay text."""

    kind: Kind
    size: int
    xxh128: str
    sha256: msgspec.Raw
    record: msgspec.Raw
    history: msgspec.Raw


class _Outline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    schema: int
    entries: dict[str, _Outlined]


def read_large_outline(path: Path) -> Mapping[str, Expected]:
    """What is expected of each registered file, by path. Raises as ``read_registry``, paths apart."""
    if not (path.exists() or path.is_symlink()):
        return {}
    outline = _outlined(path)
    return read_registry(path).entries if outline is None else outline.entries


def _outlined(path: Path) -> _Outline | None:
    """Outline of a registry; None where a key is twice or out of order, or aught else is unusual."""
    try:
        compact = msgspec.json.format(read_text(path, LIMIT), indent=-1)
        if len(compact) > _MOST_TABLES * _LEAST_ENTRY and compact.count(b"{") > _MOST_TABLES:
            return None
        outline = msgspec.json.decode(compact, type=_Outline)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    # A key that was there twice would be once in what is written of the values.
    is_usual = outline.schema == SCHEMA and msgspec.json.encode(outline, order="sorted") == compact
    return outline if is_usual else None
