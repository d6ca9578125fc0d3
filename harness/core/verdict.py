"""What a comparison came to, in a closed vocabulary."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Outcome(str, Enum):
    """The words of a verdict."""

    SAME = "same"
    TOLERATED = "within tolerance"
    REPACKED = "same content, other container"
    DRIFTED = "drifted"
    COLLAPSED = "collapsed"
    MISSING = "missing"
    UNREGISTERED = "unregistered"
    CORRUPT = "corrupt"
    STALE = "stale format"
    INTERRUPTED = "interrupted"

    @property
    def accepted(self) -> bool:
        """Whether this outcome leaves the golden copy standing."""
        return self in _ACCEPTED


_ACCEPTED = (Outcome.SAME, Outcome.TOLERATED, Outcome.REPACKED)


class Verdict(NamedTuple):  # a dataclass takes longer to import, and to make
    """One thing, what it came to, why, and what to do about it."""

    name: str
    outcome: Outcome
    detail: str = ""
    remedy: str = ""


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """0 if all are accepted, 1 if any is not, as diff(1) has it; 2 is for no verdict at all."""
    return 0 if all(verdict.outcome.accepted for verdict in verdicts) else 1
