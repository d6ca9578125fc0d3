"""Faults of the stored probe; patterns, object and positions stay."""

from __future__ import annotations

import numpy as np

from second_simulator.faults.fault import Arrays, ScanFault, counts_of, with_counts
from second_simulator.physics import intensities, transform_matrix
from second_simulator.probes import Optics, modes, probe


def _changed(change):
    def inject(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
        return {
            **arrays,
            "probeGuess": np.ascontiguousarray(change(arrays["probeGuess"]), dtype=np.complex64),
        }

    return inject


def propagated(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The probe is stored in another plane: its defocus is wrong by a share *size*."""
    return {**arrays, "probeGuess": _defocused(arrays["probeGuess"], size)}


def _defocused(wave: np.ndarray, share: float) -> np.ndarray:
    """Return *wave* with its quadratic phase in the pupil changed by a share."""
    rows, columns = (transform_matrix(n) for n in wave.shape)
    pupil = rows @ wave @ columns.T
    q = [(np.arange(n) - n // 2) / n for n in wave.shape]
    square = q[0][:, None] ** 2 + q[1][None, :] ** 2
    optics = Optics()
    z = share * optics.beam * min(wave.shape) / optics.outer
    moved = rows.conj() @ (pupil * np.exp(-1j * np.pi * z * square)) @ columns.conj().T
    return np.asarray(moved, dtype=np.complex64)


def first_mode(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """The beam has other modes with a share *size* of the light; only the first one is stored."""
    counts, unit = counts_of(arrays)
    main = arrays["probeGuess"] / unit
    others = modes(main / np.linalg.norm(main), size)[1:] * np.linalg.norm(main) / np.sqrt(1 - size)
    light = intensities(
        others, arrays["objectGuess"].astype(np.complex128), arrays["xcoords"], arrays["ycoords"]
    )
    is_noisy = bool(np.all(counts == np.rint(counts)))
    return with_counts(arrays, counts + (rng.poisson(light) if is_noisy else light), unit)


def another_probe(arrays: Arrays, rng: np.random.Generator, _: float) -> Arrays:
    """The probe of another day: other aberrations, another beam."""
    wave = arrays["probeGuess"]
    optics = Optics(outer=0.13, stop=0.0, beam=0.18, astigmatism=-0.3, axis=float(rng.uniform(0, 3)))
    return {**arrays, "probeGuess": (probe(optics, wave.shape) * np.linalg.norm(wave)).astype(np.complex64)}


def moved(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The probe is not at the centre of its window."""
    return {**arrays, "probeGuess": np.roll(arrays["probeGuess"], (int(size), -int(size)), (0, 1))}


def scaled(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """The probe has unit energy, the patterns have that of the counts."""
    wave = arrays["probeGuess"]
    return {**arrays, "probeGuess": (wave / np.linalg.norm(wave)).astype(np.complex64)}


def other_transform(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """The probe belongs to a Fourier transform that is not normalised: it is too large by sqrt(H W)."""
    wave = arrays["probeGuess"]
    return {**arrays, "probeGuess": (wave * np.sqrt(wave.size)).astype(np.complex64)}


def masked(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The probe was cut off by a round mask at a share *size* of the half side."""
    row, column = np.indices(arrays["probeGuess"].shape)
    away = np.hypot(row - row.shape[0] // 2, column - row.shape[1] // 2) / (min(row.shape) / 2)
    return {**arrays, "probeGuess": (arrays["probeGuess"] * (away < size)).astype(np.complex64)}


def pupil(wave: np.ndarray) -> np.ndarray:
    """Return the wave in the pupil instead of at the sample."""
    return transform_matrix(wave.shape[0]) @ wave @ transform_matrix(wave.shape[1]).T


_PROBE = r"probe"
_SCALE = (
    "a factor on the whole probe changes neither the shape of a pattern nor the ratio of two patterns; "
    "every reconstruction leaves it free"
)

FAULTS = (
    ScanFault("probe mirrored left to right", "probe", _changed(lambda p: p[:, ::-1]), _PROBE),
    ScanFault("probe mirrored top to bottom", "probe", _changed(lambda p: p[::-1]), _PROBE),
    ScanFault("probe transposed", "probe", _changed(np.transpose), _PROBE),
    ScanFault("probe turned by 90 degrees", "probe", _changed(np.rot90), _PROBE),
    ScanFault("probe conjugated", "probe", _changed(np.conj), _PROBE),
    ScanFault("probe out of focus", "probe", propagated, r"probe|focus", 0.05),
    ScanFault("probe in another plane", "probe", propagated, r"probe|focus|plane", 0.5),
    ScanFault("probe of unit energy", "probe", scaled, r"probe|scale|energy", hidden=_SCALE),
    ScanFault(
        "probe of another Fourier norm",
        "probe",
        other_transform,
        r"probe|scale|norm",
        hidden=_SCALE,
    ),
    ScanFault(
        "first of several modes",
        "probe",
        first_mode,
        r"mode|probe|coheren",
        0.2,
        "of the light",
        mended=False,
        light=1.25,
    ),
    ScanFault("the probe of another day", "probe", another_probe, _PROBE),
    ScanFault("probe not at the centre", "probe", moved, r"probe|offset|position", 2, "px"),
    ScanFault("probe at the corner", "probe", _changed(np.fft.ifftshift), _PROBE),
    ScanFault("amplitude of the probe alone", "probe", _changed(np.abs), _PROBE),
    ScanFault(
        "phase of the probe alone",
        "probe",
        _changed(lambda p: np.exp(1j * np.angle(p)) * np.abs(p).max()),
        _PROBE,
    ),
    ScanFault("intensity of the probe", "probe", _changed(lambda p: np.abs(p) ** 2), _PROBE),
    ScanFault("the pupil in place of the probe", "probe", _changed(pupil), _PROBE),
    ScanFault("a mask on the probe", "probe", masked, _PROBE, 0.35, "of the half side"),
)
