"""A new file of any format: written beside its name, read back, and only then given it."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import UsageError
from harness.core.storage.atomic import require_new, unwritable_on_error
from harness.ptycho.files.format import Format, Reading, Written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.ptycho.files.content import Content

_PLACES = ("x", "y")
COORDINATES = ("x", "y", "x_start", "y_start")
"""Parts whose differences are given in pixels; those of all others are relative."""


def write_new(path: Path, form: Format, content: Content) -> tuple[Written, dict[str, float]]:
    """Write *content* as a new file, and return what its writer says and how the file differs when read back.

    Parameters
    ----------
    path : Path
        A file that does not exist, in a directory that does.
    form : Format
        One that can be written.
    content : Content

    Returns
    -------
    Written
    dict of str to float
        By part of the content: the largest difference after reading back, see :func:`changes`.

    Raises
    ------
    UsageError
        There is a file of this name, or no such directory.
    UnwritableError
        The disk is full or write-protected.
    RefusedError
        The content lacks what the format cannot be without. Nothing is left behind.
    """
    require_new(path)
    if form.write is None:
        raise UsageError(
            form.name,
            expected="a format that is written",
            found="one that is only read",
            remedy="Name another.",
        )
    with _draft(path) as draft:
        written = form.write(draft, content)
        back = form.read(draft, Reading())
        return written, changes(content, back, form)


def changes(before: Content, after: Content, form: Format) -> dict[str, float]:
    """Return how far each array that *form* holds differs after it was written and read.

    Returns
    -------
    dict of str to float
        The largest absolute difference, in pixels for coordinates and as a share of the largest magnitude for
        all other arrays; infinite if the shape differs or nothing came back. Equal arrays are left out.
    """
    found = {}
    for part in sorted(before.parts() & form.holds):
        if isinstance(one := getattr(before, part, None), np.ndarray):
            other = getattr(after, part)
            if part in _PLACES and before.object is not None and "object" not in form.holds:
                one, other = _from_first(one), _from_first(other)  # the canvas, and their origin, are lost
            difference = _difference(one, other, relative=part not in COORDINATES)
            if difference > 0:
                found[part] = difference
    return found


def _from_first(values: np.ndarray | None) -> Any:
    return None if values is None else values - values.min()


def _difference(before: np.ndarray, after: np.ndarray | None, *, relative: bool) -> float:
    if after is None or before.shape != after.shape:
        return np.inf
    largest = most = 0.0
    for one, other in zip(before, after, strict=True):  # a stack pattern by pattern: no copy of the whole
        wide = np.result_type(one, other, np.float64)
        largest = max(largest, float(np.max(np.abs(one.astype(wide) - other.astype(wide)), initial=0)))
        most = max(most, float(np.max(np.abs(one), initial=0)))
    return largest / most if relative and most > 0 else largest


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Give the block a hidden name beside *path*, with its suffix; rename it if the block ends well."""
    draft = path.with_name(f".{os.getpid()}.draft.{path.name}")
    try:
        with unwritable_on_error(path):
            yield draft
            os.rename(draft, path)  # noqa: PTH104 - a folder, too
    finally:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)
