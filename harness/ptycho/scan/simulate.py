"""Simulate a scan: seeded object, defocused probe, jittered raster, photon noise.

Everything here is double precision; :mod:`harness.ptycho.fixture` rounds once to the contract's dtypes.
"""

from __future__ import annotations

import json

import numpy as np

from harness.core.errors import UsageError
from harness.core.fixtures.manifest import Source
from harness.core.storage.digest import digest_array
from harness.ptycho.scan.contract import SMALLEST_OBJECT
from harness.ptycho.scan.forward import amplitude
from harness.ptycho.scan.scan import Scan

MARGIN = 7.0
"""Object pixels kept free around the outermost patch, so that no method reaches the object's edge."""

OBJECT_SCALES = (2.0, 4.0, 8.0, 16.0)
"""Standard deviations, in pixels, of the Gaussian-filtered noise fields that make up the object."""

NOISE_FREE_PHOTONS = 1e6
APERTURE = 0.18
"""Radius of the probe-forming aperture in cycles per pixel (Nyquist is 0.5)."""

BEAM = 0.25
"""Radius of the defocused beam as a share of the detector's shorter side."""

_SMALLEST = {
    "positions": 1, "detector": 8, "step": 1e-6, "photons": 1e-6, "jitter": 0, "seed": 0, "beam": 0.05,
}  # fmt: skip
_EXPECTED = {
    "positions": "a whole number of at least 1",
    "detector": "an even whole number of at least 8",
    "step": "a positive number of pixels",
    "photons": "a positive number, or None for noise-free data",
    "jitter": "a share of the step, at least 0",
    "seed": "a whole number of at least 0",
    "beam": "a share of the detector's side, at least 0.05",
}


def simulate(  # noqa: PLR0913 - the parameters of an experiment
    *,
    positions: int = 64,
    detector: int = 64,
    step: float = 12.0,
    photons: float | None = 1e6,
    jitter: float = 0.2,
    seed: int = 0,
    beam: float = BEAM,
) -> Scan:
    """Return a simulated scan; its object, probe and coordinates are the ground truth.

    Parameters
    ----------
    positions : int
        Number of scan positions N, on the squarest raster that holds them.
    detector : int
        Detector side in pixels, even; H = W = detector.
    step : float
        Raster step in object pixels.
    photons : float or None
        Mean number of photons per pattern; None for noise-free data (scaled as for 10^6).
    jitter : float
        Largest deviation from the raster as a share of the step, uniform on both axes; it breaks the raster's
        periodicity and makes every position subpixel.
    seed : int
        Seeds object, positions and noise, each with a stream of its own.
    beam : float
        Radius of the defocused beam as a share of the detector's side.

    Returns
    -------
    Scan
        Diffraction as the square root of counts, float64, zero frequency at the centre.

    Raises
    ------
    UsageError
        A parameter is out of range.

    Examples
    --------
    >>> scan = simulate(positions=16, detector=32, step=6.0)
    >>> scan.diffraction.shape, scan.object.shape, scan.probe.shape
    ((16, 32, 32), (128, 128), (32, 32))
    """
    parameters = {
        "positions": positions, "detector": detector, "step": step,
        "photons": photons, "jitter": jitter, "seed": seed, **beam_parameter(beam),
    }  # fmt: skip
    _require_valid(parameters)
    # One random stream each: a change of the dose or of the raster must not change the object.
    object_rng, position_rng, noise_rng = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(3))
    x, y, shape = raster(position_rng, positions=positions, detector=detector, step=step, jitter=jitter)
    obj = random_object(object_rng, shape)
    probe = defocused_probe(detector, beam)
    probe, clean = _exposed(probe, amplitude(probe, obj, x, y), photons or NOISE_FREE_PHOTONS)
    return Scan(
        name="simulated",
        diffraction=clean if photons is None else np.sqrt(noise_rng.poisson(clean**2).astype(np.float64)),
        object=obj,
        probe=probe,
        x=x,
        y=y,
        source=Source(name="simulated", digest=_digest(parameters)),
        scan_index=np.arange(positions),
    )


def raster(
    rng: np.random.Generator, *, positions: int, detector: int, step: float, jitter: float
) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Return a jittered raster, row by row, in the middle of the smallest even object that holds it.

    Returns
    -------
    x, y : (N,) float64
        Patch centres in object pixels.
    shape : (int, int)
        Object rows and columns, at least ``SMALLEST_OBJECT`` each.
    """
    columns = int(np.ceil(np.sqrt(positions)))
    rows = int(np.ceil(positions / columns))
    row, column = np.divmod(np.arange(positions), columns)
    moved = rng.uniform(-jitter * step, jitter * step, size=(2, positions))
    shape = _extent(rows, detector, step, jitter), _extent(columns, detector, step, jitter)
    y = shape[0] / 2 + (row - (rows - 1) / 2) * step + moved[0]
    x = shape[1] / 2 + (column - (columns - 1) / 2) * step + moved[1]
    return x, y, shape


def random_object(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return a random object, complex128: amplitude in (0.5, 1), phase in (-1, 1) rad without wraps.

    It has structure at several scales. Phase and amplitude share part of it, as absorption and thickness of
    one specimen do.
    """
    absorption, thickness = _texture(rng, shape), _texture(rng, shape)
    # Weights 1/2 and sqrt(3)/2 keep unit variance; tanh keeps the phase within +-1 rad, so it never wraps.
    phase = np.tanh(0.5 * absorption + np.sqrt(0.75) * thickness)
    return np.asarray((0.75 + 0.25 * np.tanh(0.8 * absorption)) * np.exp(1j * phase))


def beam_parameter(beam: float) -> dict[str, float]:
    """Return the beam as a recorded parameter; nothing if it is the default, which is not recorded."""
    return {} if beam == BEAM else {"beam": beam}


def defocused_probe(detector: int, beam: float = BEAM) -> np.ndarray:
    """Return the probe of a soft round aperture out of focus, (detector, detector) complex128, unit energy.

    The pupil carries the phase ``pi z v^2`` of a defocus z, which spreads the beam to the radius
    ``z * APERTURE`` (geometrical optics); z is chosen so that this radius is *beam* detector sides.
    """
    v = np.fft.fftshift(np.fft.fftfreq(detector))
    radius = np.hypot(v[:, None], v[None, :])
    defocus = beam * detector / APERTURE
    pupil = _soft_disc(radius, APERTURE, 0.25 * APERTURE) * np.exp(1j * np.pi * defocus * radius**2)
    wave = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(pupil)))
    return np.asarray(wave / np.linalg.norm(wave))


def _exposed(probe: np.ndarray, clean: np.ndarray, photons: float) -> tuple[np.ndarray, np.ndarray]:
    """Scale probe and amplitudes together so that a pattern holds *photons* counts on average."""
    scale = np.sqrt(photons / np.mean(np.sum(clean**2, axis=(1, 2))))
    return probe * scale, clean * scale


def _texture(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return the sum of equally strong noise fields of every scale; zero mean and unit variance."""
    fields = [_standard(_smooth(rng.standard_normal(shape), sigma)) for sigma in OBJECT_SCALES]
    return _standard(np.sum(fields, axis=0))


def _smooth(field: np.ndarray, sigma: float) -> np.ndarray:
    """Filter with a periodic Gaussian of standard deviation *sigma* pixels."""
    # The Fourier transform of a Gaussian of unit area: exp(-2 (pi sigma q)^2).
    rows, columns = (np.exp(-2 * (np.pi * sigma * np.fft.fftfreq(n)) ** 2) for n in field.shape)
    return np.asarray(np.fft.ifft2(np.fft.fft2(field) * rows[:, None] * columns[None, :]).real)


def _standard(field: np.ndarray) -> np.ndarray:
    return np.asarray((field - field.mean()) / field.std())


def _soft_disc(radius: np.ndarray, edge: float, width: float) -> np.ndarray:
    """Return 1 inside *edge* and 0 outside, joined by half a cosine *width* wide, which keeps tails short."""
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * np.clip((radius - edge) / width + 0.5, 0, 1)))


def _extent(count: int, detector: int, step: float, jitter: float) -> int:
    needed = (count - 1 + 2 * jitter) * step + detector + 2 * MARGIN
    return max(SMALLEST_OBJECT, 2 * int(np.ceil(needed / 2)))


def _digest(parameters: dict[str, float | None]) -> str:
    """Return a digest of the parameters, not of the values, whose last bits differ between machines."""
    text = json.dumps(parameters, sort_keys=True)
    return digest_array(np.frombuffer(text.encode(), dtype=np.uint8))


def _require_valid(parameters: dict[str, float | None]) -> None:
    for key, value in parameters.items():
        if value is not None and not _is_valid(key, value):
            raise UsageError(
                key, expected=_EXPECTED[key], found=repr(value), remedy="Choose a value in this range."
            )


def _is_valid(key: str, value: float) -> bool:
    if not np.isfinite(value) or value < _SMALLEST[key]:
        return False
    whole = float(value).is_integer()
    return {"positions": whole, "seed": whole, "detector": whole and value % 2 == 0}.get(key, True)
