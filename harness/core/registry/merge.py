"""Two branches' registries and the one they parted from -> one registry, path by path.

Git merges lines; a registry consists of entries. An entry is taken whole, with its record and history, so
that no merge makes an entry that nobody recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.registry.registry import SCHEMA, Registry, encode_registry
from harness.core.storage.documents import encode_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.registry.registry import Entry

_OPENING, _CLOSING = ("{", '  "entries": {'), ("  },", f'  "schema": {SCHEMA}', "}")


@dataclass(frozen=True, slots=True)
class Conflict:
    """An entry that the two branches changed differently; None stands for a side without it."""

    path: str
    base: Entry | None
    ours: Entry | None
    theirs: Entry | None

    @property
    def reason(self) -> str:
        """What each side did to the entry."""
        if self.ours is None:
            return "deleted in ours, changed in theirs"
        if self.theirs is None:
            return "changed in ours, deleted in theirs"
        return f"{'added' if self.base is None else 'changed'} differently in ours and in theirs"


@dataclass(frozen=True, slots=True)
class Merge:
    """Entries that are settled, and conflicts, sorted by path."""

    entries: Mapping[str, Entry]
    conflicts: tuple[Conflict, ...]

    @property
    def ours(self) -> dict[str, Entry]:
        """All entries, with our side of every conflict."""
        return {**self.entries, **{c.path: c.ours for c in self.conflicts if c.ours is not None}}

    @property
    def theirs(self) -> dict[str, Entry]:
        """All entries, with their side of every conflict."""
        return {**self.entries, **{c.path: c.theirs for c in self.conflicts if c.theirs is not None}}

    def kept_at_base(self) -> Merge:
        """The same, with each conflict settled as if neither side had changed the entry."""
        kept = {c.path: c.base for c in self.conflicts if c.base is not None}
        return Merge({**self.entries, **kept}, ())


def merge_registries(base: Registry, ours: Registry, theirs: Registry) -> Merge:
    """Merge two registries that came from *base*.

    What one side alone added, changed or deleted is taken, and so is what both did alike. All else is a
    conflict.
    """
    entries: dict[str, Entry] = {}
    conflicts: list[Conflict] = []
    for path in sorted({*base.entries, *ours.entries, *theirs.entries}):
        sides = Conflict(path, *(registry.entries.get(path) for registry in (base, ours, theirs)))
        if sides.theirs in (sides.ours, sides.base):
            settled = sides.ours
        elif sides.ours == sides.base:
            settled = sides.theirs
        else:
            conflicts.append(sides)
            continue
        if settled is not None:
            entries[path] = settled
    return Merge(entries, tuple(conflicts))


def encode_merge(merge: Merge, *, marker_size: int = 7) -> bytes:
    """Text of registry.json: canonical JSON, with git's conflict markers around each entry in conflict.

    Whichever side of each conflict is kept, what remains is JSON.
    """
    if not merge.conflicts:
        return encode_registry(Registry(SCHEMA, dict(merge.entries)))
    lines = [*_OPENING, *_entry_lines(merge, marker_size), *_CLOSING]
    return "".join(f"{line}\n" for line in lines).encode()


def _entry_lines(merge: Merge, marker_size: int) -> Iterator[str]:
    ours, theirs = _blocks(merge.ours), _blocks(merge.theirs)
    for group in _groups(merge):
        one, other = ([line for path in group for line in side.get(path, ())] for side in (ours, theirs))
        if one == other:
            yield from one
            continue
        shared = len(ours[group[0]]) - 1 if group[0] in merge.entries else 0
        yield from one[:shared]
        yield f"{'<' * marker_size} ours"
        yield from one[shared:]
        yield "=" * marker_size
        yield from other[shared:]
        yield f"{'>' * marker_size} theirs"


def _groups(merge: Merge) -> list[list[str]]:
    """Paths in order; those that have to be settled together are in one group.

    The last entry of all has no comma. Where a side lacks the last one, which entry that is depends on how
    the conflicts after the last settled entry are settled: these go together, with that entry's closing line.
    """
    paths = sorted({*merge.entries, *(conflict.path for conflict in merge.conflicts)})
    end = next((i for i in range(len(paths), 0, -1) if paths[i - 1] in merge.entries), 0)
    one_sided = {c.path for c in merge.conflicts if c.ours is None or c.theirs is None}
    if one_sided.isdisjoint(paths[end:]):
        return [[path] for path in paths]
    start = max(end - 1, 0)
    return [*([path] for path in paths[:start]), paths[start:]]


def _blocks(entries: Mapping[str, Entry]) -> dict[str, list[str]]:
    """Each entry's lines as they stand in the file, a comma after all but the last entry."""
    blocks = {path: _block(path, entry) for path, entry in entries.items()}
    for path in blocks.keys() - {max(blocks, default="")}:
        blocks[path][-1] += ","
    return blocks


def _block(path: str, entry: Entry) -> list[str]:
    lines = encode_document({path: entry}).decode().split("\n")[1:-2]  # a reason may hold other line breaks
    return [f"  {line}" for line in lines]
