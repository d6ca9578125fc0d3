"""Probes: an annular pupil with a central stop, out of focus and astigmatic; some of them partly coherent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from second_simulator.physics import transform_matrix


@dataclass(frozen=True, slots=True)
class Optics:
    """What forms the probe.

    Attributes
    ----------
    outer : float
        Radius of the pupil, in cycles per object pixel.
    stop : float
        Radius of the central stop, as a share of ``outer``.
    beam : float
        Radius of the defocused beam, as a share of the detector's shorter side.
    astigmatism : float
        As a share of the defocus: the two axes are out of focus by 1 plus and 1 minus this.
    axis : float
        Direction of the astigmatism, in radians.
    """

    outer: float = 0.15
    stop: float = 0.3
    beam: float = 0.22
    astigmatism: float = 0.15
    axis: float = 0.5


def probe(optics: Optics, shape: tuple[int, int], defocus: float = 1.0) -> np.ndarray:
    """Return the probe, (H, W) complex128 of unit energy; *defocus* is a factor on that of *optics*."""
    rows, columns = (((np.arange(n) - n // 2) / n) for n in shape)
    v, u = np.meshgrid(rows, columns, indexing="ij")
    radius, angle = np.hypot(u, v), np.arctan2(v, u)
    # Light that crosses the pupil at the frequency q is moved by z q: the beam's edge is at z * outer.
    z = defocus * optics.beam * min(shape) / optics.outer
    bent = 1 + optics.astigmatism * np.cos(2 * (angle - optics.axis))
    pupil = _annulus(radius / optics.outer, optics.stop) * np.exp(-1j * np.pi * z * bent * radius**2)
    wave = transform_matrix(shape[0]).conj() @ pupil @ transform_matrix(shape[1]).conj().T
    # An aperture shortly before the sample stops the faint light far from the beam: nothing wraps around.
    wave *= _sorting_aperture(shape[0])[:, None] * _sorting_aperture(shape[1])[None, :]
    return np.asarray(wave / np.linalg.norm(wave))


def modes(main: np.ndarray, share: float) -> np.ndarray:
    """Return *main* and two modes beside it that carry a *share* of the light, (3, H, W), total energy 1.

    The modes are the derivatives of the probe along rows and columns: what a source that is a little blurred,
    or a sample that vibrates, adds to the first order.
    """
    if share == 0:
        return main[None]
    others = [_slope(main, axis) for axis in (0, 1)]
    weighted = [mode * np.sqrt(share / 2) / np.linalg.norm(mode) for mode in others]
    return np.stack([main * np.sqrt(1 - share), *weighted])


def _slope(wave: np.ndarray, axis: int) -> np.ndarray:
    """Return the derivative along one axis, made orthogonal to *wave*."""
    slope = np.gradient(wave, axis=axis)
    return np.asarray(slope - wave * np.vdot(wave, slope) / np.vdot(wave, wave))


def _annulus(radius: np.ndarray, stop: float) -> np.ndarray:
    """Return 1 between *stop* and 1, with edges a fifth of the radius wide, for short tails of the beam."""
    return np.asarray(_edge(1 - radius) * _edge(radius - stop) if stop else _edge(1 - radius))


def _sorting_aperture(length: int) -> np.ndarray:
    """Return 1 in the middle two thirds of a side, and a smooth way to 0 at its ends."""
    away = np.abs(np.arange(length) - length // 2) / (length / 2)
    return np.asarray(np.cos(np.pi / 2 * np.clip((away - 0.67) / 0.3, 0, 1)) ** 2)


def _edge(distance: np.ndarray) -> np.ndarray:
    return np.asarray(np.sin(np.pi / 2 * np.clip(distance / 0.2 + 0.5, 0, 1)) ** 2)
