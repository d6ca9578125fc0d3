"""Spectra of sampled signals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import signal


@dataclass(frozen=True)
class Spectrum:
    """Power density (units squared per hertz) at frequencies (hertz)."""

    frequency: np.ndarray
    power: np.ndarray


def chirp(duration: float, *, rate: float = 1000.0, seed: int = 0) -> np.ndarray:
    """Return a sweep from 20 Hz to 200 Hz with a little noise, sampled *rate* times a second."""
    time = np.arange(round(duration * rate)) / rate
    noise = np.random.default_rng(seed).normal(scale=0.05, size=time.size)
    return signal.chirp(time, 20.0, duration, 200.0) + noise


def spectrum(samples: np.ndarray, *, window: str, rate: float = 1000.0) -> Spectrum:
    """Return the power spectrum by Welch's method, in segments of 128 samples."""
    return Spectrum(*signal.welch(samples, rate, window=window, nperseg=128))


def peaks(found: Spectrum, count: int = 3) -> pd.DataFrame:
    """Return the strongest local maxima: a table of frequency and power, the strongest first."""
    index = signal.argrelmax(found.power)[0]
    strongest = index[np.argsort(found.power[index])[::-1]][:count]
    return pd.DataFrame({"frequency": found.frequency[strongest], "power": found.power[strongest]})
