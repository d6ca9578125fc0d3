"""Known mistakes in how a scan is stored, and what the same numbers would mean if one had been made.

Each mistake predicts the *stored* stack from the stored probe, object and coordinates as if the mistake had
been made, so that all mistakes are compared with the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.ptycho.scan.residual import Dataset


@dataclass(frozen=True, slots=True)
class StackMistake:
    """A mistake in the diffraction stack alone.

    Attributes
    ----------
    name : str
        What is wrong, to continue "best explained by ...".
    remedy : str
        How to correct it.
    make : callable
        Makes the mistake: the right stack, (N, H, W), to the stored one, whose axes may be in another order.
    """

    name: str
    remedy: str
    make: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class DatasetMistake:
    """A mistake in probe, object or coordinates.

    Attributes
    ----------
    name, remedy : str
        As for :class:`StackMistake`.
    undo : callable
        Undoes the mistake: the stored dataset to the right one.
    """

    name: str
    remedy: str
    undo: Callable[[Dataset], Dataset]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One mistake that may have been made, with the amplitudes that some stored patterns would then have.

    Attributes
    ----------
    name, remedy : str
        What is wrong, and how to correct it.
    index : (n,) int
        The patterns compared, along the first stored axis.
    predicted : (n, ...) float
        Their amplitudes, up to one scale.
    least_gain : float or None
        How much more it must explain, if not ``diagnosis.LEAST_GAIN``.
    """

    name: str
    remedy: str
    index: np.ndarray
    predicted: np.ndarray
    least_gain: float | None = None


def flipped(stack: np.ndarray, *axes: int) -> np.ndarray:
    """Return *stack* with detector frequencies q turned into -q along *axes*; q = 0 stays at the centre.

    For an even number of pixels a plain flip moves the centre by one pixel, which the roll undoes.
    """
    return np.asarray(np.roll(np.flip(stack, axes), [(stack.shape[a] + 1) % 2 for a in axes], axes))


INTENSITIES = StackMistake(
    "intensity stored where amplitude is expected", "Store the square root of diffraction.", np.square
)

STACK_MISTAKES = (
    INTENSITIES,
    StackMistake("the square root taken twice", "Store the square of diffraction.", np.sqrt),
    StackMistake(
        "the zero frequency at the corner",
        "Move the zero frequency to the centre: np.fft.fftshift(diffraction, axes=(1, 2)).",
        lambda stack: np.fft.ifftshift(stack, axes=(1, 2)),
    ),
    StackMistake(
        "axes (H, W, N) stored as (N, H, W)",
        "Store np.moveaxis(diffraction, -1, 0), or use `harness generate --axes hwn`.",
        lambda stack: np.moveaxis(stack, 0, -1),
    ),
    StackMistake(
        "axes (W, N, H) stored as (N, H, W)",
        "Store np.moveaxis(diffraction, 0, -1).",
        lambda stack: np.moveaxis(stack, -1, 0),
    ),
    StackMistake("axes (W, H, N) stored as (N, H, W)", "Store diffraction.transpose(2, 1, 0).", np.transpose),
    StackMistake(
        "detector rows and columns exchanged",
        "Store diffraction.swapaxes(1, 2).",
        lambda stack: stack.swapaxes(1, 2),
    ),
    StackMistake(
        "detector rows flipped",
        "Flip the detector's rows about the zero frequency.",
        lambda stack: flipped(stack, 1),
    ),
    StackMistake(
        "detector columns flipped",
        "Flip the detector's columns about the zero frequency.",
        lambda stack: flipped(stack, 2),
    ),
    StackMistake(
        "the detector rotated by 180 degrees (or probe and object both conjugated)",
        "Flip the detector's rows and columns about the zero frequency, or conjugate probe and object.",
        lambda stack: flipped(stack, 1, 2),
    ),
)
"""Mistakes in the stack, the most frequent ones first."""


def _probe(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Dataset], Dataset]:
    return lambda data: replace(data, probe=change(data.probe))


def _object(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Dataset], Dataset]:
    return lambda data: replace(data, object=change(data.object))


def _positions(change: Callable[[Dataset], tuple[np.ndarray, np.ndarray]]) -> Callable[[Dataset], Dataset]:
    def undo(data: Dataset) -> Dataset:
        x, y = change(data)
        return replace(data, x=x, y=y)

    return undo


def _moved_by_detectors(rows: float, columns: float) -> Callable[[Dataset], Dataset]:
    """Return a function that moves all positions by shares of the detector's size."""
    return _positions(lambda d: (d.x + columns * d.probe.shape[1], d.y + rows * d.probe.shape[0]))


def _from_centre(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    return data.x + data.object.shape[1] / 2, data.y + data.object.shape[0] / 2


def _mirrored(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    return data.object.shape[1] - data.x, data.object.shape[0] - data.y


DATASET_MISTAKES = (
    DatasetMistake("x and y swapped", "Exchange xcoords and ycoords.", _positions(lambda d: (d.y, d.x))),
    DatasetMistake(
        "top-left coordinates where patch centres are expected",
        "Add half the detector: xcoords + W / 2, ycoords + H / 2.",
        _moved_by_detectors(0.5, 0.5),
    ),
    DatasetMistake(
        "coordinates too large by half a detector",
        "Subtract half the detector: xcoords - W / 2, ycoords - H / 2.",
        _moved_by_detectors(-0.5, -0.5),
    ),
    DatasetMistake(
        "coordinates measured from the object's centre",
        "Add half the object: xcoords + M' / 2, ycoords + M / 2.",
        _positions(_from_centre),
    ),
    DatasetMistake(
        "x increasing from right to left",
        "Store M' - xcoords, where M' is the number of object columns.",
        _positions(lambda d: (_mirrored(d)[0], d.y)),
    ),
    DatasetMistake(
        "y increasing upwards",
        "Store M - ycoords, where M is the number of object rows.",
        _positions(lambda d: (d.x, _mirrored(d)[1])),
    ),
    DatasetMistake(
        "both coordinate axes reversed", "Store M' - xcoords and M - ycoords.", _positions(_mirrored)
    ),
    DatasetMistake("a conjugated probe", "Store probeGuess.conj().", _probe(np.conj)),
    DatasetMistake("a conjugated object", "Store objectGuess.conj().", _object(np.conj)),
    DatasetMistake(
        "patterns illuminated twice (the ground truth was already multiplied by the probe)",
        "Simulate the patterns from the object, not from exit waves.",
        _probe(np.square),
    ),
    DatasetMistake("a transposed probe", "Store probeGuess.T.", _probe(np.transpose)),
    DatasetMistake("a transposed object", "Store objectGuess.T.", _object(np.transpose)),
    DatasetMistake(
        "a probe centred at the corner of its array",
        "Store np.fft.fftshift(probeGuess).",
        _probe(np.fft.fftshift),
    ),
)
"""Mistakes in probe, object or coordinates, the most frequent ones first."""
