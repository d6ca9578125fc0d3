"""Mistakes in the frame that coordinates are measured in: axes, directions and origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.ptycho.scan.residual import Dataset

    Coordinates = tuple[np.ndarray, np.ndarray]


class Frame(NamedTuple):
    """A mistake in the coordinates' frame; *undo* returns the right x and y of a stored dataset."""

    name: str
    remedy: str
    undo: Callable[[Dataset], Coordinates]


def _right(data: Dataset) -> np.ndarray:
    return np.asarray(data.object.shape[1] - data.x)


def _down(data: Dataset) -> np.ndarray:
    return np.asarray(data.object.shape[0] - data.y)


def _moved(rows: float, columns: float) -> Callable[[Dataset], Coordinates]:
    return lambda d: (d.x + columns * d.probe.shape[1], d.y + rows * d.probe.shape[0])


def _from_middle(data: Dataset) -> Coordinates:
    rows, columns = data.object.shape
    middle = [(c.max() + c.min()) / 2 for c in (data.x, data.y)]
    return data.x - middle[0] + columns / 2, data.y - middle[1] + rows / 2


FRAMES = (
    Frame("x and y swapped", "Exchange xcoords and ycoords.", lambda d: (d.y, d.x)),
    Frame(
        "top-left coordinates (each patch's first pixel) where patch centres are expected",
        "Add half the detector: xcoords + W / 2, ycoords + H / 2.",
        _moved(0.5, 0.5),
    ),
    Frame(
        "coordinates too large by half a detector",
        "Subtract half the detector: xcoords - W / 2, ycoords - H / 2.",
        _moved(-0.5, -0.5),
    ),
    Frame(
        "coordinates measured from the object's centre",
        "Add half the object: xcoords + M' / 2, ycoords + M / 2.",
        lambda d: (d.x + d.object.shape[1] / 2, d.y + d.object.shape[0] / 2),
    ),
    Frame(
        "coordinates whose origin is not the object's corner",
        "Move the middle of the scan to the object's centre: subtract (max + min) / 2 of each coordinate, "
        "then add M' / 2 to xcoords and M / 2 to ycoords.",
        _from_middle,
    ),
    Frame(
        "x reversed (increasing from right to left)",
        "Store M' - xcoords, where M' is the number of object columns.",
        lambda d: (_right(d), d.y),
    ),
    Frame(
        "y reversed (increasing upwards)",
        "Store M - ycoords, where M is the number of object rows.",
        lambda d: (d.x, _down(d)),
    ),
    Frame(
        "both coordinate axes reversed",
        "Store M' - xcoords and M - ycoords.",
        lambda d: (_right(d), _down(d)),
    ),
    Frame(
        "x and y swapped, and x reversed",
        "Store M' - ycoords as xcoords, and xcoords as ycoords.",
        lambda d: (d.object.shape[1] - d.y, d.x),
    ),
    Frame(
        "x and y swapped, and y reversed",
        "Store ycoords as xcoords, and M - xcoords as ycoords.",
        lambda d: (d.y, d.object.shape[0] - d.x),
    ),
    Frame(
        "x and y swapped, and both reversed",
        "Store M' - ycoords as xcoords, and M - xcoords as ycoords.",
        lambda d: (d.object.shape[1] - d.y, d.object.shape[0] - d.x),
    ),
)
"""Mistakes in the coordinates' frame, the most frequent ones first."""

LEAST_MOVE = 0.5
"""Pixels by which a frame must move a position to be another one."""


def other_frames(data: Dataset) -> list[Frame]:
    """Return the frames in which the positions of *data* lie elsewhere."""
    return [frame for frame in FRAMES if _differs(data, *frame.undo(data))]


def _differs(data: Dataset, x: np.ndarray, y: np.ndarray) -> bool:
    return float(np.hypot(x - data.x, y - data.y).max(initial=0.0)) >= LEAST_MOVE
