"""A one-dimensional array, and what was obtained in its place, as figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.core.fixtures.elementwise import nonfinite_differs
from harness.report.array_figures.array_pictures import signed_difference
from harness.report.drawing.colours import number
from harness.report.drawing.curves import DIFFERENCE, GOLDEN, OBTAINED, Line, Plot, draw_plots, span
from harness.report.drawing.extent import extent_of, sizes_of
from harness.report.drawing.figure import Figure
from harness.report.drawing.reduction import curve_note, envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

_THICK, _THIN = 4.0, 1.3


class _Quantity(NamedTuple):
    """What is drawn of each element: its value, or its amplitude, or its phase."""

    label: str
    of: np.ndarray
    limits: tuple[float, float] | None


def curve_of(
    title: str, values: np.ndarray, others: Sequence[np.ndarray] = (), *, obtained: bool = False
) -> Figure:
    """Return a one-dimensional array as a curve; complex ones by amplitude, and phase below it.

    Parameters
    ----------
    title : str
    values : ndarray, (N,)
    others : sequence of ndarray
        What it is compared with, so that both figures have the same axes.
    obtained : bool
        Whether it has the colour of what was obtained.
    """
    colour = OBTAINED if obtained else GOLDEN
    plots = []
    for number_of, quantity in enumerate(_quantities(values)):
        curve = envelope(quantity.of)
        shared = [quantity.of, *(_quantities(other)[number_of].of for other in others)]
        limits = quantity.limits or span(*(array.astype(np.float64) for array in shared))
        lines = (Line(curve.x, curve.y, colour=colour),)
        plots.append(Plot(lines, x_label="index", y_label=quantity.label, limits=limits))
    found = extent_of(values)
    note = _notes(envelope(sizes_of(values)).step, len(values), found.not_finite)
    at = f", the largest at {list(found.at)}" if found.low != found.high else ""
    data, width, height = draw_plots(plots)
    alt = f"{title}: curve of {len(values)} values: {found.text}{at}. {note}".strip()
    return Figure(title, data, ".svg", alt, width, height, note)


def difference_curve(title: str, golden: np.ndarray, obtained: np.ndarray) -> Figure:
    """Return obtained minus golden as a curve; of complex values, the modulus of that."""
    plot, text, note = _difference(golden, obtained)
    data, width, height = draw_plots([plot])
    return Figure(title, data, ".svg", f"{title}: {text} {note}".strip(), width, height, note)


def overlay(title: str, golden: np.ndarray, obtained: np.ndarray) -> Figure:
    """Return golden drawn over obtained, and the difference below."""
    plots = []
    for one, other in zip(_quantities(golden), _quantities(obtained), strict=True):
        first, second = envelope(one.of), envelope(other.of)
        lines = (
            Line(second.x, second.y, "obtained", OBTAINED, _THICK),
            Line(first.x, first.y, "golden", GOLDEN, _THIN),
        )
        plots.append(Plot(lines, y_label=one.label, limits=one.limits))
    plot, text, note = _difference(golden, obtained)
    data, width, height = draw_plots([*plots, plot])
    alt = f"{title}: golden and obtained as curves, their difference below. {text} {note}".strip()
    return Figure(title, data, ".svg", alt, width, height, note)


def _difference(golden: np.ndarray, obtained: np.ndarray) -> tuple[Plot, str, str]:
    """Return the curve of the differences, what it shows in words, and what was left out."""
    signed = signed_difference(golden, obtained)
    curve = envelope(signed)
    is_complex = golden.dtype.kind == "c"
    label = "|obtained - golden|" if is_complex else "obtained - golden"
    plot = Plot((Line(curve.x, curve.y, colour=DIFFERENCE),), x_label="index", y_label=label)
    one_sided = nonfinite_differs(golden, obtained)
    count = int((np.isfinite(signed) & (signed != 0)).sum()) + int(one_sided.sum())
    if not count:
        return plot, "No difference.", curve_note(curve.step, len(signed))
    sizes = np.where(one_sided, np.inf, np.nan_to_num(np.abs(signed), nan=0.0))
    low, high = span(signed) or (0.0, 0.0)
    by = f", by {number(min(low, 0.0))} to {number(max(high, 0.0))}" if low or high else ""
    elements = f"{count} of {len(signed)} elements differ{by}"
    text = f"{elements}; the largest difference is at [{int(sizes.argmax())}]."
    sided = f"{int(one_sided.sum())} with a finite value on one side only" if one_sided.any() else ""
    return plot, text, _notes(curve.step, len(signed), sided)


def _quantities(values: np.ndarray) -> tuple[_Quantity, ...]:
    if values.dtype.kind != "c":
        return (_Quantity("value", sizes_of(values), None),)
    with np.errstate(all="ignore"):
        phases = np.angle(values.astype(np.complex128))
    return (
        _Quantity("amplitude", sizes_of(values), None),
        _Quantity("phase in rad", phases, (-math.pi, math.pi)),
    )


def _notes(step: int, size: int, left_out: str) -> str:
    gaps = f"{left_out}: not drawn." if left_out else ""
    return " ".join(filter(None, [curve_note(step, size), gaps]))
