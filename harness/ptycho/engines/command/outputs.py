"""What a program left: arrays at the places that its table declares, read as carefully as any file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from harness.core.errors import RefusedError
from harness.core.storage.npz import Arrays
from harness.ptycho.files.kind import kind_of_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.ptycho.scan.residual import Dataset

    Part = Literal["object", "probe", "diffraction", "amplitude", "phase"]

FLAT = 0.01
"""Contrast, as a share of the stored object's, below which an object is flat."""

KINDS = {
    "object": ("c", "complex values"),
    "probe": ("c", "complex values"),
    "diffraction": ("fc", "floating-point values"),
    "amplitude": ("f", "floating-point values"),
    "phase": ("f", "floating-point values"),
}
"""Which values each part has: numpy's kinds, and their name in messages."""

LEADING = 2
"""Axes of length 1 that may stand in front of an object or a probe: layers, modes and the like."""


class Place(NamedTuple):
    """Where an output is: a file, and the name of the array in it; empty if the file's format says which."""

    path: Path
    name: str


def place_of(text: str) -> Place:
    """Return the place that *text*, ``PATH:NAME`` or ``PATH``, means.

    >>> place_of("/out/result.h5:group/object").name
    'group/object'
    >>> place_of("/out/result.cxi").name
    ''
    """
    from pathlib import Path

    file, colon, name = text.rpartition(":")
    return Place(Path(file), name) if colon else Place(Path(text), "")


def read_output(part: Part, place: Place, folder: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Return one array that a program left in *folder*.

    Parameters
    ----------
    part : {"object", "probe", "diffraction", "amplitude", "phase"}
    place : Place
    folder : Path
        The program's own folder.
    shape : tuple of int
        The shape that the array must have, but for leading axes of length 1.

    Raises
    ------
    RefusedError
        The file is missing, outside of the folder or not a file; the array is missing, of another shape or
        of another kind; or it holds NaN or infinite values.
    UnreadableError
        The file is damaged, or of no known format.
    DependencyError
        A package is needed to read it.
    """
    require_inside(place.path, folder)
    array = _named(place) if place.name else _unnamed(part, place.path)
    thing = f"{part} in {place.path.name}"
    array = _without_leading_axes(array, len(shape))
    if array.shape != shape:
        raise _refused(thing, f"an array of shape {shape}", f"shape {array.shape}")
    kinds, expected = KINDS[part]
    if array.dtype.kind not in kinds:
        raise _refused(thing, expected, f"{array.dtype} values")
    array = np.abs(array) if part == "diffraction" else np.asarray(array)
    wrong = np.count_nonzero(~np.isfinite(array))
    if wrong:
        raise _refused(thing, "finite values", f"{wrong} of {array.size} that are NaN or infinite")
    return array


def require_not_flat(obj: np.ndarray, data: Dataset) -> None:
    """Refuse an object, (M, M') complex, without structure where the scan of *data* is.

    Raises
    ------
    RefusedError
        Its contrast is less than 1 % of the stored object's.
    """
    # Imported here because scipy and scikit-image are slow to import.
    from harness.ptycho.quality.metrics import illuminated

    mask = illuminated(data.probe, data.x, data.y, data.object.shape)
    found, least = contrast(obj[mask]), FLAT * contrast(data.object[mask])
    if not found > least:  # also refuses NaN
        expected = f"a contrast of more than {least:.2g}, {FLAT * 100:g} % of the stored object's"
        raise _refused("object", expected, f"a flat one, with a contrast of {found:.2g}")


def contrast(values: np.ndarray) -> float:
    """Return the standard deviation of complex values, as a share of their root mean square.

    >>> contrast(np.array([1.0, -1.0])), contrast(np.array([2.0, 2.0]))
    (1.0, 0.0)
    """
    values = values.astype(np.complex128)
    light = np.sqrt(np.mean(np.abs(values) ** 2))
    return float(np.std(values) / light) if light > 0 else 0.0


def require_inside(path: Path, folder: Path) -> None:
    """Require a file with content in *folder*, or a folder of a format, also after links are resolved.

    Raises
    ------
    RefusedError
        It is missing, empty, elsewhere, or not a file.
    """
    if not path.exists():
        found = "none"
    elif not path.resolve().is_relative_to(folder.resolve()):
        found = "a link to a place outside of the program's folder"
    elif not (path.is_file() or path.is_dir()):
        found = "something that is not a file"
    elif path.is_file() and not path.stat().st_size:
        found = "an empty one"
    else:
        return
    raise _refused(str(path), "a file", found)


def _named(place: Place) -> np.ndarray:
    """Return the array of this name from a file that has names."""
    kind = kind_of_file(place.path)
    if kind not in READERS:
        expected = "an .npz or HDF5 file, which has names"
        raise _refused(str(place.path), expected, "a file of another kind" if kind is None else kind)
    return READERS[kind](place)


def _from_archive(place: Place) -> np.ndarray:
    arrays = Arrays(place.path)
    if place.name not in arrays:
        raise _no_such_array(place, arrays)
    return arrays[place.name]


def _from_hdf5(place: Place) -> np.ndarray:
    from harness.ptycho.files.hdf5.reader import open_hdf5

    with open_hdf5(place.path) as file:
        if not (file.has(place.name) and file.is_dataset(place.name)):
            raise _no_such_array(place, file.names())
        return file.array(place.name)


READERS: dict[str, Callable[[Place], np.ndarray]] = {"zip": _from_archive, "hdf5": _from_hdf5}
"""How the array of a name is read, by the kind of the file."""


def _unnamed(part: Part, path: Path) -> np.ndarray:
    """Return the only array of a .npy file, or what a file of one of the field's formats has for *part*."""
    if kind_of_file(path) == "npy":
        return _from_npy(path)
    from harness.ptycho.files.library import Options, read_content

    form, content = read_content(path, Options())
    array: np.ndarray | None = getattr(content, part, None)
    if array is None:
        raise _refused(str(path), f"{form.title} with {part}", "none")
    return array


def _from_npy(path: Path) -> np.ndarray:
    try:  # mapped: a header that claims too much is an error, and costs no memory
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise _refused(str(path), "a .npy file of plain numbers", str(error)) from None
    return array


def _no_such_array(place: Place, names: object) -> RefusedError:
    listed = ", ".join(sorted(map(str, names)))  # type: ignore[call-overload]
    return _refused(str(place.path), f"an array {place.name!r}", listed or "no arrays")


def _without_leading_axes(array: np.ndarray, axes: int) -> np.ndarray:
    while array.ndim > axes and array.shape[0] == 1 and array.ndim <= axes + LEADING:
        array = array[0]
    return array


def _refused(thing: str, expected: str, found: str) -> RefusedError:
    return RefusedError(thing, expected=expected, found=found, remedy="")
