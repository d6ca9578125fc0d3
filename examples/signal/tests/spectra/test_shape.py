"""What spectra show of a sweep."""

import pytest
from signalkit.spectra import chirp, peaks, spectrum


@pytest.mark.parametrize("duration", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("window", ["hann", "boxcar", "blackman"])
def test_spectrum(arrays_regression, window, duration):
    samples = arrays_regression.inputs(chirp(duration))
    arrays_regression.check(spectrum(samples, window=window))


@pytest.mark.parametrize("window", ["hann", "boxcar", "blackman"])
def test_peaks(arrays_regression, window):
    arrays_regression.check(peaks(spectrum(chirp(2.0), window=window)))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_energy(metrics_regression, seed):
    samples = chirp(1.0, seed=seed)
    found = spectrum(samples, window="hann")
    metrics_regression.check({"energy": float((samples**2).mean()), "power": float(found.power.sum())})
