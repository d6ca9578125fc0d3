"""The usual suspects: what the same numbers would be had a known mistake been made.

A reading predicts the *stored* stack from the stored probe, object and coordinates as if the mistake had
been made, so that all readings are judged against the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.ptycho.scan.residual import Dataset


@dataclass(frozen=True, slots=True)
class StackReading:
    """The stored stack is ``predict`` of the right one, (N, H, W) -> the stored axes.

    ``name`` says what the data are, ``remedy`` what to do with them.
    """

    name: str
    remedy: str
    predict: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class WaveReading:
    """Probe, object or coordinates are others: ``restore`` gives the dataset that was meant."""

    name: str
    remedy: str
    restore: Callable[[Dataset], Dataset]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What the stored patterns *index* would be under another reading.

    Attributes
    ----------
    name, remedy : str
        What the data are, and what to do with them.
    index : (n,) int
        Patterns, along the first stored axis.
    predicted : (n, ...) float
        Their amplitudes, up to one scale.
    least_gain : float or None
        What the reading must gain, where that differs from the rule for all.
    """

    name: str
    remedy: str
    index: np.ndarray
    predicted: np.ndarray
    least_gain: float | None = None


def rotated(stack: np.ndarray, *axes: int) -> np.ndarray:
    """Turn detector frequencies q into -q along *axes*: the zero frequency stays at the centre."""
    return np.asarray(np.roll(np.flip(stack, axes), [(stack.shape[a] + 1) % 2 for a in axes], axes))


COUNTS = StackReading(
    "intensity stored where amplitude is expected", "Store the square root of diffraction.", np.square
)

STACKS = (
    COUNTS,
    StackReading("the square root taken twice", "Store the square of diffraction.", np.sqrt),
    StackReading(
        "the zero frequency at the corner",
        "Move the zero frequency to the centre: np.fft.fftshift(diffraction, axes=(1, 2)).",
        lambda stack: np.fft.ifftshift(stack, axes=(1, 2)),
    ),
    StackReading(
        "axes (H, W, N) stored as (N, H, W)",
        "Store np.moveaxis(diffraction, -1, 0), or `harness generate --axes hwn`.",
        lambda stack: np.moveaxis(stack, 0, -1),
    ),
    StackReading(
        "axes (W, N, H) stored as (N, H, W)",
        "Store np.moveaxis(diffraction, 0, -1).",
        lambda stack: np.moveaxis(stack, -1, 0),
    ),
    StackReading("axes reversed", "Store diffraction.transpose(2, 1, 0).", np.transpose),
    StackReading(
        "detector rows and columns exchanged",
        "Store diffraction.swapaxes(1, 2).",
        lambda stack: stack.swapaxes(1, 2),
    ),
    StackReading("detector rows upside down", "Flip the detector's rows.", lambda stack: rotated(stack, 1)),
    StackReading(
        "detector columns from right to left", "Flip the detector's columns.", lambda stack: rotated(stack, 2)
    ),
    StackReading(
        "the detector turned by half a turn (or probe and object both conjugated)",
        "Flip the detector's rows and columns, or conjugate probe and object.",
        lambda stack: rotated(stack, 1, 2),
    ),
)


def _probe(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Dataset], Dataset]:
    return lambda data: replace(data, probe=change(data.probe))


def _object(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Dataset], Dataset]:
    return lambda data: replace(data, object=change(data.object))


def _places(change: Callable[[Dataset], tuple[np.ndarray, np.ndarray]]) -> Callable[[Dataset], Dataset]:
    def restore(data: Dataset) -> Dataset:
        x, y = change(data)
        return replace(data, x=x, y=y)

    return restore


def _shifted(rows: float, columns: float) -> Callable[[Dataset], Dataset]:
    """Move positions by shares of the detector's size."""
    return _places(lambda d: (d.x + columns * d.probe.shape[1], d.y + rows * d.probe.shape[0]))


def _from_middle(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    return data.x + data.object.shape[1] / 2, data.y + data.object.shape[0] / 2


def _mirrored(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    return data.object.shape[1] - data.x, data.object.shape[0] - data.y


WAVES = (
    WaveReading("x and y swapped", "Exchange xcoords and ycoords.", _places(lambda d: (d.y, d.x))),
    WaveReading(
        "top-left coordinates where patch centres are expected",
        "Add half the detector: xcoords + W / 2, ycoords + H / 2.",
        _shifted(0.5, 0.5),
    ),
    WaveReading(
        "coordinates half a detector too large",
        "Subtract half the detector: xcoords - W / 2, ycoords - H / 2.",
        _shifted(-0.5, -0.5),
    ),
    WaveReading(
        "coordinates that count from the object's middle",
        "Add half the object: xcoords + M' / 2, ycoords + M / 2.",
        _places(_from_middle),
    ),
    WaveReading(
        "x running from right to left",
        "Store M' - xcoords, with M' the object's columns.",
        _places(lambda d: (_mirrored(d)[0], d.y)),
    ),
    WaveReading(
        "y running upwards",
        "Store M - ycoords, with M the object's rows.",
        _places(lambda d: (d.x, _mirrored(d)[1])),
    ),
    WaveReading(
        "both coordinates running backwards", "Store M' - xcoords and M - ycoords.", _places(_mirrored)
    ),
    WaveReading("a conjugated probe", "Store probeGuess.conj().", _probe(np.conj)),
    WaveReading("a conjugated object", "Store objectGuess.conj().", _object(np.conj)),
    WaveReading(
        "patterns that were illuminated twice (the truth was already multiplied by the probe)",
        "Simulate the patterns from the object, not from exit waves.",
        _probe(np.square),
    ),
    WaveReading("a transposed probe", "Store probeGuess.T.", _probe(np.transpose)),
    WaveReading("a transposed object", "Store objectGuess.T.", _object(np.transpose)),
    WaveReading(
        "a probe with its middle at the corner", "Store np.fft.fftshift(probeGuess).", _probe(np.fft.fftshift)
    ),
)
