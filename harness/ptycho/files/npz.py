"""Files of the field become scans: canonical and legacy .npz, axes settled by word, number or physics.

Every change on the way is recorded in the scan's transformations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import HarnessError, RefusedError, UnreadableError, UsageError
from harness.core.fixtures.manifest import Source
from harness.core.storage.digest import digest_file
from harness.core.storage.npz import read_archive
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.contract import MOST_MAGNITUDE, RULES, layout_violations
from harness.ptycho.scan.scan import Scan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

AXES = {"nhw": "(N, H, W)", "hwn": "(H, W, N)"}
ALIAS = "diff3d"
COMPLEX_KEYS = ("objectGuess", "probeGuess", "Y")
DECISIVE = 0.8
"""The chosen axis order's residual is at most this share of the other's (0.17 of 0.94 at 10^4 photons)."""


@dataclass(frozen=True, slots=True)
class _File:
    """What an error calls the thing: the file's name and one of its keys."""

    name: str

    def error(
        self, kind: type[HarnessError], key: str, expected: str, found: str, remedy: str
    ) -> HarnessError:
        return kind(f"{self.name}: {key}", expected=expected, found=found, remedy=remedy)


def read_scan(path: str | PathLike[str], *, axes: str | None = None) -> Scan:
    """Read one scan, in whatever form of the field it is stored.

    Parameters
    ----------
    path : path
        A .npz with ``diffraction`` (or its legacy name ``diff3d``), ``objectGuess``, ``probeGuess``,
        ``xcoords`` and ``ycoords``. Integer diffraction is taken for intensities.
    axes : {"nhw", "hwn"}, optional
        Order of the diffraction's axes. Without it, the number of positions decides; where that is also the
        number of detector pixels, the forward model does.

    Returns
    -------
    Scan
        Diffraction (N, H, W) as amplitude; arrays otherwise in the file's own precision.

    Raises
    ------
    UsageError
        *axes* is no axis order.
    UnreadableError
        The file is missing or damaged, or holds no scan.
    RefusedError
        The arrays do not fit each other, hold NaN, or their axis order cannot be told.
    """
    _require_order(axes)
    file = _File(Path(path).name)
    arrays = read_archive(path)
    _require_keys(file, arrays)
    stack, notes = _amplitude(file, *_diffraction(file, arrays))
    known = {
        key: value for key, value in arrays.items() if key in RULES and key not in ("diffraction", ALIAS)
    }
    notes += tuple(f"{key}: left out" for key in sorted(arrays.keys() - RULES.keys()))
    _require_sound(file, {**known, "diffraction": stack})
    scan = Scan.of(
        {**known, "diffraction": stack}, name=file.name, source=Source(file.name, digest_file(path))
    )
    return _settled(file, replace(scan, transformations=notes), axes)


def _require_order(axes: str | None) -> None:
    if axes is not None and axes not in AXES:
        raise UsageError(
            "axes", expected="nhw or hwn", found=repr(axes), remedy="Leave it out to let the data decide."
        )


def _require_keys(file: _File, arrays: Mapping[str, np.ndarray]) -> None:
    required = [key for key, rule in RULES.items() if rule.required]
    missing = [k for k in required if k not in arrays and not (k == "diffraction" and ALIAS in arrays)]
    if missing:
        raise file.error(
            UnreadableError,
            ", ".join(missing),
            f"the keys {', '.join(required)}",
            f"only {', '.join(sorted(arrays)) or 'an empty archive'}",
            "Rename the file's keys to these.",
        )


def _diffraction(file: _File, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the stack, under either of its names; under both it must be one and the same."""
    if ALIAS not in arrays:
        return arrays["diffraction"], ()
    if "diffraction" not in arrays:
        return arrays[ALIAS], (f"{ALIAS}: renamed to diffraction",)
    if not np.array_equal(arrays[ALIAS], arrays["diffraction"]):
        remedy = f"Remove {ALIAS} or correct it."
        raise file.error(RefusedError, ALIAS, "the same values as diffraction", "others", remedy)
    return arrays["diffraction"], (f"{ALIAS}: left out, equal to diffraction",)


def _amplitude(file: _File, stack: np.ndarray, notes: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Take the square root of integer counts, in floating point: squares and roots overflow in uint16."""
    if stack.dtype.kind == "f":
        return stack, notes
    if stack.dtype.kind not in "iu":
        remedy = "Store real amplitudes, or integer counts."
        raise file.error(
            RefusedError, "diffraction", "real amplitudes or counts", f"dtype {stack.dtype}", remedy
        )
    if stack.min(initial=0) < 0:
        remedy = "Store counts, or amplitudes in floating point."
        found = f"minimum {stack.min()}"
        raise file.error(RefusedError, "diffraction", "integer counts of at least 0", found, remedy)
    return np.sqrt(stack.astype(np.float64)), (
        *notes,
        f"diffraction: {stack.dtype} intensity -> float64 amplitude (square root)",
    )


def _require_sound(file: _File, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse what no step after this one could work with: wrong kinds, wrong ranks, NaN."""
    for key, array in arrays.items():
        rank = len(RULES[key].shape)
        if array.ndim != rank or array.size == 0:
            remedy = "A multi-mode probe or object is not carried: store the mode that you mean."
            raise file.error(RefusedError, key, f"{rank} axes, none empty", f"shape {array.shape}", remedy)
        if array.dtype.kind not in ("fciu" if key in COMPLEX_KEYS else "fiu"):
            expected = "complex or real numbers" if key in COMPLEX_KEYS else "real numbers"
            raise file.error(RefusedError, key, expected, f"dtype {array.dtype}", "Store numbers.")
        if bad := array.size - np.count_nonzero(np.isfinite(array)):
            remedy = "Mask or interpolate bad pixels before the file is written."
            raise file.error(RefusedError, key, "finite values", f"{bad} NaN or infinite value(s)", remedy)
        if (most := float(np.abs(array).max())) > MOST_MAGNITUDE:
            remedy = "Correct the values, or their unit."
            raise file.error(RefusedError, key, f"magnitudes up to {MOST_MAGNITUDE:g}", f"{most:g}", remedy)
    _require_lengths(file, arrays)


def _require_lengths(file: _File, arrays: Mapping[str, np.ndarray]) -> None:
    count = len(arrays["xcoords"])
    for key, rule in RULES.items():
        if key in arrays and rule.shape == ("N",) and len(arrays[key]) != count:
            expected = f"{count} values, as xcoords has"
            remedy = "Per-position arrays are taken by one index array."
            raise file.error(RefusedError, key, expected, str(len(arrays[key])), remedy)


def _require_inside(file: _File, scan: Scan) -> None:
    """Refuse positions whose patches leave the object: no axis order could be judged with them."""
    for finding in layout_violations(scan.arrays()):
        if finding.key in ("xcoords", "ycoords"):
            raise file.error(RefusedError, finding.key, finding.expected, finding.found, finding.remedy)


def _settled(file: _File, scan: Scan, axes: str | None) -> Scan:
    """Bring diffraction (and truth patches with it) to (N, H, W), by word, number or physics."""
    _require_inside(file, scan)
    fitting = {order: stack for order in AXES if _fits(stack := _as_nhw(scan.diffraction, order), scan)}
    if axes is not None:
        fitting = {order: stack for order, stack in fitting.items() if order == axes}
    if not fitting:
        raise _no_order(file, scan, axes)
    how = "as asked" if axes else "by the number of positions"
    order = next(iter(fitting))
    if len(fitting) > 1:
        order, how = _explained(file, scan, fitting)
    if order == "nhw":
        return scan if len(fitting) == 1 else scan.noted(f"diffraction: axes (N, H, W) kept, {how}")
    moved = replace(scan, diffraction=fitting[order], truth=_moved_truth(file, scan))
    return moved.noted(f"diffraction: axes (H, W, N) -> (N, H, W), {how}")


def _as_nhw(stack: np.ndarray, order: str) -> np.ndarray:
    return stack if order == "nhw" else np.ascontiguousarray(np.moveaxis(stack, -1, 0))


def _fits(stack: np.ndarray, scan: Scan) -> bool:
    return stack.shape == (scan.positions, *scan.probe.shape)


def _moved_truth(file: _File, scan: Scan) -> np.ndarray | None:
    """Move the truth patches' axes where their shape says so; a shape that fits both ways cannot say."""
    if scan.truth is None:
        return None
    fitting = [t for order in AXES if _fits(t := _as_nhw(scan.truth, order), scan)]
    if len(fitting) != 1:
        remedy = "Remove Y, or store it as (N, H, W)."
        raise file.error(RefusedError, "Y", "(N, H, W) patches", f"shape {scan.truth.shape}", remedy)
    return fitting[0]


def _explained(file: _File, scan: Scan, fitting: Mapping[str, np.ndarray]) -> tuple[str, str]:
    """Choose the axis order that the forward model explains, or refuse with both residuals told."""
    measured = {order: _dataset(scan, stack).measure() for order, stack in fitting.items()}
    told = " and ".join(
        f"{m.residual:.3g} (contrast {m.contrast:.2f}) as {AXES[o]}" for o, m in measured.items()
    )
    best, other = sorted(measured, key=lambda order: measured[order].residual)
    chosen = measured[best]
    if not chosen.is_explained or chosen.residual > DECISIVE * measured[other].residual:
        raise file.error(
            RefusedError,
            "diffraction",
            "one axis order that probe, object and coordinates explain",
            f"forward residuals {told}",
            "Say which one it is: --axes nhw or --axes hwn.",
        )
    return best, f"by the forward model: residual {told}"


def _dataset(scan: Scan, stack: np.ndarray) -> Dataset:
    return Dataset(stack, scan.probe, scan.object, scan.x, scan.y)


def _no_order(file: _File, scan: Scan, axes: str | None) -> HarnessError:
    height, width = scan.probe.shape
    expected = f"{scan.positions} positions of {height} x {width} pixels, as xcoords and probeGuess have"
    if axes is not None:
        expected += f", in the order {AXES[axes]}"
    remedy = "Check the file's shapes, and --axes where it was given."
    return file.error(RefusedError, "diffraction", expected, f"shape {scan.diffraction.shape}", remedy)
