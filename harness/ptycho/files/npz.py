"""Read scans from .npz files of the field, canonical or legacy.

The order of the diffraction's axes is decided by the caller, by the number of positions, or by the forward
model. Every change is recorded in the scan's transformations.
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
from harness.ptycho.scan.contract import RULES, layout_violations, value_problems
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.scan import Scan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

AXES = {"nhw": "(N, H, W)", "hwn": "(H, W, N)"}
ALIAS = "diff3d"
COMPLEX_KEYS = ("objectGuess", "probeGuess", "Y")
DECISIVE = 0.8
"""Largest residual of the chosen axis order, as a share of the other's (0.17 of 0.94 at 10^4 photons)."""


@dataclass(frozen=True, slots=True)
class _File:
    """The file's name, which every error begins with."""

    name: str

    def error(
        self, kind: type[HarnessError], key: str, expected: str, found: str, remedy: str
    ) -> HarnessError:
        """Return an error about one key of the file."""
        return kind(f"{self.name}: {key}", expected=expected, found=found, remedy=remedy)


def read_scan(path: str | PathLike[str], *, axes: str | None = None) -> Scan:
    """Read one scan from a canonical or legacy .npz file.

    Parameters
    ----------
    path : path
        A .npz with ``diffraction`` (or its legacy name ``diff3d``), ``objectGuess``, ``probeGuess``,
        ``xcoords`` and ``ycoords``. Integer diffraction is read as intensities.
    axes : {"nhw", "hwn"}, optional
        Order of the diffraction's axes. Without it the number of positions decides; if that is also the
        number of detector rows or columns, the forward model does.

    Returns
    -------
    Scan
        Diffraction (N, H, W) as amplitude; arrays otherwise in the file's own precision.

    Raises
    ------
    UsageError
        *axes* is not an axis order.
    UnreadableError
        The file is missing or damaged, or does not hold a scan.
    RefusedError
        The arrays do not fit each other or hold NaN, or their axis order cannot be decided.

    Examples
    --------
    >>> import tempfile
    >>> from harness.ptycho.scan.simulate import simulate
    >>> arrays = simulate(positions=16, detector=32, step=6.0).arrays()
    >>> stack = np.moveaxis(arrays.pop("diffraction"), 0, -1)  # legacy: (H, W, N), under its old name
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/legacy.npz", diff3d=stack, **arrays)
    ...     scan = read_scan(f"{folder}/legacy.npz")
    >>> scan.diffraction.shape
    (16, 32, 32)
    >>> scan.transformations[-1]
    'diffraction: axes (H, W, N) -> (N, H, W), by the number of positions'
    """
    _require_valid_axes(axes)
    file = _File(Path(path).name)
    arrays = read_archive(path)
    _require_keys(file, arrays)
    stack, notes = _amplitude(file, *_diffraction(file, arrays))
    known = {
        key: value for key, value in arrays.items() if key in RULES and key not in ("diffraction", ALIAS)
    }
    notes += tuple(f"{key}: left out" for key in sorted(arrays.keys() - RULES.keys()))
    _require_usable(file, {**known, "diffraction": stack})
    scan = Scan.of(
        {**known, "diffraction": stack}, name=file.name, source=Source(file.name, digest_file(path))
    )
    return _with_axes_nhw(file, replace(scan, transformations=notes), axes)


def _require_valid_axes(axes: str | None) -> None:
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
    """Return the stack under either of its names, with a note; if it has both, they must be equal."""
    if ALIAS not in arrays:
        return arrays["diffraction"], ()
    if "diffraction" not in arrays:
        return arrays[ALIAS], (f"{ALIAS}: renamed to diffraction",)
    if not np.array_equal(arrays[ALIAS], arrays["diffraction"]):
        remedy = f"Remove {ALIAS} or correct it."
        raise file.error(RefusedError, ALIAS, "the same values as diffraction", "different values", remedy)
    return arrays["diffraction"], (f"{ALIAS}: left out, equal to diffraction",)


def _amplitude(file: _File, stack: np.ndarray, notes: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return amplitudes, with notes: of integer counts the square root, in float64, which cannot overflow."""
    if stack.dtype.kind == "f":
        return stack, notes
    if stack.dtype.kind not in "iu":
        remedy = "Store real amplitudes, or integer counts."
        raise file.error(
            RefusedError, "diffraction", "real amplitudes or counts", f"dtype {stack.dtype}", remedy
        )
    if stack.min(initial=0) < 0:
        remedy = "Store counts, or amplitudes in floating point."
        found = f"a minimum of {stack.min()}"
        raise file.error(RefusedError, "diffraction", "integer counts of at least 0", found, remedy)
    # Convert before the root, not after: numpy takes roots of uint8 in float16.
    return np.sqrt(stack.astype(np.float64)), (
        *notes,
        f"diffraction: {stack.dtype} intensity -> float64 amplitude (square root)",
    )


def _require_usable(file: _File, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse what no later step could use: wrong dtypes, wrong numbers of axes or positions, NaN."""
    for key, array in arrays.items():
        axes = len(RULES[key].shape)
        if array.ndim != axes or array.size == 0:
            remedy = "Several modes of a probe or object are not supported: store a single one."
            expected = f"a non-empty array of {axes} axes" if axes > 1 else "a non-empty array of 1 axis"
            raise file.error(RefusedError, key, expected, f"shape {array.shape}", remedy)
        if array.dtype.kind not in ("fciu" if key in COMPLEX_KEYS else "fiu"):
            expected = "complex or real numbers" if key in COMPLEX_KEYS else "real numbers"
            remedy = f"Store {expected}."
            raise file.error(RefusedError, key, expected, f"dtype {array.dtype}", remedy)
        for problem in value_problems(array):
            raise file.error(RefusedError, key, *problem)
    _require_lengths(file, arrays)


def _require_lengths(file: _File, arrays: Mapping[str, np.ndarray]) -> None:
    count = len(arrays["xcoords"])
    for key, rule in RULES.items():
        if key in arrays and rule.shape == ("N",) and len(arrays[key]) != count:
            expected = f"{count} values, like xcoords"
            remedy = "Select all per-position arrays with the same index array."
            raise file.error(RefusedError, key, expected, f"{len(arrays[key])} values", remedy)


def _require_inside(file: _File, scan: Scan) -> None:
    """Refuse positions with patches outside the object: the forward model could not decide the axis order."""
    for finding in layout_violations(scan.arrays()):
        if finding.key in ("xcoords", "ycoords"):
            raise file.error(RefusedError, finding.key, finding.expected, finding.found, finding.remedy)


def _with_axes_nhw(file: _File, scan: Scan, axes: str | None) -> Scan:
    """Return the scan with diffraction and ground-truth patches in the order (N, H, W)."""
    _require_inside(file, scan)
    # Shapes first: only where N equals H or W do both orders fit, and the forward model has to decide.
    fitting = {order: stack for order in AXES if _fits(stack := _as_nhw(scan.diffraction, order), scan)}
    if axes is not None:
        fitting = {order: stack for order, stack in fitting.items() if order == axes}
    if not fitting:
        raise _no_axis_order(file, scan, axes)
    how = "as asked" if axes else "by the number of positions"
    order = next(iter(fitting))
    if len(fitting) > 1:
        order, how = _order_by_forward_model(file, scan, fitting)
    if order == "nhw":
        return scan if len(fitting) == 1 else scan.noted(f"diffraction: axes (N, H, W) kept, {how}")
    moved = replace(scan, diffraction=fitting[order], truth=_moved_truth(file, scan))
    return moved.noted(f"diffraction: axes (H, W, N) -> (N, H, W), {how}")


def _as_nhw(stack: np.ndarray, order: str) -> np.ndarray:
    return stack if order == "nhw" else np.ascontiguousarray(np.moveaxis(stack, -1, 0))


def _fits(stack: np.ndarray, scan: Scan) -> bool:
    return stack.shape == (scan.positions, *scan.probe.shape)


def _moved_truth(file: _File, scan: Scan) -> np.ndarray | None:
    """Return the ground-truth patches in the order (N, H, W); refused if their shape fits both orders."""
    if scan.truth is None:
        return None
    fitting = [t for order in AXES if _fits(t := _as_nhw(scan.truth, order), scan)]
    if len(fitting) != 1:
        remedy = "Remove Y, or store it and diffraction as (N, H, W)."
        expected = "a shape that fits one axis order alone"
        raise file.error(RefusedError, "Y", expected, f"shape {scan.truth.shape}", remedy)
    return fitting[0]


def _order_by_forward_model(file: _File, scan: Scan, fitting: Mapping[str, np.ndarray]) -> tuple[str, str]:
    """Return the axis order that the forward model explains, with a note; refused if it explains neither."""
    found = {order: _dataset(scan, stack).residuals() for order, stack in fitting.items()}
    both = " and ".join(
        f"{r.residual:.3g} (contrast {r.contrast:.2f}) as {AXES[order]}" for order, r in found.items()
    )
    best, other = sorted(found, key=lambda order: found[order].residual)
    chosen = found[best]
    if not chosen.is_explained or chosen.residual > DECISIVE * found[other].residual:
        raise file.error(
            RefusedError,
            "diffraction",
            "one axis order that probe, object and coordinates explain",
            f"forward residuals of {both}",
            "Name the axis order with --axes nhw or --axes hwn.",
        )
    return best, f"by the forward model: residual {both}"


def _dataset(scan: Scan, stack: np.ndarray) -> Dataset:
    return Dataset(stack, scan.probe, scan.object, scan.x, scan.y)


def _no_axis_order(file: _File, scan: Scan, axes: str | None) -> HarnessError:
    height, width = scan.probe.shape
    expected = f"{scan.positions} patterns of {height} x {width} pixels (like xcoords and probeGuess)"
    if axes is not None:
        expected += f", in the order {AXES[axes]}"
    remedy = "Check the shapes in the file, and --axes if you gave it."
    return file.error(RefusedError, "diffraction", expected, f"shape {scan.diffraction.shape}", remedy)
