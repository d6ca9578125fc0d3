"""Canonical data as .npz: what :mod:`harness.ptycho.files.npz` reads, raw scans, and several modes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.core.storage.npz import write_archive
from harness.core.storage.npz_members import checked_members, open_archive
from harness.ptycho.files.canonical.arrays import ARRAYS, arrays_of, content_of, is_canonical
from harness.ptycho.files.format import Format, Reading, Written
from harness.ptycho.files.npz import read_arrays

if TYPE_CHECKING:
    from pathlib import Path

    from harness.ptycho.files.content import Content


def names_of(path: Path) -> frozenset[str]:
    """Return the names of the arrays in an .npz; none if it is not one that can be read.

    >>> from pathlib import Path
    >>> names_of(Path(__file__))
    frozenset()
    """
    try:
        with open_archive(path) as archive:
            return frozenset(checked_members(path, archive))
    except HarnessError:
        return frozenset()


def _recognise(path: Path) -> bool:
    return is_canonical(names_of(path))


def _read(path: Path, reading: Reading) -> Content:
    return content_of(path.name, read_arrays(path), reading)


def _write(path: Path, content: Content) -> Written:
    write_archive(path, arrays_of(content))
    return Written()


FORMAT = Format(
    name="npz",
    title="canonical data (.npz)",
    suffixes=(".npz",),
    holds=ARRAYS,
    canonical=True,
    uses=frozenset({"axes"}),
    recognise=_recognise,
    read=_read,
    write=_write,
)
FORMATS = (FORMAT,)
