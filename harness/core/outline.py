"""What the registry says of files' bytes, its records passed over: all that comparing files with it needs.

Records are most of a registry's text, and most of the work of reading it. An audit reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from harness.core.document import read_text
from harness.core.project import require_inner
from harness.core.registry import LIMIT, SCHEMA, Kind, decode_registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MOST_TABLES = 1 << 20
"""In a text that is outlined; an entry is one, and so is each of its records."""


class Expected(Protocol):
    """Kind, size in bytes and digest of one golden file, as an entry has them."""

    @property
    def kind(self) -> Kind: ...  # noqa: D102 - as above
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def xxh128(self) -> str: ...  # noqa: D102


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


def read_outline(path: Path) -> Mapping[str, Expected]:
    """What is expected of each registered file, by path; of none where there is no registry yet.

    A registry that is not, records apart, just what this program writes is read whole: it may be of a newer
    one, or edited by hand.

    Raises
    ------
    UnreadableError, StaleFormatError, RefusedError
        As :func:`harness.core.registry.read_registry`.
    """
    if not (path.exists() or path.is_symlink()):
        return {}
    text = read_text(path, LIMIT)
    outline = _outlined(text)
    if outline is None:
        return decode_registry(text, path).entries
    for relative in outline.entries:
        require_inner(relative)
    return outline.entries


def _outlined(text: bytes) -> _Outline | None:
    """Outline of a registry's text; None where a key is twice or out of order, or aught else is unusual."""
    try:
        compact = msgspec.json.format(text, indent=-1)
        if compact.count(b"{") > _MOST_TABLES:
            return None
        outline = msgspec.json.decode(compact, type=_Outline)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    # A key that was there twice would be once in what is written of the values.
    is_usual = outline.schema == SCHEMA and msgspec.json.encode(outline, order="sorted") == compact
    return outline if is_usual else None
