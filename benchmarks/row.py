"""Rows of the table of results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from timing import Figure


@dataclass(frozen=True, slots=True)
class Row:
    """The time of one task for harness and for a peer, and the best that the machine could do.

    ``least`` is the required ratio of the peer's seconds to ours; None if there is no requirement.
    ``why`` explains a row that misses it.
    """

    work: str
    peer: str
    ours: Figure
    theirs: Figure
    limit: str
    best: Figure
    least: float | None = None
    why: str = ""

    @property
    def ratio(self) -> float:
        """How many times faster harness is than the peer."""
        return self.theirs.median / self.ours.median

    @property
    def reached(self) -> bool:
        """Whether the required ratio is reached."""
        return self.least is None or self.ratio >= self.least


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A figure with an upper limit, both in *unit*."""

    work: str
    value: float
    most: float
    unit: str
    why: str = ""

    @property
    def reached(self) -> bool:
        """Whether the figure is within its limit."""
        return self.value <= self.most


@dataclass(frozen=True, slots=True)
class Growth:
    """Seconds of a task at several sizes."""

    work: str
    size: str
    points: tuple[tuple[float, float], ...]
