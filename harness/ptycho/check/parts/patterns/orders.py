"""Orders that patterns are stored in by mistake, and how to restore the order of the positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INTERLEAVED = 3
"""Up to this many readouts may take turns; more than as many columns are a raster's."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order; the remedy is an expression of numpy.

    Attributes
    ----------
    name, remedy : str
    places : callable
        Indices of patterns, (n,) int, to those of the positions they belong to.
    """

    name: str
    remedy: str
    places: Callable[[np.ndarray], np.ndarray]


def named_orders(count: int) -> Iterator[Order]:
    """Yield the known orders of *count* patterns, the most frequent ones first.

    >>> first, second, *_ = named_orders(4)
    >>> first.name, second.remedy
    ('patterns in reversed scan order', 'Store np.roll(diffraction, -1, axis=0).')
    """
    yield Order("patterns in reversed scan order", "Store diffraction[::-1].", lambda j: count - 1 - j)
    for step in range(1, count):
        yield rolled(step if step <= count // 2 else step - count, count)
    yield _every_two(count)
    for columns in range(2, count // 2 + 1):
        yield _column_major(columns, count)
        yield _row_major(columns, count)
        yield _snake(columns, count)
    yield from _as_text(count)


def rolled(late: int, count: int) -> Order:
    """Return the order of patterns that are *late* by so many places; negative if they are early."""
    noun = "position" if abs(late) == 1 else "positions"
    half = "the two halves of the scan exchanged: " if 2 * late == count else ""
    return Order(
        f"{half}patterns shifted by {late} {noun} in scan order (pattern j belongs to position j{-late:+d})",
        f"Store np.roll(diffraction, {-late}, axis=0).",
        lambda j: (j - late) % count,
    )


def _every_two(count: int) -> Order:
    return Order(
        "every two neighbouring patterns exchanged (1, 0, 3, 2, ...)",
        "Store diffraction[np.minimum(np.arange(N) ^ 1, N - 1)].",
        lambda j: np.minimum(j ^ 1, count - 1),
    )


def _column_major(columns: int, count: int) -> Order:
    if columns <= INTERLEAVED or count // columns < INTERLEAVED:
        kinds = "even patterns stored before odd ones" if columns == 2 else f"every {columns}. pattern stored"  # noqa: PLR2004
        name = f"patterns of {columns} interleaved readouts stored one readout after the other ({kinds})"
    else:
        name = f"patterns in column-major order, positions in lines of {columns} (row-major)"
    return Order(
        name,
        f"Store diffraction[np.argsort(np.lexsort((i // {columns}, i % {columns})))], with i = np.arange(N).",
        lambda j: _of_column_rank(j, columns, count),
    )


def _row_major(columns: int, count: int) -> Order:
    return Order(
        f"patterns in row-major order, positions in column-major order of lines of {columns}",
        f"Store diffraction[np.lexsort((i // {columns}, i % {columns}))], with i = np.arange(N).",
        lambda j: _column_rank(j, columns, count),
    )


def _snake(columns: int, count: int) -> Order:
    return Order(
        f"a snake read as a raster, or a raster as a snake: every second line of {columns} patterns reversed",
        f"Reverse the patterns of every second line: with i = np.arange(N), store "
        f"diffraction[np.where(i // {columns} % 2, np.minimum((i // {columns} + 1) * {columns}, N) - 1 "
        f"- i % {columns}, i)].",
        lambda j: _turned(j, columns, count),
    )


def _as_text(count: int) -> Iterator[Order]:
    for first in (0, 1):
        order = np.array(sorted(range(first, count + first), key=str)) - first
        listed = f"sorted(range({first}, N + {first}), key=str)"
        numbers = "1, 10, 11, ..., 2" if first else "0, 1, 10, 11, ..., 2"
        less = f" - {first}" if first else ""
        yield Order(
            f"patterns read in the order of their file names sorted as text ({numbers}, ...)",
            f"Sort the files by number: store diffraction[np.argsort(np.array({listed}){less})].",
            order.__getitem__,
        )
        yield Order(
            f"positions in the order of file names sorted as text ({numbers}, ...), patterns by number",
            f"Store diffraction[np.array({listed}){less}].",
            np.argsort(order).__getitem__,
        )


def _of_column_rank(rank: np.ndarray, columns: int, count: int) -> np.ndarray:
    """Return which of *count* numbers, read line by line, comes at *rank* if they are read by columns."""
    full, more = divmod(count, columns)  # the first columns have one number more, if lines do not fill up
    long = more * (full + 1)
    column, row = np.divmod(rank, full + 1)
    later, place = np.divmod(rank - long, max(full, 1))
    return np.where(rank < long, row * columns + column, place * columns + more + later)


def _column_rank(index: np.ndarray, columns: int, count: int) -> np.ndarray:
    """Return the inverse of :func:`_of_column_rank`."""
    full, more = divmod(count, columns)
    row, column = np.divmod(index, columns)
    return np.asarray(column * full + np.minimum(column, more) + row)


def _turned(index: np.ndarray, columns: int, count: int) -> np.ndarray:
    """Return *index* with every second line of *columns* reversed; the last line may be shorter."""
    line, place = np.divmod(index, columns)
    return np.where(line % 2, np.minimum((line + 1) * columns, count) - 1 - place, index)
