"""An array of any field, its obtained counterpart and what they differ in, as figures and tables."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from harness.core.domain.panels import Table
from harness.core.errors import printable
from harness.core.fixtures.blocks import blocks
from harness.core.fixtures.compare import compare_arrays
from harness.core.fixtures.elementwise import bits_differ, plain_value
from harness.report.array_figures.array_curves import curve_of, difference_curve, overlay
from harness.report.array_figures.array_pictures import difference_of, picture_of
from harness.report.array_figures.distributions import histograms, where
from harness.report.array_figures.layout import SLICES, chosen_slices, form_of, layout_of, slices_note
from harness.report.array_figures.spread import Spread, measure
from harness.report.drawing.colours import number
from harness.report.drawing.extent import extent_of, shared_limits, shared_scale
from harness.report.drawing.reduction import MOST_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.fixtures.tolerance import AnyTolerance
    from harness.report.drawing.colours import Scale
    from harness.report.drawing.figure import Figure

_ROWS = 20
"""Elements of an array that is shown as a table."""

_LONGEST = 200
"""Characters of an element in a table."""

_SLICE_PIXELS = 96
"""Rows and columns of each of many slices."""

_NUMBERS = "biufc"


@dataclass(frozen=True, slots=True)
class Slice:
    """One position of the slider; an array of one or two dimensions has one.

    Attributes
    ----------
    label : str
        Index of the slice: ``[12, :, :]``.
    golden : Figure or None
    obtained : Figure or None
        Same size and colours as ``golden``, so that they can be swiped and blinked.
    difference : Figure or None
        Obtained minus golden; None if shapes differ. In a slice that is the same, ``obtained`` is None
        too, and the label says so.
    overlay : Figure or None
        Lines only: golden over obtained, with the difference below.
    """

    label: str
    golden: Figure | None
    obtained: Figure | None = None
    difference: Figure | None = None
    overlay: Figure | None = None


@dataclass(frozen=True, slots=True)
class ArrayView:
    """What a page shows of one array.

    Attributes
    ----------
    name : str
    summary : str
        ``float32 (64, 64, 64), 0 to 2.96``.
    slices : tuple of Slice
        Empty for what is shown as a table.
    histograms : tuple of Figure
        Differences in ULP and in tolerances; empty if nothing differs or they cannot be compared.
    where : tuple of Figure
        Where in the array the differences are: over rows and columns, and over the other axes.
    table : Table or None
        Numbers, text, dates and other values that are not drawn.
    notes : tuple of str
        What was left out, averaged or masked.
    """

    name: str
    summary: str
    slices: tuple[Slice, ...] = ()
    histograms: tuple[Figure, ...] = ()
    where: tuple[Figure, ...] = ()
    table: Table | None = None
    notes: tuple[str, ...] = ()

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure, in the order in which a page shows them."""
        drawn = [(one.golden, one.obtained, one.difference, one.overlay) for one in self.slices]
        return (*(figure for of in drawn for figure in of if figure), *self.histograms, *self.where)


@np.errstate(all="ignore")  # the tests of a session may raise on underflow
def views(
    golden: np.ndarray | None,
    obtained: np.ndarray | None,
    name: str,
    tolerance: AnyTolerance | None = None,
    *,
    most_slices: int = SLICES,
) -> ArrayView:
    """Show a golden array, what was obtained in its place, and what they differ in.

    Parameters
    ----------
    golden, obtained : ndarray or None
        Any shape and dtype; None if there is no such array. They may be mapped.
    name : str
    tolerance : Tolerance, DefaultTolerance or None
        As for :func:`~harness.core.fixtures.compare.compare_arrays`; None for the default.
    most_slices : int
        Slices that are shown of an array with more than two axes.

    Raises
    ------
    DependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> view = views(np.array(3.0), np.array(3.5), "energy")
    >>> view.table.rows[0][:3]
    ('3.0', '3.5', '0.5')
    """
    pair = _Pair(golden, obtained, name, tolerance)
    if golden is None or obtained is None or golden.shape != obtained.shape:
        return _apart(pair, most_slices)
    form = form_of(golden)
    if form == "table" or form_of(obtained) == "table":
        return ArrayView(name, pair.summary, table=_elements(pair), notes=pair.notes)
    if form == "number":
        return ArrayView(name, pair.summary, table=_number(pair), notes=pair.notes)
    if form == "empty" or pair.is_same:
        return _apart(_Pair(golden, None, name, tolerance), most_slices, (*pair.notes, pair.same_note))
    return _compared(pair, most_slices)


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """A golden array and what was obtained in its place."""

    golden: np.ndarray | None
    obtained: np.ndarray | None
    name: str
    tolerance: AnyTolerance | None

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that there are, as ``golden`` and ``obtained``."""
        both = {"golden": self.golden, "obtained": self.obtained}
        return {side: array for side, array in both.items() if array is not None}

    @property
    def summary(self) -> str:
        """Dtype, shape and range; of both sides if they differ in them."""
        texts = {side: _described(array) for side, array in self.arrays.items()}
        if len(set(texts.values())) == 1:
            return next(iter(texts.values()))
        return "; ".join(f"{side} {text}" for side, text in texts.items())

    @property
    def is_same(self) -> bool:
        """Whether both sides are numbers of one dtype, with the same bits."""
        one, other = self.golden, self.obtained
        if one is None or other is None or one.dtype != other.dtype:
            return False
        return not any(bits_differ(block, its).any() for _, block, its in blocks(one, other))

    @property
    def same_note(self) -> str:
        """What is said in place of a second figure."""
        return "What was obtained is the same bit by bit." if self.is_same else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What keeps the sides from being compared element by element."""
        one, other = self.golden, self.obtained
        if one is None or other is None:
            return ()
        if one.shape != other.shape:
            return (f"Shapes differ, {one.shape} and {other.shape}: there is no difference to show.",)
        if one.dtype.newbyteorder("=") != other.dtype.newbyteorder("="):
            common = f": shown as {np.result_type(one, other)}" if _are_numbers(one, other) else ""
            return (f"Dtypes differ, {one.dtype} and {other.dtype}{common}.",)
        return ()

    def converted(self) -> tuple[np.ndarray, np.ndarray]:
        """Return both sides, which are numbers of one shape, in one dtype that holds the values of both."""
        one, other = self.arrays.values()
        common = np.result_type(one, other).newbyteorder("=")
        return one.astype(common, copy=False), other.astype(common, copy=False)


def _compared(pair: _Pair, most_slices: int) -> ArrayView:
    """Show two arrays of numbers of one shape that are not the same."""
    golden, obtained = pair.converted()
    layout = layout_of(golden.shape)
    spread = measure(pair.name, golden, obtained, pair.tolerance, layout)
    if layout.rows is None:
        one, other = golden.reshape(-1), obtained.reshape(-1)
        slices = [_curves(one, other)]
        notes: tuple[str, ...] = ()
    else:
        slices, notes = _pictures(golden, obtained, spread, most_slices)
    return ArrayView(
        pair.name,
        pair.summary,
        slices=tuple(slices),
        histograms=histograms(spread, has_ulp=golden.dtype.kind in "fc"),
        where=where(spread, golden.shape, layout),
        notes=tuple(filter(None, (*pair.notes, *notes))),
    )


def _curves(golden: np.ndarray, obtained: np.ndarray) -> Slice:
    return Slice(
        "[:]",
        curve_of("golden", golden, [obtained]),
        curve_of("obtained", obtained, [golden], obtained=True),
        difference_curve("difference", golden, obtained),
        overlay("golden over obtained", golden, obtained),
    )


def _pictures(
    golden: np.ndarray, obtained: np.ndarray, spread: Spread, most_slices: int
) -> tuple[list[Slice], tuple[str, ...]]:
    layout = layout_of(golden.shape)
    scale = shared_scale((golden, obtained), shared_limits((extent_of(golden), extent_of(obtained))))
    chosen = chosen_slices(golden.shape, layout, spread.worst, most_slices)
    most = MOST_PIXELS if len(chosen) == 1 else _SLICE_PIXELS
    slices = [
        _picture_slice(one.label, golden[one.index], obtained[one.index], scale, spread.largest, most)
        for one in chosen
    ]
    return slices, (slices_note(golden.shape, layout, len(chosen)), _scale_note(scale.kind))


def _picture_slice(  # noqa: PLR0913, PLR0917 - what all slices share, and what each has
    label: str, golden: np.ndarray, obtained: np.ndarray, scale: Scale, largest: float, most: int
) -> Slice:
    shown = picture_of(f"golden {label}", golden, scale, most)
    if not bits_differ(golden, obtained).any():
        return Slice(f"{label}, the same", shown)
    return Slice(
        label,
        shown,
        picture_of(f"obtained {label}", obtained, scale, most),
        difference_of(f"difference {label}", golden, obtained, largest, most),
    )


def _apart(pair: _Pair, most_slices: int, notes: tuple[str, ...] = ()) -> ArrayView:
    """Show arrays that are not compared: one alone, or two of different shapes."""
    arrays = pair.arrays
    forms = {side: form_of(array) for side, array in arrays.items()}
    if {"table", "number"} & set(forms.values()):
        return ArrayView(pair.name, pair.summary, table=_elements(pair), notes=(*pair.notes, *notes))
    drawn = {side: array for side, array in arrays.items() if forms[side] != "empty"}
    limits = shared_limits(extent_of(array) for array in drawn.values())
    shown, said = {}, []
    for side, array in drawn.items():
        shown[side], note = _alone(side, array, list(drawn.values()), limits, most_slices)
        said.append(note)
    pairs = zip_longest(shown.get("golden", ()), shown.get("obtained", ()))
    slices = tuple(Slice(_labels(one, other), one and one[1], other and other[1]) for one, other in pairs)
    empty = [f"The {side} array is empty." for side, form in forms.items() if form == "empty"]
    notes = tuple(filter(None, (*pair.notes, *notes, *empty, *dict.fromkeys(said))))
    return ArrayView(pair.name, pair.summary, slices=slices, notes=notes)


def _alone(
    side: str,
    array: np.ndarray,
    drawn: list[np.ndarray],
    limits: tuple[float, float],
    most_slices: int,
) -> tuple[list[tuple[str, Figure]], str]:
    """Return the figures of one array, by their labels, and what they leave out."""
    layout = layout_of(array.shape)
    if layout.rows is None:
        return [("[:]", curve_of(side, array.reshape(-1), obtained=side == "obtained"))], ""
    scale = shared_scale(drawn, limits)
    chosen = chosen_slices(array.shape, layout, None, most_slices)
    most = MOST_PIXELS if len(chosen) == 1 else _SLICE_PIXELS
    figures = [
        (one.label, picture_of(f"{side} {one.label}", array[one.index], scale, most)) for one in chosen
    ]
    notes = (slices_note(array.shape, layout, len(chosen)), _scale_note(scale.kind))
    return figures, " ".join(filter(None, notes))


def _labels(one: tuple[str, Figure] | None, other: tuple[str, Figure] | None) -> str:
    labels = dict.fromkeys(label for label, _ in filter(None, (one, other)))
    return " and ".join(labels)


def _scale_note(kind: str) -> str:
    return "Colours are on a logarithmic scale." if kind == "log" else ""


def _described(array: np.ndarray) -> str:
    shape = "scalar" if array.shape == () else str(array.shape)
    text = f"{array.dtype} {shape}"
    if not array.size or form_of(array) == "table":
        return printable(text)
    found = extent_of(array)
    what = "amplitude " if array.dtype.kind == "c" else ""
    beside = f", {found.not_finite}" if found.not_finite else ""
    return f"{text}, {what}{found.text}{beside}"


def _are_numbers(*arrays: np.ndarray) -> bool:
    return all(array.dtype.kind in _NUMBERS for array in arrays)


def _number(pair: _Pair) -> Table:
    """Return a table of one golden number, the obtained one, and how far they are apart."""
    golden, obtained = pair.converted()
    drift = compare_arrays(pair.name, golden, obtained, pair.tolerance)
    values = (_text(array.reshape(-1)[0]) for array in pair.arrays.values())
    apart = ("none", "0") if pair.is_same else (number(drift.max_absolute), number(drift.in_tolerances))
    if drift.incomparable:
        apart = ("one side is not finite", "")
    return Table("value", ("golden", "obtained", "difference", "in tolerances"), ((*values, *apart),))


def _elements(pair: _Pair) -> Table:
    """Return a table of elements: those that differ first, in order."""
    arrays = pair.arrays
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) > 1:
        rows = tuple((side, *row) for side, array in arrays.items() for row in _rows({side: array}, ()))
        return Table("elements", ("array", "index", "value"), rows, _left_out(arrays))
    one, *others = arrays.values()
    first = _differing(one, others[0]) if others else ()
    return Table("elements", ("index", *arrays), tuple(_rows(arrays, first)), _left_out(arrays, len(first)))


def _rows(arrays: dict[str, np.ndarray], first: tuple[int, ...]) -> Iterator[tuple[str, ...]]:
    """Yield index and values of the elements *first*, then of others, up to a limit."""
    some = next(iter(arrays.values()))
    order = dict.fromkeys([*first[:_ROWS], *range(min(some.size, _ROWS))])
    for flat in sorted(list(order)[:_ROWS]):
        index = tuple(int(i) for i in np.unravel_index(flat, some.shape)) if some.ndim else ()
        yield str(list(index)), *(_text(array[index]) for array in arrays.values())


def _differing(one: np.ndarray, other: np.ndarray) -> tuple[int, ...]:
    """Return the elements of text, dates or other values that are not the same, in C order."""
    if one.dtype.kind in "mM" and one.dtype == other.dtype:
        unequal = bits_differ(one, other)
    else:
        unequal = np.asarray([_text(a) != _text(b) for a, b in zip(one.flat, other.flat, strict=True)])
    return tuple(int(flat) for flat in np.flatnonzero(unequal))


def _left_out(arrays: dict[str, np.ndarray], differing: int = 0) -> str:
    size = max(array.size for array in arrays.values())
    parts = []
    if differing:
        parts.append(f"{differing} of {size} elements differ.")
    if size > _ROWS:
        parts.append(f"{_ROWS} of {size} elements are shown, those that differ before others.")
    return " ".join(parts)


def _text(element: object) -> str:
    """Return an element as text that can be shown: control characters escaped, long text shortened."""
    value = plain_value(element) if isinstance(element, np.generic) else element
    shown = printable(str(value))
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} ..."
