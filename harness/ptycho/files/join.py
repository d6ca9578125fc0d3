"""Patterns and positions that are in two files, joined by the index that each of both has."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import RefusedError
from harness.ptycho.files.content import NOT_ARRAYS, Content
from harness.ptycho.files.geometry import Geometry
from harness.ptycho.scan.contract import counted
from harness.ptycho.scan.mask import of_positions

if TYPE_CHECKING:
    from harness.core.errors import HarnessError

POSITIONS = ("x", "y", "x_start", "y_start")
_SHOWN = 5
"""How many indices a note lists."""

_SAME = 1e-6
"""Relative difference of lengths that are the same: some writers round to single precision."""


def join(one: Content, other: Content) -> Content:
    """Return one content of patterns and positions that belong together.

    One of the two has patterns, the other positions, which replace those of the patterns' file. Which belong
    together is said by ``scan_index``; without one, rows are counted from 0. The result is in the order of
    the patterns. Whatever else one of them has is kept, and a length that both have must be the same.

    Parameters
    ----------
    one, other : Content
        In either order.

    Raises
    ------
    RefusedError
        Not exactly one has patterns, or positions; an index is there twice; no index is in both; both have
        an object or probe; the lengths differ.

    Examples
    --------
    >>> patterns = Content(diffraction=np.ones((3, 4, 4)), scan_index=np.array([7, 5, 6]))
    >>> positions = Content(x=np.array([50.0, 70.0]), y=np.zeros(2), scan_index=np.array([5, 7]))
    >>> both = join(positions, patterns)
    >>> both.scan_index, both.x
    (array([7, 5]), array([70., 50.]))
    >>> both.transformations[-1]
    '1 pattern left out, which has no position: index 6'
    """
    patterns, positions = _in_order(one, other)
    of_pattern = _index(patterns, "patterns", len(np.asarray(patterns.diffraction)))
    of_position = _index(positions, "positions", len(np.asarray(positions.x)))
    common, at_pattern, at_position = np.intersect1d(of_pattern, of_position, return_indices=True)
    if not common.size:
        raise _refused(
            "scan_index",
            "some indices in both files",
            f"{_span(of_pattern)} of patterns and {_span(of_position)} of positions",
            "Name the file that belongs to this one.",
        )
    order = np.argsort(at_pattern)
    joined = _merged(_taken(patterns, at_pattern[order]), _taken(positions, at_position[order]))
    notes = (
        f"{counted(len(common), 'pattern')} joined with positions by scan_index",
        *(("x, y: those of the other file left out",) if patterns.x is not None else ()),
        *_left("position", "pattern", np.setdiff1d(of_position, common)),
        *_left("pattern", "position", np.setdiff1d(of_pattern, common)),
    )
    return replace(joined, scan_index=common[order]).noted(*notes)


def _in_order(one: Content, other: Content) -> tuple[Content, Content]:
    """Return the content with patterns, then the one with positions."""
    for patterns, positions in ((one, other), (other, one)):
        if patterns.diffraction is not None and positions.diffraction is None and positions.x is not None:
            return patterns, positions
    found = " and ".join(_summary(content) for content in (one, other))
    remedy = "Join patterns, such as diffraction data of ptychodus, with positions, such as its product."
    raise _refused("two files to join", "patterns in one of them and positions in the other", found, remedy)


def _summary(content: Content) -> str:
    has = [
        word
        for word, array in (("patterns", content.diffraction), ("positions", content.x))
        if array is not None
    ]
    return " with ".join(has) or "neither"


def _index(content: Content, what: str, count: int) -> np.ndarray:
    """Return the index of each row; refused if one is there twice."""
    if content.scan_index is None:
        return np.arange(count)
    values, counts = np.unique(content.scan_index, return_counts=True)
    if (counts > 1).any():
        twice = values[counts > 1]
        raise _refused(
            "scan_index",
            f"one index for each of the {what}",
            f"index {twice[0]} {counts[counts > 1][0]} times",
            "Correct the index: it is unclear what belongs together.",
        )
    return content.scan_index


def _taken(content: Content, rows: np.ndarray) -> Content:
    """Return the rows of every array that has one for each position."""
    names = ("diffraction", *POSITIONS, "truth")
    taken: dict[str, Any] = {
        name: array[rows] for name in names if (array := getattr(content, name)) is not None
    }
    return replace(content, mask=of_positions(content.mask, rows), **taken)


def _merged(patterns: Content, positions: Content) -> Content:
    """Return what either has; of arrays that both have, positions are taken from theirs, others refused."""
    arrays: dict[str, Any] = {}
    for name in (one.name for one in fields(Content) if one.name not in (*NOT_ARRAYS, "scan_index")):
        first, second = getattr(patterns, name), getattr(positions, name)
        if first is not None and second is not None and name not in POSITIONS:
            raise _refused(
                name, "it in one of the two files", "it in both", "Remove it from the one that is not meant."
            )
        arrays[name] = first if second is None and (name not in POSITIONS) else second
    return Content(
        **arrays,
        geometry=_geometry(patterns.geometry, positions.geometry),
        transformations=(*patterns.transformations, *positions.transformations),
        left_out=(*patterns.left_out, *positions.left_out),
    )


def _geometry(one: Geometry, other: Geometry) -> Geometry:
    """Return the lengths that either has; refused if both have one and it differs."""
    lengths: dict[str, Any] = {}
    for name in (length.name for length in fields(Geometry)):
        first, second = getattr(one, name), getattr(other, name)
        if first is not None and second is not None and not np.allclose(first, second, rtol=_SAME, atol=0):
            remedy = "Correct the length in one of the files."
            raise _refused(f"geometry.{name}", "the same in both files", f"{first} and {second}", remedy)
        lengths[name] = first if second is None else second
    return Geometry(**lengths)


def _left(what: str, other: str, indices: np.ndarray) -> tuple[str, ...]:
    """Return the note on rows of one file that have no row in the other."""
    if not indices.size:
        return ()
    shown = ", ".join(map(str, indices[:_SHOWN])) + (", ..." if len(indices) > _SHOWN else "")
    verb, word = ("has", "index") if len(indices) == 1 else ("have", "indices")
    return (f"{counted(len(indices), what)} left out, which {verb} no {other}: {word} {shown}",)


def _span(index: np.ndarray) -> str:
    return f"{index.min()} to {index.max()}"


def _refused(thing: str, expected: str, found: str, remedy: str) -> HarnessError:
    return RefusedError(thing, expected=expected, found=found, remedy=remedy)
