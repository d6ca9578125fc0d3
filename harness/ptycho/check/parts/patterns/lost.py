"""Frames that were lost or doubled: from there on, patterns and positions are shifted against each other."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

MOST_CHANGES = 6
"""More frames than this are not lost or doubled one by one."""


class Run(NamedTuple):
    """From pattern *start* on, pattern j belongs to position j + *shift*."""

    start: int
    shift: int


def runs_of(errors: np.ndarray, shifts: np.ndarray, change: float) -> tuple[Run, ...]:
    """Return the runs of shifts that leave the least error, if each change of the shift costs *change*.

    Parameters
    ----------
    errors : (n, s) float
        Error of each pattern at each shift.
    shifts : (s,) int
    change : float
        In the units of *errors*.

    Examples
    --------
    >>> errors = np.array([[0, 9], [0, 9], [9, 0], [9, 0.0]])
    >>> runs_of(errors, np.array([0, 1]), change=1.0)
    (Run(start=0, shift=0), Run(start=2, shift=1))
    """
    total, came_from = errors[0].copy(), np.zeros(errors.shape, dtype=np.intp)
    for j in range(1, len(errors)):
        best = int(total.argmin())
        stays = total <= total[best] + change
        came_from[j] = np.where(stays, np.arange(len(shifts)), best)
        total = np.where(stays, total, total[best] + change) + errors[j]
    path = np.empty(len(errors), dtype=np.intp)
    path[-1] = int(total.argmin())
    for j in range(len(errors) - 1, 0, -1):
        path[j - 1] = came_from[j, path[j]]
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    return tuple(Run(int(j), int(shifts[path[j]])) for j in starts)


def places_of(runs: tuple[Run, ...], count: int) -> np.ndarray:
    """Return the position of each of *count* patterns, (count,) int; it may be out of range.

    >>> places_of((Run(0, 0), Run(2, 1)), 4).tolist()
    [0, 1, 3, 4]
    """
    ends = [run.start for run in runs[1:]] + [count]
    return np.concatenate(
        [np.arange(run.start, end) + run.shift for run, end in zip(runs, ends, strict=True)]
    )


def described(runs: tuple[Run, ...], patterns: int, positions: int) -> str:
    """Return what happened to the frames, if patterns are shifted as *runs* say.

    >>> described((Run(0, 0), Run(2, 1)), patterns=4, positions=4)
    'a frame lost at 2 (from pattern 2 on, pattern j belongs to position j+1)'
    """
    events = [_at_start(runs[0])] if runs[0].shift else []
    events += [_change(before, after) for before, after in pairwise(runs)]
    missing = positions - patterns - runs[-1].shift
    if missing > 0 and patterns != positions:
        events.append(f"the last {_frames(missing)} missing")
    elif missing < 0 and patterns != positions:
        events.append(f"{_some(-missing)} too many at the end")
    return "; ".join(events)


def _at_start(run: Run) -> str:
    if run.shift > 0:
        return f"the first {_frames(run.shift)} missing (pattern j belongs to position j{run.shift:+d})"
    return f"{_some(-run.shift)} too many at the start (pattern j belongs to position j{run.shift:+d})"


def _change(before: Run, after: Run) -> str:
    step, j = after.shift - before.shift, after.start
    what = f"{_some(step)} lost" if step > 0 else f"{_some(-step)} doubled"
    where = (
        f"pattern j belongs to position j{after.shift:+d}" if after.shift else "patterns are in place again"
    )
    return f"{what} at {j} (from pattern {j} on, {where})"


def _some(count: int) -> str:
    return "a frame" if count == 1 else f"{count} frames"


def _frames(count: int) -> str:
    return "frame" if count == 1 else f"{count} frames"
