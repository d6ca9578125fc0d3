"""Panels -> pictures: PNG or SVG with an alternative text that says in numbers what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.drawing.figure import Figure

if TYPE_CHECKING:
    from harness.core.domain.panels import Image, Lines, Points

__all__ = ["Figure", "draw"]


def draw(panel: Image | Lines | Points) -> Figure:
    """Draw one panel; a table is text, which the page shows itself.

    Raises
    ------
    DependencyError
        If matplotlib is not installed.
    """
    raise NotImplementedError(panel.title)
