"""The verdict on one file or array, and the exit code for several."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Outcome(str, Enum):
    """The result of a comparison, one of a fixed set.

    Examples
    --------
    >>> Outcome.REPACKED.value
    'same content, other container'
    >>> [outcome.name for outcome in Outcome if outcome.accepted]
    ['SAME', 'TOLERATED', 'REPACKED']
    """

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
        """Whether the golden file still counts as matching."""
        return self in _ACCEPTED


_ACCEPTED = (Outcome.SAME, Outcome.TOLERATED, Outcome.REPACKED)


# A named tuple, not a dataclass: importing dataclasses takes a fifth of the time of `harness verify`.
class Verdict(NamedTuple):
    """The outcome for one file or array, with details and the next step.

    Examples
    --------
    >>> verdict = Verdict("golden/scan.npz", Outcome.MISSING, remedy="Restore it.")
    >>> verdict.outcome.accepted
    False
    """

    name: str
    outcome: Outcome
    detail: str = ""
    remedy: str = ""


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """Return 0 if all outcomes are accepted, else 1. (Errors, where there is no verdict, exit with 2.)"""
    return 0 if all(verdict.outcome.accepted for verdict in verdicts) else 1
