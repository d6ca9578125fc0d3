"""Files of a field's own formats, read as the arrays that its checks and pipelines take.

The core reads .npz archives. A domain that reads more declares an object of :class:`DataFiles`; which file is
whose is decided by the file's content, not by its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class DataFile:
    """What was read from one file.

    Attributes
    ----------
    format : str
        With its article, such as ``a CXI file``.
    arrays : mapping of str to ndarray
        Under the names that the domain's checks and pipelines know.
    notes : tuple of str
        What was done to the file's arrays, and what was left out.
    """

    format: str
    arrays: Mapping[str, np.ndarray]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileFormat:
    """One line of the table of formats: its name on the command line, and what it is."""

    name: str
    title: str
    suffixes: tuple[str, ...]
    is_written: bool


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a file's content on the way to another format.

    Attributes
    ----------
    source, target : str
        The two formats, with their articles.
    transformations : tuple of str
        What was done to arrays, in order.
    assumed : tuple of str
        Values that the new file needs and the old one does not have.
    lost : tuple of str
        What the old file has and the new one has not, each with the reason.
    changed : mapping of str to float
        By array: the largest difference between what was to be written and what is read back; in pixels for
        coordinates, relative to the largest absolute value for all else. Arrays that come back bit for bit
        are left out.
    """

    source: str
    target: str
    transformations: tuple[str, ...]
    assumed: tuple[str, ...]
    lost: tuple[str, ...]
    changed: Mapping[str, float]


class DataFiles(Protocol):
    """What reads and writes the files of one domain."""

    def formats(self) -> tuple[FileFormat, ...]:
        """Return all formats, in the order of the documentation."""
        ...

    def format_of(self, path: Path) -> str | None:
        """Return the title of a file's format, by its content; None if it is of no known one.

        An .npz archive with the names that the domain's checks know is none of these: it is read as it is.

        Raises
        ------
        DependencyError
            If a package is needed to look into it.
        """
        ...

    def read(self, path: Path, **options: Any) -> DataFile:
        """Read a file that :meth:`format_of` recognises; *options* add to what it says."""
        ...

    def convert(self, source: Path, target: Path, *, to: str | None, **options: Any) -> Conversion:
        """Write the content of *source* as a new file *target* of the format *to*, or the suffix's."""
        ...
