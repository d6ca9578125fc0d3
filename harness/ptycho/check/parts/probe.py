"""The stored probe: conjugated, mirrored, out of focus, one of several modes, or that of another scan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction, Size
from harness.ptycho.check.refit.coherence import OtherModes, fit_modes
from harness.ptycho.check.refit.defocus import SEARCHED, Defocus, fit_defocus, refocused
from harness.ptycho.check.refit.held_out import Refit, finished, refit
from harness.ptycho.check.refit.samples import MOST_VALUES, few, spread
from harness.ptycho.check.refit.screen import Change, misfit, most_likely
from harness.ptycho.check.refit.waves import ProbeWaves, Target
from harness.ptycho.check.trial import needs_search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "probe"

QUICK_VALUES = 36 * 64 * 64
"""Measured values that one number, and a quick refit, are fitted to."""

LEAST_DEFOCUS = 0.06
"""Radians at the probe's rms frequency, 2 % of a usual probe's own; reconstructions, finished or not, are in
focus to 0.03."""

LEAST_LIGHT = 0.05
MOST_LIGHT = 0.5
LEAST_MODE_SHARE = 0.3
MODE_LOSS = 0.15
"""Light in other modes, and what they explain, from which on they are reported. A reconstruction that is not
finished seems to have up to 8 % of such light, which explains at most 0.13 of its excess. More light than in
the stored mode, or a refit of it that explains so much more of the excess, says that it is a wrong one."""

LEAST_SHARE = 0.7
LEAST_EXCESS = 0.3
"""Share of the excess, in patterns that it was not fitted to, that a refitted probe must explain, and the
least excess, in units of photon noise. A reconstruction of dim data follows their noise, and a refit of its
probe undoes that."""

LEAST_MISFIT = 1e-4
"""Excess, 1 % of the amplitude, from which on a probe that a refit replaces is a fault. Light of 1 % in other
modes, or of flicker, leaves less."""

WORTH_A_SEARCH = 0.4
"""Share that a refit explains from which on known mistakes are searched for where the contrast is good."""

EXPLAINED = 0.05
"""A known mistake that leaves less of the excess makes a refit needless."""

LOST = 0.01
"""Share of its light that a probe lacks if it was cut off."""


def _mirrored(probe: np.ndarray, *axes: int) -> np.ndarray:
    """Return *probe* mirrored about its centre, pixel n / 2, which stays where it is."""
    return np.asarray(np.roll(np.flip(probe, axes), [(probe.shape[axis] + 1) % 2 for axis in axes], axes))


def _centred(transform: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda probe: np.fft.fftshift(transform(np.fft.ifftshift(probe)))


_CENTRED = "np.fft.fftshift(np.fft.{}(np.fft.ifftshift(probeGuess)))"
_MIRROR = "Mirror probeGuess {} about its centre: np.roll({}, 1, axis={})."

CHANGES = (
    Change("a conjugated probe", "Store probeGuess.conj().", np.conj),
    Change(
        "patterns illuminated twice (the ground truth was already multiplied by the probe)",
        "Simulate the patterns from the object, not from exit waves; they fit a probe that is squared.",
        np.square,
    ),
    Change("a transposed probe", "Store probeGuess.T.", np.transpose),
    Change(
        "a conjugated and transposed probe (as MATLAB's ' does)",
        "Store probeGuess.conj().T.",
        lambda p: p.conj().T,
    ),
    Change(
        "a probe centred at the corner of its array", "Store np.fft.fftshift(probeGuess).", np.fft.fftshift
    ),
    Change(
        "a probe mirrored left to right",
        _MIRROR.format("left to right", "probeGuess[:, ::-1]", 1),
        lambda p: _mirrored(p, 1),
    ),
    Change(
        "a probe mirrored top to bottom",
        _MIRROR.format("top to bottom", "probeGuess[::-1]", 0),
        lambda p: _mirrored(p, 0),
    ),
    Change(
        "a probe turned by 180 degrees",
        _MIRROR.format("on both axes", "probeGuess[::-1, ::-1]", (0, 1)),
        lambda p: _mirrored(p, 0, 1),
    ),
    Change("a probe mirrored left to right", "Store probeGuess[:, ::-1].", lambda p: p[:, ::-1]),
    Change("a probe mirrored top to bottom", "Store probeGuess[::-1].", lambda p: p[::-1]),
    Change("a probe turned by 180 degrees", "Store probeGuess[::-1, ::-1].", lambda p: p[::-1, ::-1]),
    Change("a probe turned by 90 degrees", "Store np.rot90(probeGuess, -1).", lambda p: np.rot90(p, -1)),
    Change("a probe turned by 270 degrees", "Store np.rot90(probeGuess).", np.rot90),
    Change(
        "a probe transposed about its other diagonal",
        "Store probeGuess[::-1, ::-1].T.",
        lambda p: p[::-1, ::-1].T,
    ),
    Change(
        "the pupil (the probe's Fourier transform) in place of the probe",
        f"Store {_CENTRED.format('ifft2')}.",
        _centred(np.fft.ifft2),
    ),
    Change(
        "the probe's inverse Fourier transform in place of the probe",
        f"Store {_CENTRED.format('fft2')}.",
        _centred(np.fft.fft2),
    ),
    Change("the probe's uncentred Fourier transform", "Store np.fft.ifft2(probeGuess).", np.fft.ifft2),
)
"""Known mistakes in the probe, the most frequent ones first."""


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield a defocus, if the probe is out of focus, and a refit where there is an excess but no mistake."""
    yield from _out_of_focus(evidence)
    if evidence.has_excess and not needs_search(evidence):
        found = _refitted(evidence, QUICK_VALUES)
        yield found
        if (found.held_out or 0.0) >= WORTH_A_SEARCH:
            yield from (_changed(change) for _, change in _likely(evidence))


def slow(evidence: Evidence) -> Iterator[Correction]:
    """Yield the likeliest mistakes in the probe, planes far away, and a refit if none of them explains it."""
    likely = _likely(evidence)
    yield from (_changed(change) for _, change in likely)
    yield from _far_out_of_focus(evidence)
    if min([left for left, _ in likely], default=1.0) > EXPLAINED:
        yield _refitted(evidence, MOST_VALUES)


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing: the probe does not change shapes."""
    return iter(())


def _target(data: Dataset, evidence: Evidence) -> Target:
    return Target.of(data, evidence.fit.scale, evidence.one_photon)


def _likely(evidence: Evidence) -> list[tuple[float, Change]]:
    some = few(evidence)
    return most_likely(CHANGES, ProbeWaves.of(some), _target(some, evidence))


def _changed(change: Change) -> Correction:
    return _correction(change.name, change.remedy, change.undo)


def _correction(name: str, remedy: str, undo: Callable[[np.ndarray], np.ndarray]) -> Correction:
    return Correction(PART, name, remedy, lambda data: replace(data, probe=undo(data.probe)))


def _out_of_focus(evidence: Evidence) -> Iterator[Correction]:
    some = spread(evidence, QUICK_VALUES)
    return _defocus(fit_defocus(ProbeWaves.of(some), _target(some, evidence)))


def _defocus(found: Defocus) -> Iterator[Correction]:
    """Yield the correction of a defocus that noise does not explain."""
    if found.deviations < 1 or not np.isfinite(found.radians):
        return
    radians = found.radians
    change = _correction(
        "a probe out of focus",
        f"Propagate the probe: multiply its Fourier transform by exp(i {radians:.4g} q^2 / <q^2>), where "
        "<q^2> is the mean squared frequency of its light.",
        lambda probe: refocused(probe, radians),
    )
    yield replace(
        change,
        parameters=1,
        sizes=(Size("defocus", -radians, found.uncertainty, "rad at the probe's rms frequency"),),
        significance=found.deviations,
        is_material=None if abs(radians) >= LEAST_DEFOCUS else False,
    )


def _far_out_of_focus(evidence: Evidence) -> Iterator[Correction]:
    """Yield the defocus that a fit finds from the best of a grid."""
    some = few(evidence)
    waves, target = ProbeWaves.of(some), _target(some, evidence)
    misfits = [misfit(refocused(waves.start, radians), waves, target) for radians in SEARCHED]
    near = fit_defocus(waves, target, float(SEARCHED[int(np.argmin(misfits))]))
    some = spread(evidence, QUICK_VALUES)
    return _defocus(fit_defocus(ProbeWaves.of(some), _target(some, evidence), near.radians))


def _refitted(evidence: Evidence, values: int) -> Correction:
    """Return the refit of the probe alone to so many *values*, and what it says is wrong."""
    some = spread(evidence, values)
    waves, target = ProbeWaves.of(some), _target(some, evidence)
    found = refit(waves, target)
    modes = fit_modes(waves, target)
    if are_several := _are_several(modes, found):
        name = f"a beam of several modes: {modes.light:.0%} of its light is not in the stored one"
        remedy = "Reconstruct the scan with several modes; a refit of the stored one accounts for a part."
    else:
        name, remedy = _named(evidence.stored.probe, found.value), "Store the probe that fits these patterns."
    probe = finished(waves, target, found).value if found.share > 0 else found.value
    return replace(
        _correction(name, remedy, lambda _: probe),
        parameters=found.parameters,
        is_material=are_several or (found.share >= LEAST_SHARE and _is_clear(evidence)),
        held_out=found.share,
    )


def _are_several(modes: OtherModes, found: Refit) -> bool:
    """Return whether so much light in other modes explains about as much as a refit of the stored mode."""
    is_enough = LEAST_LIGHT <= modes.light <= MOST_LIGHT
    return is_enough and modes.share >= max(LEAST_MODE_SHARE, found.share - MODE_LOSS)


def _is_clear(evidence: Evidence) -> bool:
    return evidence.fit.excess >= max(LEAST_EXCESS * evidence.fit.floor**2, LEAST_MISFIT)


def _named(stored: np.ndarray, fitted: np.ndarray) -> str:
    """Return what is wrong with the stored probe, as far as its own values show it."""
    light, modulus = np.abs(fitted) ** 2, np.abs(stored)
    lost = float(light[modulus == 0].sum() / max(light.sum(), np.finfo(np.float32).tiny))
    if np.ptp(modulus) <= 1e-5 * modulus.max():
        return "the phase of the probe alone: its amplitude is missing"
    if not np.iscomplexobj(stored) or not np.any(stored.imag):
        return "a probe without its phase (its amplitude or intensity alone)"
    if lost >= LOST:
        return f"a probe that was cut off by a mask: {lost:.0%} of its light is missing"
    return "a probe that is not the probe of these patterns"
