"""The registries of two branches and of their common ancestor -> one registry, entry by entry.

Git merges lines, which could combine the size of one version with the digest of another. Here an entry is
taken from one branch as a whole, so that every merged entry is one that was recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.registry.format import SCHEMA, Registry, encode_registry, entry_text
from harness.core.storage.names import ONLY_BY_CASE, namesakes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from harness.core.registry.format import Entry

_OPENING, _CLOSING = ("{", '  "entries": {'), ("  },", f'  "schema": {SCHEMA}', "}")


@dataclass(frozen=True, slots=True)
class Conflict:
    """An entry that the two branches changed differently; None for a branch without it."""

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
class Meeting:
    """Names of the two branches that differ only by case or Unicode form, and that neither has both of."""

    path: str
    part: str
    other: str

    @property
    def reason(self) -> str:
        """What is wrong with the two names."""
        return f"{self.other!r} and {self.part!r} {ONLY_BY_CASE}"


@dataclass(frozen=True, slots=True)
class Merge:
    """Merged entries, conflicts sorted by path, and names that must not meet in one registry."""

    entries: Mapping[str, Entry]
    conflicts: tuple[Conflict, ...]
    meetings: tuple[Meeting, ...] = ()

    @property
    def ours(self) -> dict[str, Entry]:
        """All entries, with our version of those in conflict."""
        return {**self.entries, **{c.path: c.ours for c in self.conflicts if c.ours is not None}}

    @property
    def theirs(self) -> dict[str, Entry]:
        """All entries, with their version of those in conflict."""
        return {**self.entries, **{c.path: c.theirs for c in self.conflicts if c.theirs is not None}}

    def kept_at_base(self) -> Merge:
        """Return the merge with each conflict resolved as if neither branch had changed the entry."""
        kept = {c.path: c.base for c in self.conflicts if c.base is not None}
        return Merge({**self.entries, **kept}, ())


def merge_registries(base: Registry, ours: Registry, theirs: Registry) -> Merge:
    """Merge two registries with the common ancestor *base*.

    An entry that only one branch added, changed or deleted is taken from that branch, and so is one that both
    changed in the same way. Everything else is a conflict.
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
    names = {*entries, *(conflict.path for conflict in conflicts)}
    return Merge(entries, tuple(conflicts), _meetings(names, ours, theirs))


def _meetings(names: Iterable[str], ours: Registry, theirs: Registry) -> tuple[Meeting, ...]:
    """Return the namesakes among the names of a merge that neither side has already."""
    known = {(part, other) for side in (ours, theirs) for _, part, other in namesakes(sorted(side.entries))}
    found = namesakes(sorted(names))
    return tuple(Meeting(path, part, other) for path, part, other in found if (part, other) not in known)


def encode_merge(merge: Merge, *, marker_size: int = 7) -> bytes:
    """Return the text of registry.json, with git's conflict markers around each entry in conflict.

    Whichever side of each conflict is kept, the rest is valid JSON.
    """
    if not merge.conflicts:
        return encode_registry(Registry(merge.entries))
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
    """Return the paths in order; those whose conflicts have to be resolved together are in one group.

    The last entry of the file has no comma. If a branch lacks the last entry, then which entry is last
    depends on how the conflicts after the last merged entry are resolved: these form one group, together
    with the closing line of that merged entry.
    """
    paths = sorted({*merge.entries, *(conflict.path for conflict in merge.conflicts)})
    end = next((i for i in range(len(paths), 0, -1) if paths[i - 1] in merge.entries), 0)
    one_sided = {c.path for c in merge.conflicts if c.ours is None or c.theirs is None}
    if one_sided.isdisjoint(paths[end:]):
        return [[path] for path in paths]
    start = max(end - 1, 0)
    return [*([path] for path in paths[:start]), paths[start:]]


def _blocks(entries: Mapping[str, Entry]) -> dict[str, list[str]]:
    """Return each entry's lines as they are in the file, with a comma after all but the last entry."""
    blocks = {path: entry_text(path, entry).split("\n") for path, entry in entries.items()}
    for path in blocks.keys() - {max(blocks, default="")}:
        blocks[path][-1] += ","
    return blocks
