"""Filters of sampled signals, as second-order sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy import signal

if TYPE_CHECKING:
    import numpy as np


def design(kind: str, *, order: int, cutoff: float) -> np.ndarray:
    """Return a low-pass filter as second-order sections.

    Parameters
    ----------
    kind : {"butter", "bessel", "cheby1"}
    order : int
    cutoff : float
        In units of the Nyquist frequency, between 0 and 1.

    Returns
    -------
    (S, 6) float64
    """
    if kind == "butter":
        return signal.butter(order, cutoff, output="sos")
    if kind == "bessel":
        return signal.bessel(order, cutoff, output="sos")
    if kind == "cheby1":
        return signal.cheby1(order, 1.0, cutoff, output="sos")
    raise ValueError(f"kind: expected butter, bessel or cheby1, found {kind!r}")


def response(sections: np.ndarray, points: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies in radians per sample and the complex response at them."""
    return signal.sosfreqz(sections, worN=points)


def smooth(samples: np.ndarray, sections: np.ndarray) -> np.ndarray:
    """Return the samples filtered forwards and backwards, without a shift in phase."""
    return signal.sosfiltfilt(sections, samples)
