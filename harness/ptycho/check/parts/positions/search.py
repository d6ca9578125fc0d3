"""Look for positions far from the stored ones, with few patterns and one Fourier transform for each place.

A glance moves windows of the object by whole pixels; the fraction of a pixel is left to the probe, once for
each pattern. Only how well a pattern's shape agrees is compared, not its brightness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.scan.forward import fourier_shift, inside
from harness.ptycho.scan.mask import of_positions
from harness.ptycho.scan.select import stratified

if TYPE_CHECKING:
    from harness.ptycho.scan.residual import Dataset

FEW = 12
"""Patterns that a search compares."""

FEWEST = 4
"""Patterns that a search over many places compares."""

ZOOMS = np.exp(np.arange(-12, 13) * 0.08)
"""Scales from 0.38 to 2.6, 8 % apart."""

NEAR = np.arange(-12, 13, 3)
FAR = np.arange(-45, 46, 5)
"""Pixels by which all positions are moved along each axis: near enough to the right ones for a fit."""

TURNS = np.deg2rad(np.arange(-10, 11))
STRETCHES = np.arange(-0.08, 0.081, 0.02)
COMMON = 1e-6
"""Fractions of a pixel that differ by less are one."""

MOST_OUTSIDE = 0.5
"""Share of the patterns that may lie outside the object."""


class Place(NamedTuple):
    """A similarity of the plane: z = x + iy becomes ``factor * (z - middle) + middle + offset``."""

    factor: complex
    middle: complex
    offset: complex

    def moves(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return by how much it moves each position, (n, 2) in pixels."""
        z = x + 1j * y
        change = (self.factor - 1) * (z - self.middle) + self.offset
        return np.stack([change.real, change.imag], axis=1)


def few_patterns(data: Dataset, count: int = FEW) -> Dataset:
    """Return *count* patterns of *data*, spread over its area, or all if there are fewer."""
    return data.take(stratified(data.x, data.y, min(count, len(data.x))))


def misfits(data: Dataset, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how badly each pattern's shape agrees at several places: 0 the same, 1 nothing in common.

    Parameters
    ----------
    data : Dataset
        n patterns; its own positions do not count.
    x, y : (n, k) float
        Places that each pattern is tried at. Outside the object the misfit is infinite.

    Returns
    -------
    (n, k) float
    """
    shape, out = data.probe.shape, np.full(x.shape, np.inf)
    obj = data.object.astype(np.complex64)
    for j in range(len(x)):
        free = inside(x[j], shape[1], obj.shape[1]) & inside(y[j], shape[0], obj.shape[0])
        if free.any():
            out[j, free] = _of_pattern(data, obj, j, x[j, free], y[j, free])
    return out


def _of_pattern(data: Dataset, obj: np.ndarray, j: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the misfits of pattern *j*; places that do not differ by whole pixels are rounded."""
    height, width = data.probe.shape
    left, top = x - width / 2, y - height / 2
    first_column, first_row = np.rint(left).astype(np.intp), np.rint(top).astype(np.intp)
    rest = np.stack([first_row - top, first_column - left])
    down, right = rest[:, :1] if np.ptp(rest, axis=1).max() < COMMON else np.zeros((2, 1))
    probe = fourier_shift(data.probe[None], down, right)[0].astype(np.complex64)
    windows = np.lib.stride_tricks.sliding_window_view(obj, (height, width))[first_row, first_column]
    predicted = np.abs(np.fft.fft2(probe * windows))
    mask = of_positions(data.mask, np.array([j]))
    if mask is not None:
        predicted *= np.fft.ifftshift(mask.reshape(height, width))
    measured = np.fft.ifftshift(data.diffraction[j]).astype(np.float32).ravel()
    flat = predicted.reshape(len(predicted), -1)
    energy = np.einsum("kp,kp->k", flat, flat) * float(measured @ measured)
    return np.asarray(1 - (flat @ measured) ** 2 / np.maximum(energy, 1e-30))


def score(values: np.ndarray) -> np.ndarray:
    """Return the mean misfit over the patterns, (n, k) to (k,); infinite if too many are outside."""
    free = np.isfinite(values)
    count = free.sum(axis=0)
    total = np.where(free, values, 0.0).sum(axis=0)
    enough = count > (1 - MOST_OUTSIDE) * len(values)
    return np.where(enough, total / np.maximum(count, 1), np.inf)


class Searched(NamedTuple):
    """A place with the mean misfit of a few patterns there."""

    misfit: float
    place: Place


def misfit_of(few: Dataset, x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean misfit of *few* patterns at positions x and y, (n,) each."""
    return float(score(misfits(few, x[:, None], y[:, None]))[0])


def best_zoom(few: Dataset, middle: complex) -> Searched:
    """Return the best scale, about the coordinates' zero or about the *middle* of the scan."""
    places = [Place(factor, about, 0j) for about in (0j, middle) for factor in ZOOMS]
    moves = np.stack([place.moves(few.x, few.y) for place in places], axis=1)
    found = score(misfits(few, few.x[:, None] + moves[..., 0], few.y[:, None] + moves[..., 1]))
    best = int(np.argmin(found))
    return Searched(float(found[best]), places[best])


def best_near(few: Dataset, middle: complex) -> Searched:
    """Return the best similarity about the *middle* of the scan that moves positions by 12 pixels at most.

    Each pattern is compared at a grid of places once; then every combination of offset, scale and rotation
    is read off these maps.
    """
    factors = [1 + stretch + 1j * np.tan(turn) for stretch in STRETCHES for turn in TURNS]
    offsets = [complex(dx, dy) for dx in NEAR for dy in NEAR]
    maps = misfit_maps(few, NEAR)
    z, found = few.x + 1j * few.y, []
    for factor in factors:
        change = ((factor - 1) * (z - middle))[:, None] + np.array(offsets)
        found.append(score(_read(maps, change)))
    factor, offset = np.unravel_index(int(np.argmin(found)), (len(factors), len(offsets)))
    return Searched(float(np.min(found)), Place(factors[factor], middle, offsets[offset]))


def _read(maps: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return the misfits at moves *change*, (n, k) complex, from maps over ``NEAR``; infinite beyond them."""
    last, step = len(NEAR) - 1, NEAR[1] - NEAR[0]
    across, down = (np.rint((part - NEAR[0]) / step).astype(np.intp) for part in (change.real, change.imag))
    read = maps[np.arange(len(maps))[:, None], across.clip(0, last), down.clip(0, last)]
    return np.where((np.maximum(across, down) <= last) & (np.minimum(across, down) >= 0), read, np.inf)


def best_far(few: Dataset, _: complex) -> Searched:
    """Return the best offset of up to 45 pixels on each axis; some of the *few* patterns are compared."""
    some = few_patterns(few, FEWEST)
    found = score(misfit_maps(some, FAR).reshape(len(some.x), -1))
    best = int(np.argmin(found))
    across, down = np.divmod(best, len(FAR))
    return Searched(float(found[best]), Place(1, 0j, complex(FAR[across], FAR[down])))


def misfit_maps(data: Dataset, grid: np.ndarray) -> np.ndarray:
    """Return the misfit of each pattern moved by *grid* pixels along x and y, (n, k, k): pattern, x, y."""
    dx, dy = (part.ravel() for part in np.meshgrid(grid, grid, indexing="ij"))
    found = misfits(data, data.x[:, None] + dx, data.y[:, None] + dy)
    return found.reshape(len(data.x), len(grid), len(grid))
