"""PtychoPINN's .npz archives, with patterns called ``diff3d``: its own, and those that ptychodus exports.

Both have the same keys. Its own hold amplitudes, as (H, W, N) in the older sets, and positions as harness has
them. Those of ptychodus (verified with version 1.7.0) hold intensities, and positions that begin at 0 in the
middle of the first pixel, half a pixel less. Only they have ``bad_pixels``, which tells the two apart.

Whether values are intensities or amplitudes is then decided by the forward model, if it explains one of them.
Otherwise they are what the form of the archive says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import HarnessError, RefusedError, UnreadableError
from harness.core.storage.npz import write_archive
from harness.ptycho.files.arrays.intensity import intensity_of
from harness.ptycho.files.arrays.needed import require_parts
from harness.ptycho.files.canonical.arrays import content_of
from harness.ptycho.files.canonical.npz import names_of
from harness.ptycho.files.canonical.prediction import predicted_amplitude
from harness.ptycho.files.content import MODES, Content
from harness.ptycho.files.format import Format, Reading, Written
from harness.ptycho.files.npz import DECISIVE, read_arrays
from harness.ptycho.scan.residual import Residuals, residuals

if TYPE_CHECKING:
    from pathlib import Path

HALF = 0.5
"""From the index of a pixel to the coordinate of its centre."""

NEEDS = ("diffraction", "object", "probe", "x", "y")
_EXPORTED = frozenset({"diff3d", "bad_pixels", "scan_index", "xcoords"})
_STARTS = ("xcoords_start", "ycoords_start")
_PLACES = ("xcoords", "ycoords", *_STARTS)
_AS_EXPORTED = "x, y: half a pixel added, as ptychodus exports them"


def _is_exported(path: Path) -> bool:
    names = names_of(path)
    return names >= _EXPORTED and "diffraction" not in names


def _is_own(path: Path) -> bool:
    names = names_of(path)
    return "diff3d" in names and "diffraction" not in names and not names >= _EXPORTED


def _read_exported(path: Path, reading: Reading) -> Content:
    return _settled(path, reading, shift=HALF, is_intensity=True)


def _read_own(path: Path, reading: Reading) -> Content:
    return _settled(path, reading, shift=0.0, is_intensity=False)


def _settled(path: Path, reading: Reading, *, shift: float, is_intensity: bool) -> Content:
    """Return the content with amplitudes: as the forward model decides, or else as the archive's form says.

    An axis order may be explained for one kind of value alone, so both are tried.
    """
    arrays, notes = _arrays(path, shift)
    stack = arrays["diff3d"]
    is_intensity = is_intensity or stack.dtype.kind in "iu"
    tried = {
        squared: _attempt(path.name, arrays | {"diff3d": _root(stack, squared)}, reading)
        for squared in (is_intensity, not is_intensity)
        if not squared or _may_be_intensity(stack, is_intensity)
    }
    found = {
        squared: content.noted(*notes) for squared, content in tried.items() if isinstance(content, Content)
    }
    if not found:
        raise next(error for error in tried.values() if isinstance(error, HarnessError))
    squared, how = _by_forward_model(found) or (next(iter(found)), "")
    root = f"diffraction: {stack.dtype} intensity -> float64 amplitude (square root){how}"
    if not squared and not is_intensity:
        return found[squared]  # nothing was changed
    return found[squared].noted(root if squared else f"diffraction: amplitude{how}")


def _attempt(name: str, arrays: dict[str, np.ndarray], reading: Reading) -> Content | HarnessError:
    """Return the content, or why the arrays hold none."""
    try:
        return content_of(name, arrays, reading)
    except RefusedError as error:
        return error


def _may_be_intensity(stack: np.ndarray, is_intensity: bool) -> bool:
    """Return whether values may be intensities; some may be below 0 in archives of those."""
    return bool(is_intensity or stack.min(initial=0) >= 0)


def _arrays(path: Path, shift: float) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return the arrays without those that say nothing, positions shifted, and notes on that."""
    arrays, notes = read_arrays(path), []
    _require_patterns(path.name, arrays)
    bad = arrays.get("bad_pixels")
    if bad is not None and bad.dtype.kind in "biu" and not bad.any():
        del arrays["bad_pixels"]
        notes.append("bad_pixels: left out, none is bad")
    if all(key in arrays and _is_copy(arrays, key) for key in _STARTS):
        arrays = {key: array for key, array in arrays.items() if key not in _STARTS}
        notes.append("xcoords_start, ycoords_start: left out, equal to xcoords, ycoords")
    places = [key for key in _PLACES if shift and key in arrays and arrays[key].dtype.kind in "fiu"]
    if places:
        notes.append(_AS_EXPORTED)
    return arrays | {key: arrays[key] + shift for key in places}, tuple(notes)


def _require_patterns(name: str, arrays: dict[str, np.ndarray]) -> None:
    stack = arrays.get("diff3d")
    if stack is None or stack.dtype.kind not in "fiu":
        found = f"only {', '.join(arrays) or 'nothing'}" if stack is None else f"dtype {stack.dtype}"
        remedy = "Rename or add the patterns."
        raise UnreadableError(f"{name}: diff3d", expected="real numbers", found=found, remedy=remedy)
    if stack.size and stack.max() <= 0:
        remedy = "Check that the right array was stored."
        found = f"a maximum of {stack.max():.6g}"
        raise RefusedError(f"{name}: diff3d", expected="values above 0", found=found, remedy=remedy)


def _is_copy(arrays: dict[str, np.ndarray], key: str) -> bool:
    return np.array_equal(arrays[key], arrays.get(key.removesuffix("_start"), np.empty(0)))


def _root(stack: np.ndarray, squared: bool) -> np.ndarray:
    """Return values as amplitudes. What subtracting a background left below 0 is 0 as an intensity."""
    if squared:
        return np.asarray(np.sqrt(np.maximum(stack.astype(np.float64), 0)))
    return stack.astype(np.float64) if stack.dtype.kind in "iu" else stack


def _by_forward_model(found: dict[bool, Content]) -> tuple[bool, str] | None:
    """Return whether values are intensities, and how that was found; None if the model does not decide."""
    left = {squared: _residuals(content) for squared, content in found.items()}
    known = {squared: one for squared, one in left.items() if one is not None}
    best = min(known, key=lambda squared: known[squared].residual, default=None)
    if best is None or not known[best].is_explained:
        return None
    other = known.get(not best)
    if other is not None and known[best].residual > DECISIVE * other.residual:
        return None
    kinds = {True: "intensity", False: "amplitude"}
    both = " and ".join(
        f"{known[squared].residual:.3g} as {kinds[squared]}" for squared in sorted(known)[::-1]
    )
    return best, f", by the forward model: residual {both}"


def _residuals(content: Content) -> Residuals | None:
    parts = (content.probe, content.object, content.x, content.y)
    if content.diffraction is None or any(part is None for part in parts):
        return None
    predicted = predicted_amplitude(*(part for part in parts if part is not None))
    return None if predicted is None else residuals(predicted, content.diffraction, mask=content.mask)


def _write_exported(path: Path, content: Content) -> Written:
    """Write an archive as ptychodus exports it."""
    require_parts(content, NEEDS, EXPORTED.title)
    shape = np.asarray(content.diffraction).shape
    bad = np.zeros(shape[1:], bool) if content.mask is None else ~content.mask
    x, y = np.asarray(content.x) - HALF, np.asarray(content.y) - HALF
    write_archive(
        path,
        {
            **_common(content, x, y),
            "diff3d": intensity_of(content),
            "bad_pixels": bad,
            "probeGuess": np.asarray(content.probe),
            "xcoords_start": x,
            "ycoords_start": y,
            "scan_index": np.zeros(shape[0], np.int64),
        },
    )
    return Written()


def _write_own(path: Path, content: Content) -> Written:
    """Write an archive as PtychoPINN's older sets are: (H, W, N), amplitudes."""
    require_parts(content, NEEDS, OWN.title)
    x, y = np.asarray(content.x), np.asarray(content.y)
    stack, index = np.asarray(content.diffraction), content.scan_index
    write_archive(
        path,
        {
            **_common(content, x, y),
            "diff3d": np.moveaxis(stack, 0, -1),
            "probeGuess": np.asarray(content.probe)[0],
            "xcoords_start": x if content.x_start is None else content.x_start,
            "ycoords_start": y if content.y_start is None else content.y_start,
            "scan_index": np.zeros(len(stack), np.int64) if index is None else index,
        },
    )
    return Written()


def _common(content: Content, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    return {"objectGuess": np.asarray(content.object)[0], "xcoords": x, "ycoords": y}


EXPORTED = Format(
    name="ptychopinn",
    title="an .npz archive for PtychoPINN, as ptychodus exports it",
    holds=frozenset({*NEEDS, MODES, "mask"}),
    uses=frozenset({"axes"}),
    recognise=_is_exported,
    read=_read_exported,
    write=_write_exported,
)
OWN = Format(
    name="ptychopinn-legacy",
    title="an .npz archive of PtychoPINN's older form",
    holds=frozenset({*NEEDS, "x_start", "y_start", "scan_index"}),
    uses=frozenset({"axes"}),
    recognise=_is_own,
    read=_read_own,
    write=_write_own,
)
FORMATS = (EXPORTED, OWN)
