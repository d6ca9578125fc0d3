"""How much light is in modes of the probe beside the stored one.

What a vibration of the sample, an extended source or a blurred detector adds to the first order are the
probe's slopes, and the probe times its coordinates. Each as a further mode adds light to every pattern; how
much of each is fitted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.check.evidence import fit
from harness.ptycho.check.linear import finite
from harness.ptycho.scan.mask import masked

if TYPE_CHECKING:
    from harness.ptycho.check.refit.waves import ProbeWaves, Target

STEPS = 4


class OtherModes(NamedTuple):
    """Light beside the stored mode.

    Attributes
    ----------
    light : float
        Its share of all light.
    share : float
        Share of the excess that it accounts for.
    """

    light: float
    share: float


def fit_modes(waves: ProbeWaves, target: Target) -> OtherModes:
    """Return how much light the other modes hold, and what they explain."""
    main = np.abs(waves.fields(waves.start)) ** 2
    others = np.stack([np.abs(waves.fields(mode)) ** 2 for mode in _modes(waves.start)])
    strength = np.zeros(len(others), dtype=np.float32)
    for _ in range(STEPS):
        strength = np.maximum(strength + _step(main, others, strength, target), 0)
    before, after = (_excess(light, target) for light in (main, _sum(main, others, strength)))
    total = float(strength.sum())
    return OtherModes(total / (1 + total), 1 - max(after, 0.0) / before if before > 0 else 0.0)


def _modes(probe: np.ndarray) -> list[np.ndarray]:
    """Return four modes of the probe's energy, orthogonal to it: slopes and first moments, (H, W) each."""
    spectrum = np.fft.fft2(probe)
    rows, columns = (np.fft.fftfreq(side) for side in probe.shape)
    row, column = (np.arange(side) - side / 2 for side in probe.shape)
    slopes = [np.fft.ifft2(1j * q * spectrum) for q in (rows[:, None], columns[None, :])]
    return [_orthogonal(mode, probe) for mode in (*slopes, row[:, None] * probe, column[None, :] * probe)]


def _orthogonal(mode: np.ndarray, probe: np.ndarray) -> np.ndarray:
    energy = float(np.vdot(probe, probe).real) or 1.0
    mode = mode - probe * (np.vdot(probe, mode) / energy)
    return np.asarray(mode * np.sqrt(energy / (np.vdot(mode, mode).real or 1.0)), dtype=np.complex64)


def _sum(main: np.ndarray, others: np.ndarray, strength: np.ndarray) -> np.ndarray:
    return np.asarray(main + np.tensordot(strength, others, axes=1))


def _step(main: np.ndarray, others: np.ndarray, strength: np.ndarray, target: Target) -> np.ndarray:
    """Return a Gauss-Newton step of the modes' strengths, with a free scale."""
    modulus = np.sqrt(_sum(main, others, strength))
    # A photon's own uncertainty: a dark pixel's amplitude does not say how much light it should hold.
    least = np.float32(target.one_photon or 1e-3 * float(modulus.max()))
    slopes = masked(others / (2 * np.maximum(modulus, least)), target.mask)
    design = np.concatenate([slopes, masked(modulus, target.mask)[None]]).reshape(len(others) + 1, -1)
    left = (target.amplitude - masked(modulus, target.mask)).ravel()
    moved = np.linalg.lstsq(finite(design @ design.T), design @ left, rcond=None)[0]
    return np.asarray(moved[:-1], dtype=np.float32)


def _excess(light: np.ndarray, target: Target) -> float:
    predicted = masked(np.sqrt(light).astype(np.float64), target.mask)
    return fit(predicted, target.amplitude.astype(np.float64), target.one_photon).excess
