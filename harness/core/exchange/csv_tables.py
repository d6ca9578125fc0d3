"""A table of num_regression or dataframe_regression in CSV -> columns, typed as their text says."""

from __future__ import annotations

import contextlib
import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.exchange.foreign_files import Read, read_utf8, readable
from harness.core.system.packages import require_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_MISSING = frozenset({"", "nan", "NaN"})
_TRUTH = {"True": True, "False": False}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of text by name, with the column in front, which is the index of a DataFrame.

    ``index_name`` is empty where the index has none, as that of num_regression.
    """

    index_name: str
    index: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]

    @property
    def is_counted(self) -> bool:
        """Whether the index only counts the rows from zero."""
        return list(self.index) == [str(number) for number in range(len(self.index))]


def read_table(path: Path) -> Table:
    """Return the text of a table.

    Raises
    ------
    UnreadableError
        If it is not UTF-8, a row has more or fewer cells than the header, or two columns have one name.
    """
    text = read_utf8(path)
    with readable(path, "a table of pandas.DataFrame.to_csv"):
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        if not rows or not rows[0][1:]:
            raise ValueError("a header without columns" if rows else "an empty file")
        header, *body = rows
        if len(set(header[1:])) < len(header) - 1:
            twice = next(name for name in header[1:] if header[1:].count(name) > 1)
            raise ValueError(f"two columns named {twice!r}")
        for number, row in enumerate(body, 2):
            if len(row) != len(header):
                raise ValueError(f"{len(row)} cells in row {number}, not {len(header)}")
        turned = [tuple(column) for column in zip(*body, strict=True)] or [()] * len(header)
        return Table(header[0], turned[0], dict(zip(header[1:], turned[1:], strict=True)))


def as_columns(table: Table) -> Read:
    """Return what num_regression was given: arrays by name, and ``index`` if it does more than count.

    Empty cells at the end of a shorter column are left out: num_regression fills columns to one length. A
    column of one value is a plain number, which is what tests mostly hand over.
    """
    notes: list[str] = []
    data: dict[str, Any] = {}
    filled = {name: _filled(cells) for name, cells in table.columns.items()}
    rows = max(filled.values(), default=0)
    for name, cells in table.columns.items():
        count = filled[name] if rows == len(table.index) else len(cells)
        if count < len(cells):
            notes.append(f"{name}: {count} values; the empty cells after them are taken for filling")
        data[name] = typed(cells[:count])
    notes += _whole(data)
    single = [name for name, values in data.items() if values.size == 1]
    if single:
        notes.append(
            f"{', '.join(single)}: one value, taken for a plain number; a test may have an array of one"
        )
    data |= {name: data[name].reshape(()) for name in single}
    if not table.is_counted:
        data["index"] = typed(table.index)
    return Read(data, dict.fromkeys(data, "text"), tuple(notes))


def as_frame(table: Table) -> Read:
    """Return what dataframe_regression was given.

    Raises
    ------
    DependencyError
        If pandas is not installed.
    """
    pandas = require_module("pandas", "to take over tables of dataframe_regression", "pandas")
    columns = {name: typed(cells) for name, cells in table.columns.items()}
    index = None if table.is_counted else typed(table.index)
    if table.index_name:
        index = pandas.Index(typed(table.index), name=table.index_name)
    frame = pandas.DataFrame(columns, index=index)
    note = "a table with the dtypes of its text; a test may have categories, dates or smaller numbers"
    return Read(frame, dict.fromkeys(columns, "text"), (*_whole(columns), note))


def _whole(columns: Mapping[str, np.ndarray]) -> list[str]:
    """What to say about columns of whole numbers, which are written like integers if they are floats."""
    names = [name for name, values in columns.items() if values.dtype.kind in "iu"]
    return [f"{', '.join(names)}: whole numbers, taken for integers; a test may have floats"] if names else []


def typed(cells: Sequence[str]) -> np.ndarray:
    """Return cells as an array of the first dtype that holds all of them.

    >>> typed(["1", "2"]).dtype.name, typed(["1", ""]).dtype.name, typed(["True", "False"]).dtype.name
    ('int64', 'float64', 'bool')
    """
    if cells and all(cell in _TRUTH for cell in cells):
        return np.array([_TRUTH[cell] for cell in cells])
    for convert, dtypes in _NUMBERS if not any("_" in cell for cell in cells) else ():  # as Python's literals
        try:
            values = [convert(cell) for cell in cells]
        except ValueError:
            continue
        for dtype in dtypes:
            with contextlib.suppress(OverflowError):
                return np.array(values, dtype=dtype)
    return np.array(cells, dtype=np.str_)


def _integer(cell: str) -> int:
    if not cell.lstrip("-").isdecimal():  # int() takes spaces and underscores too
        raise ValueError(cell)
    return int(cell)


def _real(cell: str) -> float:
    return float("nan") if cell in _MISSING else float(cell)


def _complex(cell: str) -> complex:
    return complex("nan") if cell in _MISSING else complex(cell)


_NUMBERS: tuple[tuple[Callable[[str], Any], tuple[str, ...]], ...] = (
    (_integer, ("int64", "uint64")),
    (_real, ("float64",)),
    (_complex, ("complex128",)),
)


def _filled(cells: Sequence[str]) -> int:
    """Number of cells up to the last one that is not empty."""
    return next((number for number in range(len(cells), 0, -1) if cells[number - 1]), 0)
