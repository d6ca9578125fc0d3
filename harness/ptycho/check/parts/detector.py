"""The detector: its orientation, the order of its axes, and where its zero frequency lies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.check.correction import Correction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "detector"


class Orientation(NamedTuple):
    """A mistake in the stack's axes; *undo* turns the stored stack, (N, H, W), into the right one."""

    name: str
    remedy: str
    undo: Callable[[np.ndarray], np.ndarray]


def flipped(stack: np.ndarray, *axes: int) -> np.ndarray:
    """Return *stack* with detector frequencies q turned into -q along *axes*; q = 0 stays at the centre.

    For an even number of pixels a plain flip moves the centre by one pixel, which the roll undoes.
    """
    return np.asarray(np.roll(np.flip(stack, axes), [(stack.shape[a] + 1) % 2 for a in axes], axes))


ORIENTATIONS = (
    Orientation(
        "the zero frequency at the corner",
        "Move the zero frequency to the centre: np.fft.fftshift(diffraction, axes=(1, 2)).",
        lambda stack: np.fft.fftshift(stack, axes=(1, 2)),
    ),
    Orientation(
        "axes (H, W, N) stored as (N, H, W)",
        "Store np.moveaxis(diffraction, -1, 0), or use `harness generate --axes hwn`.",
        lambda stack: np.moveaxis(stack, -1, 0),
    ),
    Orientation(
        "axes (W, N, H) stored as (N, H, W)",
        "Store np.moveaxis(diffraction, 0, -1).",
        lambda stack: np.moveaxis(stack, 0, -1),
    ),
    Orientation("axes (W, H, N) stored as (N, H, W)", "Store diffraction.transpose(2, 1, 0).", np.transpose),
    Orientation(
        "detector rows and columns exchanged",
        "Store diffraction.swapaxes(1, 2).",
        lambda stack: stack.swapaxes(1, 2),
    ),
    Orientation(
        "detector rows flipped",
        "Flip the detector's rows about the zero frequency.",
        lambda stack: flipped(stack, 1),
    ),
    Orientation(
        "detector columns flipped",
        "Flip the detector's columns about the zero frequency.",
        lambda stack: flipped(stack, 2),
    ),
    Orientation(
        "the detector rotated by 180 degrees (or probe and object both conjugated)",
        "Flip the detector's rows and columns about the zero frequency, or conjugate probe and object.",
        lambda stack: flipped(stack, 1, 2),
    ),
)
"""Mistakes in the stack's axes, the most frequent ones first."""


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield the orientations that keep the stack's shape."""
    shape = evidence.stored.diffraction.shape
    return (_correction(one) for one in ORIENTATIONS if _shape_after(one, shape) == shape)


def slow(_: Evidence) -> Iterator[Correction]:
    """Yield nothing: all are quick."""
    return iter(())


def blind(stored: Dataset) -> Iterator[Correction]:
    """Yield the orientations that give the stack the probe's shape."""
    right = (len(stored.x), *stored.probe.shape)
    shape = stored.diffraction.shape
    return (_correction(one) for one in ORIENTATIONS if _shape_after(one, shape) == right)


def _shape_after(one: Orientation, shape: tuple[int, ...]) -> tuple[int, ...]:
    return one.undo(np.broadcast_to(np.int8(0), shape)).shape


def _correction(one: Orientation) -> Correction:
    def apply(data: Dataset) -> Dataset:
        whole = data.mask is not None and data.mask.shape == data.diffraction.shape
        mask = one.undo(data.mask) if whole and data.mask is not None else data.mask
        return replace(data, diffraction=one.undo(data.diffraction), mask=mask)

    return Correction(PART, one.name, one.remedy, apply)
