"""Objects: Voronoi cells, spokes, a particle in vacuum, weak and strong phase, all band-limited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]

BAND = 0.32
"""Highest frequency of an object, in cycles per pixel, so that reading it between pixels is exact."""


def voronoi(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return cells of about 10 pixels, each of one absorption and one phase."""
    count = max(16, shape[0] * shape[1] // 110)
    tree = cKDTree(rng.uniform(0, 1, (count, 2)) * shape, boxsize=shape)
    _, cell = tree.query(np.indices(shape).reshape(2, -1).T)
    amplitude, phase = rng.uniform(0.55, 1.0, count), rng.uniform(-0.9, 0.9, count)
    return _band_limited((amplitude * np.exp(1j * phase))[cell].reshape(shape))


def spokes(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return rings of spokes around a point near the centre, as on a test pattern."""
    row, column = np.indices(shape)
    down, right = row - shape[0] * rng.uniform(0.42, 0.58), column - shape[1] * rng.uniform(0.42, 0.58)
    ring = np.hypot(down, right) // rng.uniform(14, 22)
    # Each ring has twice as many spokes as the one inside it, so that they stay about as wide.
    lit = np.sin(np.arctan2(down, right) * 6 * np.maximum(ring, 1) + ring) > 0
    return _band_limited(np.where(lit, 0.65 * np.exp(0.8j), 1.0))


def particle(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return vacuum with one particle of 10 to 16 pixels radius: most patterns of a scan are alike."""
    row, column = np.indices(shape)
    centre = [n / 2 + rng.uniform(-6, 6) for n in shape]
    radius = rng.uniform(10, 16)
    inside = np.hypot(row - centre[0], (column - centre[1]) * rng.uniform(0.8, 1.2)) < radius
    texture = _texture(rng, shape, 2.5)
    return _band_limited(np.where(inside, 0.7 * np.exp(1j * (0.9 + 0.5 * texture)), 1.0))


def weak_phase(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return a transparent object whose phase differs by 0.15 rad (standard deviation)."""
    return _band_limited(np.exp(0.15j * _texture(rng, shape, 2.0)))


def strong_phase(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return an object whose phase wraps several times, with a little absorption."""
    thickness = _texture(rng, shape, 7.0)
    return _band_limited((0.85 + 0.1 * np.tanh(_texture(rng, shape, 4.0))) * np.exp(2.5j * thickness))


OBJECTS: dict[str, Make] = {
    "voronoi": voronoi,
    "spokes": spokes,
    "particle": particle,
    "weak_phase": weak_phase,
    "strong_phase": strong_phase,
}


def _texture(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> np.ndarray:
    """Return smooth noise of zero mean and unit variance, periodic, with features of *scale* pixels."""
    q = _frequency(shape)
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal(shape)) * np.exp(-2 * (np.pi * scale * q) ** 2)).real
    return np.asarray((field - field.mean()) / field.std())


def _band_limited(obj: np.ndarray) -> np.ndarray:
    """Return *obj* blurred by one pixel, and without any frequency from ``BAND`` on; it stays periodic."""
    q = _frequency(obj.shape)
    kept = np.exp(-2 * (np.pi * 1.0 * q) ** 2) * np.cos(np.pi / 2 * np.clip(q / BAND, 0, 1) ** 6)
    return np.asarray(np.fft.ifft2(np.fft.fft2(obj) * kept))


def _frequency(shape: tuple[int, ...]) -> np.ndarray:
    return np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :])
