"""A dataset of any format as the verbs read it: by the domain whose format it is, or else as an archive."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from harness.core.data_files import DataFile
from harness.core.errors import UsageError
from harness.core.storage.npz import Arrays, read_archive, write_archive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np

    from harness.core.data_files import DataFiles
    from harness.core.domain.catalogue import Catalogue

ARCHIVE = "an .npz archive"


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
