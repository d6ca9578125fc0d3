"""A two-dimensional slice of an array, and of what was obtained in its place, as figures."""

from __future__ import annotations

import math

import numpy as np

from harness.core.fixtures.elementwise import absolute_difference, nonfinite_differs
from harness.report.drawing.colours import Scale, number
from harness.report.drawing.extent import extent_of, sizes_of
from harness.report.drawing.figure import Figure
from harness.report.drawing.pictures import Picture, draw_pictures
from harness.report.drawing.reduction import (
    MOST_PIXELS,
    block_any,
    block_extremes,
    block_means,
    block_phases,
    reduction_note,
)

PHASE = Scale("cyclic", -math.pi, math.pi)
_DARK = 0.01
"""Share of the largest amplitude below which a difference of phases means nothing."""


def picture_of(title: str, values: np.ndarray, scale: Scale, most: int = MOST_PIXELS) -> Figure:
    """Return values on a scale that pictures share; complex ones as amplitude, and phase below it.

    values : (rows, columns); most : pixels of each side.
    """
    shape = (values.shape[0], values.shape[1])
    sizes = block_means(sizes_of(values), most)
    pictures = [Picture(_size_caption(values), sizes, shape, scale)]
    if values.dtype.kind == "c":
        pictures.append(Picture("phase", block_phases(values, most), shape, PHASE, unit="rad"))
    found = extent_of(values)
    what = "amplitudes" if values.dtype.kind == "c" else "values"
    at = f", the largest at {list(found.at)}" if found.low != found.high else ""
    notes = [
        reduction_note(sizes.step, shape, "mean"),
        f"Grey: {found.not_finite}." if found.not_finite else "",
    ]
    note = " ".join(filter(None, notes))
    data, width, height = draw_pictures(pictures)
    alt = f"{title}: picture of {shape[0]} x {shape[1]} {what}: {found.text}{at}."
    return Figure(title, data, ".png", f"{alt} {note}".strip(), width, height, note)


def difference_of(
    title: str,
    golden: np.ndarray,
    obtained: np.ndarray,
    largest: float | None = None,
    most: int = MOST_PIXELS,
) -> Figure:
    """Return obtained minus golden; of complex values the modulus of that, and the difference of phases.

    Every block shows its largest difference, so that a single element is seen. A ring is around the largest.

    Parameters
    ----------
    title : str
    golden, obtained : ndarray, (rows, columns)
        Of one dtype.
    largest : float, optional
        End of the scale, which slices share; the default is the largest difference here.
    most : int
        Pixels of each side.
    """
    shape = (golden.shape[0], golden.shape[1])
    one_sided = nonfinite_differs(golden, obtained)
    signed = signed_difference(golden, obtained)
    sizes = np.abs(signed)
    sizes[~np.isfinite(sizes)] = 0
    top = float(sizes.max(initial=0)) if largest is None else largest
    ring = _farthest(sizes, one_sided)
    reduced = block_extremes(signed, most)
    black = block_any(one_sided, most)
    is_complex = golden.dtype.kind == "c"
    scale = Scale("sequential", 0.0, top) if is_complex else Scale("symmetric", -top, top)
    caption = "modulus of the difference" if is_complex else "obtained - golden"
    pictures = [Picture(caption, reduced, shape, scale, one_sided=black, ring=ring)]
    if is_complex:
        pictures.append(_phase_difference(golden, obtained, most))
    notes = [reduction_note(reduced.step, shape, "largest difference"), *_marks(one_sided)]
    if is_complex:
        notes.append(f"Phases are compared where both amplitudes are above {_DARK:.0%} of the largest.")
    note = " ".join(filter(None, notes))
    data, width, height = draw_pictures(pictures)
    alt = f"{title}: {_difference_text(signed, one_sided, ring)} {note}".strip()
    return Figure(title, data, ".png", alt, width, height, note)


def signed_difference(golden: np.ndarray, obtained: np.ndarray) -> np.ndarray:
    """Return obtained minus golden as float64; the modulus of complex differences; NaN where both are NaN.

    >>> signed_difference(np.array([4], "uint8"), np.array([5], "uint8"))
    array([1.])
    >>> signed_difference(np.array([np.nan, 1.0]), np.array([np.nan, 0.5]))
    array([ nan, -0.5])
    """
    away = absolute_difference(golden, obtained)
    beyond = np.isinf(away) & ~nonfinite_differs(golden, obtained)  # the largest float stands for these
    away = np.where(beyond, np.finfo(np.float64).max, away)
    if golden.dtype.kind == "c":
        return np.where(np.isfinite(golden) | (away > 0), away, np.nan)
    signed = np.where(obtained >= golden, away, -away)
    return np.where(np.isfinite(golden) | (away > 0), signed, np.nan)


def _phase_difference(golden: np.ndarray, obtained: np.ndarray, most: int) -> Picture:
    sizes = np.minimum(sizes_of(golden), sizes_of(obtained))
    bright = sizes > _DARK * float(sizes.max(initial=0, where=np.isfinite(sizes)))
    with np.errstate(all="ignore"):
        away = np.angle(obtained.astype(np.complex128)) - np.angle(golden.astype(np.complex128))
        turned = np.where(bright, np.angle(np.exp(1j * away)), 0.0)
    reduced = block_extremes(turned, most)
    top = float(np.abs(reduced.values).max(initial=0))
    shape = (golden.shape[0], golden.shape[1])
    return Picture("difference of phases", reduced, shape, Scale("symmetric", -top, top), unit="rad")


def _farthest(sizes: np.ndarray, one_sided: np.ndarray) -> tuple[int, int] | None:
    """Index of the element that differs most; None if none does."""
    ranked = np.where(one_sided, np.inf, sizes)
    if not ranked.size or not ranked.max() > 0:
        return None
    row, column = np.unravel_index(int(ranked.argmax()), ranked.shape)
    return int(row), int(column)


def _difference_text(signed: np.ndarray, one_sided: np.ndarray, ring: tuple[int, int] | None) -> str:
    if ring is None:
        return "no difference in this picture."
    finite = signed[np.isfinite(signed)]
    count = int((finite != 0).sum()) + int(one_sided.sum())
    low, high = (float(end) for end in (finite.min(initial=0), finite.max(initial=0)))
    by = f", by {number(low)} to {number(high)}" if low or high else ""
    elements = f"{count} of {signed.size} elements differ{by}"
    return f"{elements}; the largest difference, at {list(ring)}, has a ring."


def _marks(one_sided: np.ndarray) -> list[str]:
    count = int(one_sided.sum())
    return [f"Black: a finite value on one side only ({count})."] if count else []


def _size_caption(values: np.ndarray) -> str:
    return "amplitude" if values.dtype.kind == "c" else ""
