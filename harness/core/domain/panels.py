"""Figures that a domain asks for, as plain values: what to show, never how it is drawn.

A domain lists functions in :attr:`~harness.core.domain.interface.Domain.panels`. Each takes a golden file's
arrays, its manifest or baseline, and the arrays of golden files beside it, and returns panels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A two-dimensional array, shown as a picture.

    Attributes
    ----------
    title : str
    values : ndarray, (rows, columns)
        Real, or complex: then amplitude and phase are shown beside each other.
    unit : str
        Of the values, or of the amplitude.
    scale : {"linear", "log"}
        Of the colours. With ``log``, values that are not positive are left blank.
    cyclic : bool
        Whether the values are angles in radians, so that -pi and pi have one colour.
    symmetric : bool
        Whether the values are differences: the colours have their middle at 0.
    limits : (float, float) or None
        What the ends of the colour scale mean, for pictures that are compared. None: least and largest value.
    mask : ndarray of bool, (rows, columns), or None
        Where the values count; the rest is dimmed.
    note : str
        What a reader should know.

    Examples
    --------
    >>> import numpy as np
    >>> Image("probe", np.ones((2, 3))).values.shape
    (2, 3)
    """

    title: str
    values: np.ndarray
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"
    cyclic: bool = False
    symmetric: bool = False
    limits: tuple[float, float] | None = None
    mask: np.ndarray | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Curves over a common axis.

    Attributes
    ----------
    title : str
    series : mapping of str to (ndarray, ndarray)
        By name in the legend: x and y of each curve, both one-dimensional.
    x_label, y_label : str
    threshold : float or None
        A level drawn as a dashed line.
    log_y : bool
        Whether the y axis is logarithmic; values that are not positive are left out.
    note : str
        What a reader should know.

    Examples
    --------
    >>> import numpy as np
    >>> list(Lines("loss", {"training": (np.arange(2), np.array([1.0, 0.5]))}).series)
    ['training']
    """

    title: str
    series: Mapping[str, tuple[np.ndarray, np.ndarray]]
    x_label: str = ""
    y_label: str = ""
    threshold: float | None = None
    log_y: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points in a plane, over a picture if there is one.

    Attributes
    ----------
    title : str
    x, y : ndarray, (N,)
        With a picture, its columns and rows.
    x_label, y_label : str
    values : ndarray, (N,), or None
        Shown as the points' colours.
    unit : str
        Of the values.
    over : Image or None
        The picture below the points; a complex one is shown by its amplitude.
    note : str
        What a reader should know.

    Examples
    --------
    >>> import numpy as np
    >>> Points("scan", x=np.array([1.0, 2.0]), y=np.array([1.0, 1.0])).over is None
    True
    """

    title: str
    x: np.ndarray
    y: np.ndarray
    x_label: str = ""
    y_label: str = ""
    values: np.ndarray | None = None
    unit: str = ""
    over: Image | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a head.

    Attributes
    ----------
    title : str
    head : tuple of str
    rows : tuple of tuple of str
        Each as long as the head.
    note : str
        What a reader should know.

    Examples
    --------
    >>> Table("sizes", ("array", "elements"), (("probe", "4096"),)).rows[0]
    ('probe', '4096')
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(default=())
    note: str = ""


Panel = Image | Lines | Points | Table
Arrays = Mapping[str, "np.ndarray"]
PanelFunction = Callable[[Arrays, Mapping[str, Any], Mapping[str, Arrays]], Sequence[Panel]]
"""Arrays of a golden file, its manifest or baseline, arrays of files beside it by name -> panels."""
