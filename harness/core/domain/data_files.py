"""Files of a field's own formats, read as the arrays that its checks and pipelines take.

The core reads .npz archives. A domain that reads more declares an object of :class:`DataFiles`; which file is
whose is decided by the file's content, not by its name.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from harness.core.errors import UsageError
from harness.core.storage.npz import Arrays, read_archive, write_archive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np

    from harness.core.domain.catalogue import Catalogue

ARCHIVE = "an .npz archive"


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


@contextmanager
def as_archive(path: Path, catalogue: Catalogue, **options: Any) -> Iterator[Path]:
    """Give the block an .npz archive with what :func:`read_data` reads: the file itself if it is one.

    Any other is written into a temporary directory, which is gone when the block ends.
    """
    with ExitStack() as stack:
        if _files_for(path, catalogue) is not None or _given(options):
            data = read_data(path, catalogue, **options)
            folder = Path(stack.enter_context(TemporaryDirectory()))
            path = folder / f"{path.stem}.npz"
            write_archive(path, data.arrays)
        yield path


def read_data(path: Path, catalogue: Catalogue, **options: Any) -> DataFile:
    """Read the file at *path* as the domain whose format it is, or else as an .npz archive.

    Parameters
    ----------
    path : Path
    catalogue : Catalogue
    **options
        What the caller adds to what the file says, for the domain's reader; None values are ignored.

    Raises
    ------
    HarnessError
        As the domain's reader, or as :func:`~harness.core.storage.npz.read_archive`.
    UsageError
        If options are given for an archive, which needs none.
    """
    files = _files_for(path, catalogue)
    if files is not None:
        return files.read(path, **_given(options))
    arrays = read_archive(path)
    require_reader((path,), catalogue, options)
    return DataFile(ARCHIVE, arrays)


def require_reader(paths: Sequence[Path], catalogue: Catalogue, options: Mapping[str, Any]) -> None:
    """Refuse options if each of the files is an archive, for which they mean nothing.

    Raises
    ------
    UsageError
        The message names the first option.
    """
    if any(_files_for(path, catalogue) is not None for path in paths):
        return
    for name in _given(options):
        shown = f"--{name.replace('_', '-')}"
        raise UsageError(
            shown,
            expected="a file of a format that it is for",
            found=ARCHIVE,
            message=f"{shown} has no meaning for {paths[0].name}, {ARCHIVE}",
            remedy="Leave it out.",
        )


def open_data(path: Path, catalogue: Catalogue, **options: Any) -> Mapping[str, np.ndarray]:
    """Return what :func:`read_data` reads; of an .npz archive, each array is read when it is asked for.

    Options are for files of a domain's formats: an archive beside such a file needs none.
    """
    files = _files_for(path, catalogue)
    return Arrays(path) if files is None else files.read(path, **_given(options)).arrays


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value not in (None, ())}


def _files_for(path: Path, catalogue: Catalogue) -> DataFiles | None:
    return next((files for files in catalogue.load_files() if files.format_of(path) is not None), None)
