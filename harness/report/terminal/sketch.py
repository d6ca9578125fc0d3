"""Where an array differs, as a drawing in text: a line of bars for one axis, a map of shades for two.

Drawn only for a person at a terminal whose characters allow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.core.fixtures.compare import ArrayDrift
    from harness.report.terminal.screen import Screen

_BARS = "▁▂▃▄▅▆▇█"
_SHADES = "░▒▓█"
_EQUAL = "·"
_MARGIN = 4
_FEWEST_CELLS = 8
"""An array of fewer elements needs no drawing: they are listed."""

_MOST_CELLS = 60
_MOST_ROWS = 12
_MOST_ELEMENTS = 1 << 27
"""A sketch compares all elements once more; beyond this number, that would keep its reader waiting."""


def sketch_lines(array: ArrayDrift, screen: Screen) -> list[str]:
    """Return a sketch of where elements differ by more than the tolerance; nothing if none can be drawn.

    An array of more than two axes is looked at along all but its last two. The larger the share of a cell's
    elements, the higher its bar or the darker its shade; a dot is a cell without any.

    Parameters
    ----------
    array : ArrayDrift
    screen : Screen
        Where it is shown.
    """
    if not (screen.terminal and screen.unicode) or array.size > _MOST_ELEMENTS:
        return []
    if not 0 < array.drifted < array.size:  # none, or everywhere
        return []
    across = min(_MOST_CELLS, screen.width - 2 * _MARGIN)
    counts = array.drift_counts((across,) if array.ndim == 1 else (_MOST_ROWS, across))
    if counts.size < _FEWEST_CELLS:
        return []
    if counts.ndim == 1 or counts.shape[0] == 1:
        return [_row(counts.reshape(-1), int(counts.max()), _BARS)]
    largest = int(counts.max())
    return [_row(row, largest, _SHADES) for row in counts]


def _row(counts: np.ndarray, largest: int, marks: str) -> str:
    levels = np.ceil(counts * len(marks) / largest).astype(int)
    return "".join(marks[level - 1] if level else _EQUAL for level in levels)
