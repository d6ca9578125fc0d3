"""Whether an archive with other bytes than recorded still has the recorded arrays, for every reader.

Content is compared by SHA-256. Archives that can show different members to different readers are refused when
they are read (:mod:`harness.core.storage.npz_members`); here numpy itself must find the same arrays, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import UnreadableError
from harness.core.fixtures.manifest import describe_arrays, unlike_arrays
from harness.core.storage.npz import Arrays

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.core.fixtures.manifest import ArraySpec, Manifest


def is_repacked(path: Path, manifest: Manifest) -> bool:
    """Whether the archive at *path* has exactly the arrays that *manifest* describes.

    Raises
    ------
    UnreadableError
        If it is not an archive of plain arrays, or one in which other readers may find something else.
    """
    arrays = describe_arrays(Arrays(path))
    if found := _numpy_difference(path, arrays):
        raise UnreadableError(
            str(path),
            expected="an archive in which every reader finds the same arrays",
            found=found,
            remedy="Restore the file, or write it again with numpy.savez.",
        )
    return not unlike_arrays(arrays, manifest.arrays)


def _numpy_difference(path: Path, arrays: Mapping[str, ArraySpec]) -> str:
    """How the arrays that numpy loads differ from *arrays*; empty if they do not. It loads one at a time."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            same = set(archive.files) == set(arrays) and all(
                describe_arrays({name: archive[name]}) == {name: spec} for name, spec in arrays.items()
            )
    except Exception as error:  # noqa: BLE001 - numpy does not document what it raises
        return f"a file that numpy does not load ({error})"
    return "" if same else "other arrays when numpy loads it"
