"""The detector: its orientation, the order of its axes, and where its zero frequency lies.

All orientations and all whole shifts are screened at once: a pattern's correlation with its prediction, at
every shift, is the inverse Fourier transform of a product, and a flip exchanges frequencies of one factor.
Only the few that explain more than the stored stack does are executed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.check.correction import Correction, Size
from harness.ptycho.check.evidence import Evidence, predict
from harness.ptycho.scan.forward import fitted_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.ptycho.scan.residual import Dataset

PART = "detector"
SCREENED = 24
"""Patterns that are correlated with their predictions."""

LEAST_GAIN = 0.05
"""Share of the excess that a reading must gain by its correlation to be executed."""

MOST_EXECUTED = 3
"""Readings that are executed, those of the highest correlation."""

LEAST_SHIFT = 0.1
"""Pixels; a smaller shift of the detector does not matter. The measured star has 0.02, sound scans 0.016."""

WHOLE = 0.1
"""A shift within this many pixels of a whole number is undone by np.roll."""

MOST_STEPS = 4
LAST_STEP = 0.003
"""A shift is refined with the probe ramped by it, this often at most, until it moves by fewer pixels."""


class Axes(NamedTuple):
    """An order of the stack's axes; *undo* turns the stored stack into (N, H, W)."""

    name: str
    remedy: str
    undo: Callable[[np.ndarray], np.ndarray]


AXES = (
    Axes(
        "axes (H, W, N) stored as (N, H, W)",
        "Store np.moveaxis(diffraction, -1, 0), or use `harness generate --source FILE --axes hwn`.",
        lambda stack: np.moveaxis(stack, -1, 0),
    ),
    Axes(
        "axes (W, N, H) stored as (N, H, W)",
        "Store np.moveaxis(diffraction, 0, -1).",
        lambda stack: np.moveaxis(stack, 0, -1),
    ),
    Axes("axes (W, H, N) stored as (N, H, W)", "Store diffraction.transpose(2, 1, 0).", np.transpose),
    Axes(
        "axes (H, N, W) stored as (N, H, W)",
        "Store diffraction.swapaxes(0, 1).",
        lambda stack: stack.swapaxes(0, 1),
    ),
    Axes(
        "detector rows and columns exchanged",
        "Store diffraction.swapaxes(1, 2).",
        lambda stack: stack.swapaxes(1, 2),
    ),
)
"""Orders of the axes, the most frequent ones first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the stored stack is to be read: axes, then flips about the zero frequency, then a shift.

    Attributes
    ----------
    axes : Axes or None
        None: as they are stored.
    flipped : tuple of int
        Axes of the detector, 1 and 2, whose frequencies change their sign.
    rows, columns : int
        Pixels by which the patterns are rolled at last.
    """

    axes: Axes | None = None
    flipped: tuple[int, ...] = ()
    rows: int = 0
    columns: int = 0

    def undo(self, stack: np.ndarray) -> np.ndarray:
        """Return *stack*, (N, H, W), as it should be stored."""
        turned = flipped(stack if self.axes is None else self.axes.undo(stack), *self.flipped)
        return (
            np.roll(turned, (self.rows, self.columns), axis=(1, 2)) if self.rows or self.columns else turned
        )

    def undo_mask(self, mask: np.ndarray) -> np.ndarray:
        """Return the mask of the stack that `undo` returns; a pixel's mask goes where the pixel goes."""
        if mask.ndim == 3:  # noqa: PLR2004 - (N, H, W)
            return self.undo(mask)
        is_exchanged = self.axes is not None and self.axes.name == EXCHANGED.name
        return np.asarray(replace(self, axes=EXCHANGED if is_exchanged else None).undo(mask[None])[0])


EXCHANGED = AXES[-1]
FLIPS: tuple[tuple[int, ...], ...] = ((), (1,), (2,), (1, 2))


def flipped(stack: np.ndarray, *axes: int) -> np.ndarray:
    """Return *stack* with detector frequencies q turned into -q along *axes*; q = 0 stays at the centre.

    For an even number of pixels a plain flip moves the centre by one pixel, which the roll undoes.
    """
    if not axes:
        return stack
    return np.asarray(np.roll(np.flip(stack, axes), [(stack.shape[a] + 1) % 2 for a in axes], axes))


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield the orientations and the shift of the centre that explain more than the stored stack does."""
    exchanged = [axes for axes in (EXCHANGED,) if _keeps_shape(axes, evidence.stored)]
    readings = list(_correlations(evidence, (None, *exchanged)))
    yield from _better(readings, readings[0], evidence)
    yield from _shifted(readings[0], evidence)


def slow(evidence: Evidence) -> Iterator[Correction]:
    """Yield the orders of axes, together with an orientation, that explain more than the stored stack."""
    orders = [axes for axes in AXES if axes is not EXCHANGED and _keeps_shape(axes, evidence.stored)]
    if orders:
        readings = list(_correlations(evidence, (None, *orders)))
        yield from _better(readings[len(FLIPS) :], readings[0], evidence)


def blind(stored: Dataset) -> Iterator[Correction]:
    """Yield the orders of axes that give the stack the right shape, and the best orientation of each."""
    right = (len(stored.x), *stored.probe.shape)
    for axes in AXES:
        if _shape_after(axes, stored.diffraction.shape) == right:
            yield _correction(Reading(axes), stored)
            yield from _turned(axes, stored)


def _turned(axes: Axes, stored: Dataset) -> Iterator[Correction]:
    """Yield the best orientation of the stack once its axes are in the order that *axes* undoes."""
    evidence = Evidence.of(_undone(Reading(axes), stored))
    if len(evidence.data.x):
        plain, *readings = _correlations(evidence, (None,))
        best = max((plain, *readings), key=lambda one: one.highest)
        if best.highest > plain.at_rest:
            yield _correction(replace(best.reading, axes=axes), stored, best.deviations_beyond(plain))


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """The correlation of measured and predicted amplitudes under one reading, at every shift.

    Attributes
    ----------
    reading : Reading
        With the shift of the highest correlation.
    spectrum : (H, W) complex
        Its Fourier transform.
    highest, at_rest : float
        The highest squared correlation, and that without a shift; 1 is perfect.
    values : int
        Amplitudes that were compared.
    """

    reading: Reading
    spectrum: np.ndarray
    highest: float
    at_rest: float
    values: int

    def deviations_beyond(self, stored: Correlation) -> float:
        """Return by how many standard deviations it explains more than *stored* without a shift.

        Noise is taken to be all that is left. The best of all readings and shifts is compared with the best
        of as many that only noise tells apart.
        """
        gain = self.highest - stored.at_rest
        noise = max(1 - self.highest, float(np.finfo(np.float32).eps)) / self.values
        trials = 2 * np.log(len(AXES) * len(FLIPS) * self.spectrum.size)
        return float(np.sqrt(max(gain / noise / 4 - trials, 0.0))) if gain > 0 else 0.0


def _better(readings: Sequence[Correlation], stored: Correlation, evidence: Evidence) -> Iterator[Correction]:
    """Yield the few readings that explain most, if they explain more than the stored one."""
    least = stored.at_rest + LEAST_GAIN * max(evidence.fit.excess, 0.0)
    better = sorted((one for one in readings if one.highest > least), key=lambda one: -one.highest)
    for one in better[:MOST_EXECUTED]:
        yield _correction(one.reading, evidence.stored, one.deviations_beyond(stored))


def _correlations(evidence: Evidence, orders: Iterable[Axes | None]) -> Iterator[Correlation]:
    """Yield the correlations of all flips for each order of axes; None is the stored one."""
    count = len(evidence.sample)
    some = np.linspace(0, count - 1, min(SCREENED, count)).astype(np.intp)
    predicted = evidence.predicted[some]
    reference = np.fft.fft2(predicted).conj()
    for axes in orders:
        if axes is None or axes is EXCHANGED:
            stack = evidence.measured[some]
            stack = stack if axes is None else axes.undo(stack)
        else:
            stack = axes.undo(evidence.stored.diffraction)[evidence.index[evidence.sample[some]]]
        energy = float(np.vdot(predicted, predicted)) * float(np.sum(np.square(stack, dtype=np.float64)))
        spectrum = np.fft.fft2(stack)
        for flips in FLIPS:
            product = np.einsum("nij,nij->ij", reference, _mirrored(spectrum, flips))
            yield _correlation(
                Reading(axes, flips), product * _centring(flips, product.shape), energy, stack.size
            )


def _correlation(reading: Reading, spectrum: np.ndarray, energy: float, size: int) -> Correlation:
    values = np.maximum(np.fft.ifft2(spectrum).real, 0) ** 2 / max(energy, np.finfo(float).tiny)
    best = np.unravel_index(int(values.argmax()), values.shape)
    # Patterns lie `best` pixels further on than predicted; an argument above the middle is a roll back.
    rows, columns = (-_signed(int(b), n) for b, n in zip(best, values.shape, strict=True))
    found = replace(reading, rows=rows, columns=columns)
    return Correlation(found, spectrum, float(values[best]), float(values[0, 0]), size)


def _mirrored(spectrum: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return the Fourier transform, (n, H, W), of patterns flipped about pixel 0: frequency k becomes -k."""
    return np.roll(np.flip(spectrum, axes), [1] * len(axes), axes) if axes else spectrum


def _centring(axes: tuple[int, ...], shape: tuple[int, int]) -> np.ndarray:
    """Return the factor, (H, W), that makes a flip about pixel 0 one about the centre, n // 2."""
    factor = np.ones(shape, dtype=np.complex128)
    for axis in axes:
        n = shape[axis - 1]
        phase = np.exp(-2j * np.pi * np.arange(n) * (2 * (n // 2) % n) / n)
        factor *= phase[:, None] if axis == 1 else phase
    return factor


def _signed(index: int, size: int) -> int:
    """Return a shift of *index* of *size* pixels as the number between -size / 2 and size / 2."""
    return index - size if index > size // 2 else index


def _shifted(stored: Correlation, evidence: Evidence) -> Iterator[Correction]:
    """Yield the shift of the zero frequency, a part of a pixel included, that a ramp of the probe undoes."""
    first = (-stored.reading.rows, -stored.reading.columns)
    shift = _peak(stored.spectrum, first)
    if np.hypot(*shift) < LEAST_SHIFT or np.abs(shift - np.rint(shift)).max() < WHOLE:
        return
    for _ in range(MOST_STEPS):
        some = replace(evidence.few, probe=ramped(evidence.few.probe, shift))
        step = _peak(_spectrum(predict(some), evidence.measured), (0, 0))
        shift = shift + step
        if np.hypot(*step) < LAST_STEP:
            break
    if np.hypot(*shift) >= LEAST_SHIFT:
        yield _ramp(shift, _uncertainty(evidence))


def _spectrum(predicted: np.ndarray, measured: np.ndarray) -> np.ndarray:
    return np.asarray(np.sum(np.fft.fft2(predicted).conj() * np.fft.fft2(measured), axis=0))


def _peak(spectrum: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """Return where the correlation is highest near *start*, (rows, columns), from its Fourier series."""
    frequencies = [2 * np.pi * np.fft.fftfreq(n) for n in spectrum.shape]
    place = np.array(start, dtype=np.float64)
    for _ in range(3):
        waves = [np.exp(1j * f * p) for f, p in zip(frequencies, place, strict=True)]
        terms = (spectrum * waves[0][:, None] * waves[1]).real
        slopes = (spectrum * waves[0][:, None] * waves[1]).imag
        row, column = frequencies[0][:, None], frequencies[1][None, :]
        gradient = -np.array([np.sum(row * slopes), np.sum(column * slopes)])
        cross = -np.sum(row * column * terms)
        curvature = np.array([[-np.sum(row**2 * terms), cross], [cross, -np.sum(column**2 * terms)]])
        if np.linalg.det(curvature) <= 0:
            return place
        place -= np.clip(np.linalg.solve(curvature, gradient), -0.5, 0.5)
    return place


def ramped(probe: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return *probe* with the phase ramp that moves its far field by *shift* (rows, columns), in pixels.

    probe : (H, W) complex. The far field of the result is that of *probe*, *shift* pixels further on; what
    leaves the detector comes in at the other side.
    """
    waves = [
        np.exp(2j * np.pi * s * (np.arange(n) - n // 2) / n) for s, n in zip(shift, probe.shape, strict=True)
    ]
    return np.asarray(probe * waves[0][:, None] * waves[1], dtype=np.result_type(probe, np.complex64))


def _uncertainty(evidence: Evidence) -> np.ndarray:
    """Return the standard errors of the shift, (rows, columns), in pixels, from what is unexplained."""
    scale = fitted_scale(evidence.predicted, evidence.measured)
    variance = float(np.mean((scale * evidence.predicted - evidence.measured) ** 2))
    if evidence.one_photon is not None:
        variance = min(variance, evidence.one_photon**2 / 4)
    slopes = (np.gradient(scale * evidence.predicted, axis=axis) for axis in (1, 2))
    return np.array([np.sqrt(variance / max(float(np.vdot(g, g)), np.finfo(float).tiny)) for g in slopes])


def _ramp(shift: np.ndarray, error: np.ndarray) -> Correction:
    rows, columns = (float(round(s, 4)) for s in shift)
    sizes = (Size("rows", rows, float(error[0]), "px"), Size("columns", columns, float(error[1]), "px"))
    return Correction(
        PART,
        f"the zero frequency off the centre by ({rows:+.2f}, {columns:+.2f}) px in (rows, columns)",
        "Centre the patterns where they are measured, or give the probe the same shift: with r and c the row "
        f"and column less H // 2 and W // 2, multiply probeGuess by "
        f"np.exp(2j * np.pi * ({rows:+.4f} * r / H {columns:+.4f} * c / W)).",
        lambda data: replace(data, probe=ramped(data.probe, np.array([rows, columns]))),
        parameters=2,
        sizes=sizes,
        is_material=True,
    )


def _shape_after(axes: Axes, shape: tuple[int, ...]) -> tuple[int, ...]:
    return axes.undo(np.broadcast_to(np.int8(0), shape)).shape


def _keeps_shape(axes: Axes, stored: Dataset) -> bool:
    return _shape_after(axes, stored.diffraction.shape) == stored.diffraction.shape


def _correction(reading: Reading, stored: Dataset, significance: float | None = None) -> Correction:
    name, remedy = described(reading, stored.probe.shape)
    return Correction(PART, name, remedy, lambda data: _undone(reading, data), significance=significance)


def _undone(reading: Reading, data: Dataset) -> Dataset:
    mask = None if data.mask is None else reading.undo_mask(data.mask)
    return replace(data, diffraction=np.ascontiguousarray(reading.undo(data.diffraction)), mask=mask)


TURNED = {
    (False, (1,)): "detector rows flipped",
    (False, (2,)): "detector columns flipped",
    (False, (1, 2)): "the detector rotated by 180 degrees",
    (True, (2,)): "the detector rotated by 90 degrees",
    (True, (1,)): "the detector rotated by -90 degrees",
    (True, (1, 2)): "the detector mirrored at its other diagonal",
}
"""What a reading that exchanges rows and columns (or not) and then flips these axes undoes."""


def described(reading: Reading, shape: tuple[int, int]) -> tuple[str, str]:
    """Return what the stored stack is when *reading* is right, and how to store it.

    Parameters
    ----------
    reading : Reading
    shape : (int, int)
        Rows and columns of the detector, H and W.

    Examples
    --------
    >>> described(Reading(flipped=(1,)), (8, 8))[1]
    'Store np.roll(np.flip(diffraction, 1), 1, axis=1).'
    >>> described(Reading(flipped=(1,), rows=-1), (8, 8))
    ('detector rows flipped as arrays', 'Store np.flip(diffraction, 1).')
    """
    axes, flips = reading.axes, reading.flipped
    if axes is not None and reading == Reading(axes):
        return axes.name, axes.remedy
    array = (
        "diffraction" if axes is None else axes.remedy.removeprefix("Store ").split(", or ")[0].rstrip(".")
    )
    names = [axes.name] if axes is not None and not (axes is EXCHANGED and flips) else []
    # As arrays, a flip of an even number of pixels moves the zero frequency; about zero, it does not.
    plain = [int(axis in flips) * ((n + 1) % 2) for axis, n in zip((1, 2), shape, strict=True)]
    rest = [r + p for r, p in zip((reading.rows, reading.columns), plain, strict=True)]
    if flips:
        names.append(TURNED[axes is EXCHANGED, flips] + _about(reading, rest))
        array = f"np.flip({array}, {flips[0] if len(flips) == 1 else flips})"
    if (reading.rows, reading.columns) != (0, 0) and (any(rest) or not flips):
        names.append(_moved(reading.rows, reading.columns, shape))
    return " and ".join(names), f"Store {_rolled(array, rest)}."


def _about(reading: Reading, rest: list[int]) -> str:
    """Return how the detector was flipped: as an array, or about the zero frequency."""
    if not any(rest):
        return " as arrays"
    if (reading.rows, reading.columns) == (0, 0):
        both = " (or probe and object both conjugated)" if reading.flipped == (1, 2) else ""
        return f" about the zero frequency{both}" if reading.axes is None else " about the zero frequency"
    return ""


def _rolled(array: str, by: list[int]) -> str:
    if not any(by):
        return array
    if by[1] == 0:
        return f"np.roll({array}, {by[0]}, axis=1)"
    if by[0] == 0:
        return f"np.roll({array}, {by[1]}, axis=2)"
    return f"np.roll({array}, ({by[0]}, {by[1]}), axis=(1, 2))"


def _moved(rows: int, columns: int, shape: tuple[int, int]) -> str:
    """Return where the zero frequency is, if patterns must be rolled by these pixels to bring it back."""
    far = [abs(r) in {n // 2, n - n // 2} for r, n in zip((rows, columns), shape, strict=True)]
    if all(far):
        return "the zero frequency at the corner"
    if far[0] and columns == 0:
        return "the zero frequency at the edge of the rows (one axis not shifted)"
    if far[1] and rows == 0:
        return "the zero frequency at the edge of the columns (one axis not shifted)"
    odd = [abs(r) == n % 2 for r, n in zip((rows, columns), shape, strict=True)]
    twice = ", as fftshift leaves it where ifftshift is meant" if all(odd) and (rows or columns) else ""
    return f"the zero frequency off the centre by ({-rows:+d}, {-columns:+d}) px in (rows, columns){twice}"
