"""How much may be drawn on a page, so that it stays small enough to send around and to open at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.report.drawing.figure import Figure
    from harness.report.page.array_views import ArrayView

_MARKUP = 300
"""Bytes of the page around one figure."""


class Budget:
    """What is left of the room for figures.

    Parameters
    ----------
    size : int
        Bytes of all figures, as they are in the page.
    groups : int
        Groups of golden files that have figures.

    Examples
    --------
    >>> budget = Budget(size=100, groups=1)
    >>> budget.begin_group(), budget.take(80), budget.take(80), budget.begin_group()
    (True, True, False, False)
    """

    def __init__(self, size: int, groups: int) -> None:
        self._left, self._groups = size, groups

    def begin_group(self) -> bool:
        """Return whether another group may have figures."""
        self._groups -= 1
        return self._groups >= 0 and self._left > 0

    def take(self, size: int) -> bool:
        """Return whether *size* bytes more fit; if they do, they are taken."""
        fits = size <= self._left
        self._left -= size if fits else 0
        return fits


def view_size(view: ArrayView) -> int:
    """Return about how many bytes the figures of a view take in the page."""
    return sum(map(figure_size, view.figures))


def figure_size(figure: Figure) -> int:
    """Return about how many bytes a figure takes in the page: base64 needs four for three."""
    return -(-len(figure.data) // 3) * 4 + len(figure.alt) + _MARKUP
