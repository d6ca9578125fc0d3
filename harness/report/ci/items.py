"""Verdicts, a status or the findings of an audit -> one list of items that every format here renders.

An item is safe to show: its texts are single lines of printable characters.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from harness.core.provenance.finding import Rank
from harness.core.verdict import Outcome
from harness.report.plain_lines import plain_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.core.errors import HarnessError
    from harness.core.provenance.finding import AuditFinding
    from harness.core.registry.status import Status
    from harness.core.verdict import Verdict


class Level(str, Enum):
    """How serious an item is, the most serious first."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"
    PASSED = "passed"


class Item(NamedTuple):
    """What is reported of one file.

    Attributes
    ----------
    level : Level
    path : str
        The file, relative to the project; empty if it is about no file.
    rule : str
        What kind of item it is: the word of an outcome, or the rule of a finding.
    detail : str
        What was expected and what was found.
    remedy : str
        The next step; empty if none is needed.
    """

    level: Level
    path: str
    rule: str
    detail: str = ""
    remedy: str = ""

    @property
    def text(self) -> str:
        """Detail and next step as one text of at most two lines."""
        return "\n".join(part for part in (self.detail or self.rule, self.remedy) if part)


_RANKS = {Rank.BROKEN: Level.ERROR, Rank.WEAK: Level.WARNING, Rank.INFORMATIONAL: Level.NOTICE}
_URGENT = (
    Outcome.INTERRUPTED,
    Outcome.CORRUPT,
    Outcome.MISSING,
    Outcome.UNKNOWN,
    Outcome.DRIFTED,
    Outcome.COLLAPSED,
    Outcome.STALE,
    Outcome.UNREGISTERED,
)
"""Outcomes that are not accepted, the most urgent first."""

_LEVELS = {
    Outcome.SAME: Level.PASSED,
    Outcome.TOLERATED: Level.PASSED,
    Outcome.REPACKED: Level.NOTICE,
}
_NOT_FILES = frozenset({Outcome.INTERRUPTED})


def items_of_verdicts(verdicts: Iterable[Verdict]) -> list[Item]:
    """Return an item for each verdict, the most serious first.

    >>> from harness.core.verdict import Verdict
    >>> for item in items_of_verdicts([Verdict("golden/a.npz", Outcome.MISSING, "expected 9 bytes")]):
    ...     print(item.level.value, item.path, item.rule)
    error golden/a.npz missing
    """
    urgency = {outcome: number for number, outcome in enumerate((*_URGENT, *_LEVELS))}
    return [_of_verdict(one) for one in sorted(verdicts, key=lambda verdict: urgency[verdict.outcome])]


def items_of_status(status: Status) -> list[Item]:
    """Return the items of a status: of its verdicts, and what needs attention without being wrong."""
    items = items_of_verdicts(status.verdicts)
    if status.obstacle:
        items.insert(0, _item(Level.ERROR, "", "records", f"the records cannot be read: {status.obstacle}"))
    unused = "the last complete run of pytest did not use this file"
    single = "its tolerances were not measured, or belong to other golden arrays"
    notes = [
        *(_item(Level.WARNING, path, "unreferenced", unused) for path in status.unreferenced or ()),
        *(_item(Level.WARNING, path, "uncalibrated", single) for path in status.uncalibrated),
    ]
    return by_severity([*items, *notes])


def items_of_findings(findings: Iterable[AuditFinding]) -> list[Item]:
    """Return an item for each finding of an audit: broken is an error, weak a warning, the rest a notice."""
    return by_severity(
        [_item(_RANKS[one.rank], one.path, one.rule, one.detail, one.remedy) for one in findings]
    )


def item_of_error(error: HarnessError) -> Item:
    """Return the item of an error because of which nothing was checked."""
    return _item(Level.ERROR, "", "cannot tell", str(error))


def by_severity(items: Iterable[Item]) -> list[Item]:
    """Return the items with the most serious first, otherwise in their order."""
    levels = list(Level)
    return sorted(items, key=lambda item: levels.index(item.level))


def count_line(items: Sequence[Item]) -> str:
    """Return how many items of each level there are, such as ``2 errors, 1 notice``; ``nothing`` for none."""
    counts = {level: sum(item.level is level for item in items) for level in Level}
    words = [
        f"{number} {level.value}{'' if number == 1 or level is Level.PASSED else 's'}"
        for level, number in counts.items()
        if number
    ]
    return ", ".join(words) or "nothing"


def _of_verdict(verdict: Verdict) -> Item:
    level = _LEVELS.get(verdict.outcome, Level.ERROR)
    remedy = "" if verdict.outcome.accepted else verdict.remedy
    path = "" if verdict.outcome in _NOT_FILES else verdict.name
    detail = f"{verdict.name}: {verdict.detail}" if not path else verdict.detail
    return _item(level, path, verdict.outcome.value, detail, remedy)


def _item(level: Level, path: str, rule: str, detail: str = "", remedy: str = "") -> Item:
    return Item(level, *map(plain_line, (path, rule, detail, remedy)))
