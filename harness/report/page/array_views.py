"""An array of any field, its obtained counterpart and what they differ in, as figures and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from harness.core.domain.panels import Table
    from harness.core.fixtures.tolerance import AnyTolerance
    from harness.report.page.figures import Figure


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
        Obtained minus golden; None if they are the same, or shapes differ.
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


def views(
    golden: np.ndarray | None,
    obtained: np.ndarray | None,
    name: str,
    tolerance: AnyTolerance | None = None,
) -> ArrayView:
    """Show a golden array, what was obtained in its place, and what they differ in.

    Parameters
    ----------
    golden, obtained : ndarray or None
        Any shape and dtype; None if there is no such array. They may be mapped.
    name : str
    tolerance : Tolerance, DefaultTolerance or None
        As for :func:`~harness.core.fixtures.compare.compare_arrays`; None for the default.

    Raises
    ------
    DependencyError
        If matplotlib is not installed.
    """
    raise NotImplementedError(name, golden, obtained, tolerance)
