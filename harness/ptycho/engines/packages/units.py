"""Stored units and those in which an engine's settings are meant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.core.errors import RefusedError

if TYPE_CHECKING:
    from harness.ptycho.scan.residual import Dataset


class Units(NamedTuple):
    """Stored units of an object and of a probe of 1."""

    object: float
    probe: float


def natural(start: Dataset, brightness: float = 1.0) -> tuple[Dataset, Units]:
    """Return *start* with an object of 1 and amplitudes *brightness* times the stored ones, and the units.

    start : a flat object and the start probe, in stored units. The object's factor goes to the probe.

    Examples
    --------
    >>> from harness.ptycho.scan.residual import Dataset
    >>> start = Dataset(np.ones((1, 2, 2)), np.ones((2, 2)), np.full((4, 4), 0.5), np.ones(1), np.ones(1))
    >>> scaled, units = natural(start)
    >>> float(scaled.object[0, 0]), float(scaled.probe[0, 0]), units
    (1.0, 0.5, Units(object=0.5, probe=2.0))
    """
    light = float(np.abs(start.object[0, 0]))
    scaled = replace(
        start,
        diffraction=start.diffraction * brightness,
        object=start.object / light,
        probe=start.probe * (light * brightness),
    )
    return scaled, Units(light, 1 / (light * brightness))


def common_mask(engine: str, data: Dataset) -> np.ndarray:
    """Return which pixels count in all patterns, (H, W) bool; all do without a mask.

    Raises
    ------
    RefusedError
        The patterns have different masks.
    """
    if data.mask is None:
        return np.ones(data.probe.shape, dtype=bool)
    if data.mask.ndim == data.probe.ndim:
        return data.mask
    if (data.mask == data.mask[0]).all():
        return np.asarray(data.mask[0])
    raise RefusedError(
        f"mask for engine {engine!r}",
        expected="the same pixels in all patterns",
        found="other pixels in some patterns",
        message=f"engine {engine!r} takes one mask for all patterns, and these have different ones",
        remedy="Use another engine, or a mask of the pixels that count in all patterns.",
    )
