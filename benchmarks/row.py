"""What a table of results is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from timing import Figure


@dataclass(frozen=True, slots=True)
class Row:
    """One work of ours beside a peer's, and beside what the machine could do at best.

    ``least`` is the ratio, the peer's seconds by ours, that must be reached; None where nothing was asked.
    ``why`` is for a row that misses it.
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
        """How many times faster we are."""
        return self.theirs.median / self.ours.median

    @property
    def reached(self) -> bool:
        """Whether the ratio is what was asked for."""
        return self.least is None or self.ratio >= self.least


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A figure that must stay below another, in *unit*."""

    work: str
    value: float
    most: float
    unit: str
    why: str = ""

    @property
    def reached(self) -> bool:
        """Whether it does."""
        return self.value <= self.most


@dataclass(frozen=True, slots=True)
class Growth:
    """Seconds of a work at several sizes."""

    work: str
    size: str
    points: tuple[tuple[float, float], ...]
