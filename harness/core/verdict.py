"""Verdicts: what a comparison found, in a fixed set of outcomes, and the exit code they give."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Outcome(str, Enum):
    """Outcome of one comparison; the value is the word that users read.

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
    UNKNOWN = "cannot tell"

    @property
    def accepted(self) -> bool:
        """Whether the golden copy still holds, so that a check passes."""
        return self in _ACCEPTED


_ACCEPTED = (Outcome.SAME, Outcome.TOLERATED, Outcome.REPACKED)


# A named tuple, not a dataclass: importing dataclasses takes a fifth of the time of `harness verify`.
class Verdict(NamedTuple):
    """The outcome for one file or array, with the reason and what to do.

    Attributes
    ----------
    name : str
        The file's path in the registry, or the array's name.
    outcome : Outcome
    detail : str
        Why: what was expected and what was found.
    remedy : str
        The next step; empty if none is needed.

    Examples
    --------
    >>> Verdict("golden/a.npz", Outcome.SAME).outcome.accepted
    True
    """

    name: str
    outcome: Outcome
    detail: str = ""
    remedy: str = ""


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """Return 0 if all verdicts are accepted, 2 if one of them is not known, else 1, as diff(1) does.

    >>> exit_code([Verdict("golden/a.npz", Outcome.DRIFTED)])
    1
    >>> exit_code([Verdict("golden/a.npz", Outcome.DRIFTED), Verdict("golden/b.npz", Outcome.UNKNOWN)])
    2
    """
    found = {verdict.outcome for verdict in verdicts}
    if Outcome.UNKNOWN in found:
        return 2
    return 0 if all(outcome.accepted for outcome in found) else 1
