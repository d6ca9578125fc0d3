"""The files of a project in groups: a fixture or a baseline with all that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.core.baselines.array_tolerances import SUFFIX
from harness.core.registry.golden_names import name_of
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project
    from harness.core.verdict import Verdict

GroupKind = Literal["fixture", "baseline", "file"]

_SEVERITY = (
    Outcome.INTERRUPTED,
    Outcome.CORRUPT,
    Outcome.MISSING,
    Outcome.UNKNOWN,
    Outcome.STALE,
    Outcome.DRIFTED,
    Outcome.COLLAPSED,
    Outcome.UNREGISTERED,
    Outcome.TOLERATED,
    Outcome.REPACKED,
    Outcome.SAME,
)
_SUFFIXES = {
    "fixture": ".npz",
    "manifest": ".json",
    "tolerances": SUFFIX,
    "baseline": ".json",
    "result": ".npz",
}
_KINDS: Mapping[str, GroupKind] = {"baseline": "baseline", "result": "baseline", "file": "file"}


@dataclass(frozen=True, slots=True)
class GoldenGroup:
    """Golden files that are compared together.

    Attributes
    ----------
    name : str
        As tests and messages call it; the path of a file that stands alone.
    kind : {"fixture", "baseline", "file"}
    paths : mapping of str to str
        By the kind of each registered file (fixture, manifest, ...), its path; empty if it is not registered.
    verdicts : tuple of Verdict
        Of all its files, as ``harness verify`` has them.
    """

    name: str
    kind: GroupKind
    paths: Mapping[str, str]
    verdicts: tuple[Verdict, ...]

    @property
    def main(self) -> str | None:
        """The file whose records are its history: archive, baseline or other; None if none is registered."""
        return next(
            (self.paths[kind] for kind in ("fixture", "baseline", "file") if kind in self.paths), None
        )

    @property
    def outcome(self) -> Outcome:
        """The most severe verdict on one of its files."""
        return most_severe(verdict.outcome for verdict in self.verdicts)


def most_severe(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome that a reader should see first; "same" if there is none.

    >>> most_severe([Outcome.SAME, Outcome.DRIFTED, Outcome.MISSING]).value
    'missing'
    """
    return min(outcomes, key=_SEVERITY.index, default=Outcome.SAME)


def severity(outcome: Outcome) -> int:
    """Return the place of an outcome in a list that begins with the most severe one."""
    return _SEVERITY.index(outcome)


def group_files(
    project: Project, entries: Mapping[str, Entry], verdicts: Iterable[Verdict]
) -> tuple[GoldenGroup, ...]:
    """Return the golden files in groups, sorted by name.

    A verdict on something other than a file, such as an interrupted regeneration, is in no group.
    """
    paths: dict[tuple[str, GroupKind], dict[str, str]] = {}
    found: dict[tuple[str, GroupKind], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.name not in entries and verdict.outcome is not Outcome.UNREGISTERED:
            continue
        entry = entries.get(verdict.name)
        key = _key(project, verdict.name, entry.kind if entry else "file")
        found.setdefault(key, []).append(verdict)
        if entry:
            paths.setdefault(key, {})[entry.kind] = verdict.name
    return tuple(
        GoldenGroup(name, kind, paths.get((name, kind), {}), tuple(found[name, kind]))
        for name, kind in sorted(found)
    )


def _key(project: Project, path: str, kind: str) -> tuple[str, GroupKind]:
    """Return the name and the kind of the group that a file of some kind belongs to."""
    if kind == "file":
        return path, "file"
    return name_of(project, f"{path.removesuffix(_SUFFIXES[kind])}.json"), _KINDS.get(kind, "fixture")
