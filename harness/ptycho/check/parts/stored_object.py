"""The stored object: conjugated, turned, without its phase, or not the object of this scan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction
from harness.ptycho.check.refit.held_out import excess_of, finished, refit
from harness.ptycho.check.refit.samples import MOST_VALUES, compact, few, whole
from harness.ptycho.check.refit.screen import Change, most_likely
from harness.ptycho.check.refit.waves import ObjectWaves, Target
from harness.ptycho.check.trial import needs_search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "object"

QUICK_VALUES = 36 * 64 * 64
"""Measured values that a quick refit is fitted to."""

LEAST_SHARE = 0.7
"""Share of the excess, in patterns that it was not fitted to, that a refitted object must explain.
Reconstructions that are not finished reach 0.15, patterns at wrong positions 0.55: what fits one of them
misfits another."""

LEAST_MISFIT = 1e-4
"""Excess, 1 % of the amplitude, from which on an object that a refit replaces is a fault."""

EXPLAINED = 0.05
"""A known mistake that leaves less of the excess makes a refit needless."""

WORTH_A_SEARCH = 0.4
"""Share that a refit explains from which on known mistakes are searched for where the contrast is good."""

DARKEST = 1e-3


def _about_centre(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Return *change* for objects that are not square: about the centre, repeated at the edges."""

    def fitted(obj: np.ndarray) -> np.ndarray:
        changed = change(obj)
        rows, columns = (
            np.clip(np.arange(n) + (m - n) // 2, 0, m - 1)
            for n, m in zip(obj.shape, changed.shape, strict=True)
        )
        return changed[np.ix_(rows, columns)]

    return fitted


def _with_modulus(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda obj: change(np.abs(obj)) * np.exp(1j * np.angle(obj))


def _with_phase(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda obj: np.abs(obj) * np.exp(1j * factor * np.angle(obj))


def _inverse(obj: np.ndarray) -> np.ndarray:
    return np.asarray(np.conj(obj) / np.maximum(np.abs(obj), DARKEST) ** 2)


_TURNS = (
    ("transposed", "objectGuess.T", np.transpose),
    ("conjugated and transposed (as MATLAB's ' does)", "objectGuess.conj().T", lambda o: o.conj().T),
    ("mirrored left to right", "objectGuess[:, ::-1]", lambda o: o[:, ::-1]),
    ("mirrored top to bottom", "objectGuess[::-1]", lambda o: o[::-1]),
    ("turned by 180 degrees", "objectGuess[::-1, ::-1]", lambda o: o[::-1, ::-1]),
    ("turned by 90 degrees", "np.rot90(objectGuess, -1)", lambda o: np.rot90(o, -1)),
    ("turned by 270 degrees", "np.rot90(objectGuess)", np.rot90),
    ("transposed about its other diagonal", "objectGuess[::-1, ::-1].T", lambda o: o[::-1, ::-1].T),
)

_VALUES = (
    Change(
        "the phase of the object in turns instead of radians",
        "Multiply the phase of objectGuess by 2 pi.",
        _with_phase(2 * np.pi),
    ),
    Change("half of the object's phase", "Double the phase of objectGuess.", _with_phase(2.0)),
    Change("twice the object's phase", "Halve the phase of objectGuess.", _with_phase(0.5)),
    Change(
        "the logarithm of the object (optical depth and phase) in its place",
        "Store np.exp(objectGuess).",
        np.exp,
    ),
    Change(
        "the exponent of the object (its potential) in its place",
        "Store np.exp(1j * objectGuess).",
        lambda o: np.exp(1j * o),
    ),
    Change(
        "the phase of the object as a real number",
        "Store np.exp(1j * objectGuess.real); the amplitude is missing.",
        lambda o: np.exp(1j * o.real),
    ),
    Change("the inverse of the object", "Store 1 / objectGuess.", _inverse),
    Change(
        "the object with its amplitude squared",
        "Store the square root of the object's amplitude.",
        _with_modulus(np.sqrt),
    ),
    Change(
        "the object with the square root of its amplitude",
        "Store the square of the object's amplitude.",
        _with_modulus(np.square),
    ),
    Change("the object less 1 (its contrast alone)", "Store 1 + objectGuess.", lambda o: 1 + o),
)

CHANGES = (
    Change(
        "a conjugated object (or real and imaginary part exchanged)", "Store objectGuess.conj().", np.conj
    ),
    *(Change(f"an object {name}", f"Store {code}.", turn) for name, code, turn in _TURNS),
    *(
        Change(
            f"an object {name} about its centre",
            f"Store {code}, cropped or padded about its centre.",
            _about_centre(turn),
        )
        for name, code, turn in _TURNS
    ),
    *_VALUES,
)
"""Known mistakes in the object, the most frequent ones first."""


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield a refit where there is an excess, but so little that no mistake is searched for."""
    if evidence.has_excess and not needs_search(evidence):
        found = _refitted(evidence, QUICK_VALUES)
        yield found
        if (found.held_out or 0.0) >= WORTH_A_SEARCH:
            yield from (_changed(change) for _, change in _likely(evidence))


def slow(evidence: Evidence) -> Iterator[Correction]:
    """Yield the likeliest mistakes in the object, and a refit if none of them explains the excess."""
    likely = _likely(evidence)
    yield from (_changed(change) for _, change in likely)
    if min([left for left, _ in likely], default=1.0) > EXPLAINED:
        yield _refitted(evidence, MOST_VALUES)


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing: an object of another size may be any other object."""
    return iter(())


def _target(data: Dataset, evidence: Evidence) -> Target:
    return Target.of(data, evidence.fit.scale, evidence.one_photon)


def _likely(evidence: Evidence) -> list[tuple[float, Change]]:
    some = few(evidence)
    return most_likely(CHANGES, ObjectWaves.of(some), _target(some, evidence))


def _changed(change: Change) -> Correction:
    return _correction(change.name, change.remedy, change.undo)


def _correction(name: str, remedy: str, undo: Callable[[np.ndarray], np.ndarray]) -> Correction:
    return Correction(PART, name, remedy, lambda data: replace(data, object=undo(data.object)))


def _refitted(evidence: Evidence, values: int) -> Correction:
    """Return the refit of the object alone to so many *values*, and what it says is wrong."""
    some = compact(evidence, values)
    waves, target = ObjectWaves.of(some), _target(some, evidence)
    found = refit(waves, target, _start(waves, target))
    is_finding = found.share >= LEAST_SHARE and evidence.fit.excess >= LEAST_MISFIT
    if is_finding and len(some.x) < len(evidence.data.x):
        some = whole(evidence)
        waves, target = ObjectWaves.of(some), _target(some, evidence)
        found = found._replace(parameters=waves.parameters)
    value = finished(waves, target, found).value if found.share > 0 else found.value
    return replace(
        _correction(
            _named(evidence.stored.object, value, waves.light),
            "Store the object that fits these patterns.",
            lambda _: value,
        ),
        parameters=found.parameters,
        is_material=is_finding,
        held_out=found.share,
    )


def _start(waves: ObjectWaves, target: Target) -> np.ndarray:
    """Return the stored object, or a flat one if that explains the patterns better."""
    lit = waves.light > DARKEST * waves.light.max()
    flat = np.full_like(waves.start, np.sqrt(np.mean(np.abs(waves.start[lit]) ** 2)))
    return min(waves.start, flat, key=lambda obj: excess_of(obj, waves, target))


def _named(stored: np.ndarray, fitted: np.ndarray, light: np.ndarray) -> str:
    """Return what is wrong with the stored object, as far as its own values show it."""
    lit = light > DARKEST * light.max()
    modulus = np.abs(stored[lit])
    is_even = np.ptp(modulus) <= 1e-5 * modulus.max()
    if is_even and np.ptp(stored[lit].real) + np.ptp(stored[lit].imag) <= 1e-5 * modulus.max():
        return "a flat object"
    if not np.iscomplexobj(stored) or not np.any(stored.imag):
        return "an object without its phase (its amplitude alone)"
    if is_even and np.std(np.abs(fitted[lit])) > 0.05 * np.mean(np.abs(fitted[lit])):
        return "the phase of the object alone: its amplitude is missing"
    return "an object that is not the object of these patterns"
