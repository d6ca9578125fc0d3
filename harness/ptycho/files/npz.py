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
from harness.ptycho.scan.contract import (
    counted,
    is_unfilled,
    layout_violations,
    unusable_arrays,
    value_problems,
)
from harness.ptycho.scan.mask import masked
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.rules import BAD_PIXELS, RECONSTRUCTED, RULES, STACKS
from harness.ptycho.scan.scan import Scan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from harness.core.domain.interface import Finding

AXES = {"nhw": "(N, H, W)", "hwn": "(H, W, N)"}
ALIAS = "diff3d"
NEEDED = tuple(key for key, rule in RULES.items() if rule.required)
"""Keys without which a file is not a scan."""

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
        ``xcoords`` and ``ycoords``. Integer diffraction is read as intensities. A ``mask`` is True where a
        pixel counts; ``bad_pixels``, its name in ptychodus, is True where one does not.
    axes : {"nhw", "hwn"}, optional
        Order of the diffraction's axes. Without it the number of positions decides; if that is also the
        number of detector rows or columns, the forward model does.

    Returns
    -------
    Scan
        Diffraction (N, H, W) as amplitude, 0 where a pixel does not count; arrays otherwise in the file's own
        precision.

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
    require_valid_axes(axes)
    name = Path(path).name
    return scan_of_arrays(name, read_arrays(path), source=Source(name, digest_file(path)), axes=axes)


def scan_of_arrays(
    name: str,
    arrays: Mapping[str, np.ndarray],
    *,
    source: Source,
    axes: str | None = None,
    transformations: tuple[str, ...] = (),
) -> Scan:
    """Return the scan that *arrays* hold under canonical or legacy keys, once it is usable.

    Parameters
    ----------
    name : str
        The file's name, which every error begins with.
    arrays : mapping of str to ndarray
    source : Source
    axes : {"nhw", "hwn"}, optional
        As for :func:`read_scan`.
    transformations : tuple of str
        What was done to the arrays before.

    Raises
    ------
    UnreadableError, RefusedError
        As :func:`read_scan`.
    """
    file = _File(name)
    _require_keys(file, arrays)
    stack, notes = _diffraction(file, arrays)
    known = {key: array for key, array in arrays.items() if key in RULES and key not in STACKS}
    known, more = _without_unfilled_index(known)
    mask, about_mask = _mask(file, arrays)
    left_out = sorted(arrays.keys() - RULES.keys() - {BAD_PIXELS})
    notes += (*(f"{key}: left out" for key in left_out), *more, *about_mask)
    _require_usable(file, {**known, "diffraction": stack})
    scan = Scan.of({**known, "diffraction": stack}, name=name, source=source)
    return _with_axes_nhw(file, replace(scan, mask=mask, transformations=(*transformations, *notes)), axes)


def read_arrays(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Return the arrays of an archive; a file of another kind is refused with the keys that are needed."""
    try:
        return read_archive(path)
    except UnreadableError as error:
        remedy = f"{error.remedy} A scan has the keys {', '.join(NEEDED)}."
        raise UnreadableError(
            error.thing, expected=error.expected, found=error.found, remedy=remedy
        ) from error


def _without_unfilled_index(known: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return the arrays without a scan_index that its writer left at 0, and a note if there was one."""
    index = known.get("scan_index")
    if index is None or index.ndim != 1 or not is_unfilled(index):
        return dict(known), ()
    rest = {key: array for key, array in known.items() if key != "scan_index"}
    return rest, ("scan_index: left out, 0 for every position",)


def _mask(file: _File, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return which pixels count, in the file's axis order, with notes; None if no pixel is excluded."""
    if BAD_PIXELS not in arrays:
        return _as_mask(file, "mask", arrays["mask"]) if "mask" in arrays else (None, ())
    bad, notes = _as_mask(file, BAD_PIXELS, arrays[BAD_PIXELS])
    if "mask" not in arrays:
        return ~bad, (*notes, f"{BAD_PIXELS}: inverted and renamed to mask")
    mask, more = _as_mask(file, "mask", arrays["mask"])
    if mask.shape != bad.shape or not np.array_equal(mask, ~bad):
        remedy = f"Remove {BAD_PIXELS} or mask."
        raise file.error(RefusedError, BAD_PIXELS, "the pixels where mask is False", "others", remedy)
    return mask, (*notes, *more, f"{BAD_PIXELS}: left out, the inverse of mask")


def _as_mask(file: _File, key: str, array: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a mask as booleans, with a note if it was stored as integers of 0 and 1."""
    if array.dtype == np.bool_:
        return array, ()
    if array.dtype.kind not in "iu" or array.min(initial=0) < 0 or array.max(initial=0) > 1:
        found = f"dtype {array.dtype}" + (
            "" if array.dtype.kind not in "iu" else " with other values than 0 and 1"
        )
        meaning = "where a pixel is bad" if key == BAD_PIXELS else "where a pixel counts"
        remedy = f"Store booleans: True {meaning}, False elsewhere."
        raise file.error(RefusedError, key, "a bool array", found, remedy)
    return array.astype(bool), (f"{key}: {array.dtype} -> bool",)


def require_valid_axes(axes: str | None) -> None:
    """Raise UsageError if *axes* is not None and not an axis order."""
    if axes is not None and axes not in AXES:
        raise UsageError(
            "axes", expected="nhw or hwn", found=repr(axes), remedy="Leave it out to let the data decide."
        )


def _require_keys(file: _File, arrays: Mapping[str, np.ndarray]) -> None:
    missing = [k for k in NEEDED if k not in arrays and not (k == "diffraction" and ALIAS in arrays)]
    if missing:
        raise file.error(
            UnreadableError,
            ", ".join(missing),
            f"the keys {', '.join(NEEDED)}",
            f"only {', '.join(sorted(arrays)) or 'an empty archive'}",
            _remedy_for_missing(missing),
        )


def _remedy_for_missing(missing: list[str]) -> str:
    """Return the next step: a raw scan is reconstructed first; of other files, keys have other names."""
    if set(missing) <= set(RECONSTRUCTED):
        return "A fixture needs both: reconstruct the scan first, and add what was found under these keys."
    return "Rename the file's keys to these."


def _diffraction(file: _File, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the stack under either of its names, with a note; if it has both, they must be equal."""
    if ALIAS not in arrays:
        return arrays["diffraction"], ()
    if "diffraction" not in arrays:
        return arrays[ALIAS], (f"{ALIAS}: renamed to diffraction",)
    if not _are_equal(arrays[ALIAS], arrays["diffraction"]):
        remedy = f"Remove {ALIAS} or correct it."
        raise file.error(RefusedError, ALIAS, "the same values as diffraction", "different values", remedy)
    return arrays["diffraction"], (f"{ALIAS}: left out, equal to diffraction",)


def _are_equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two stacks are equal, NaN included: it may be in pixels that do not count."""
    return one.shape == other.shape and all(
        np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for a, b in zip(one, other, strict=True)
    )


def _amplitude(file: _File, scan: Scan) -> Scan:
    """Return the scan with amplitudes: of integer counts the square root, in float64, which has room."""
    stack = scan.diffraction
    if stack.dtype.kind == "f":
        return scan
    if stack.min(initial=0) < 0:
        remedy = "Store counts, or amplitudes in floating point."
        found = f"a minimum of {stack.min()}"
        raise file.error(RefusedError, "diffraction", "integer counts of at least 0", found, remedy)
    # Convert before the root, not after: numpy takes roots of uint8 in float16.
    note = f"diffraction: {stack.dtype} intensity -> float64 amplitude (square root)"
    return replace(scan, diffraction=np.sqrt(stack.astype(np.float64))).noted(note)


def _require_usable(file: _File, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse what no later step could use: wrong dtypes, wrong numbers of axes or positions, NaN.

    Values of the diffraction are looked at later: the mask says which of them count, and its axes must be
    known.
    """
    for key, array in arrays.items():
        if key == "mask":
            continue
        axes = len(RULES[key].shape)
        if array.ndim != axes or array.size == 0:
            remedy = "Several modes of a probe or object are not supported: store a single one."
            expected = f"a non-empty array of {axes} axes" if axes > 1 else "a non-empty array of 1 axis"
            raise file.error(RefusedError, key, expected, f"shape {array.shape}", remedy)
        if array.dtype.kind not in ("fciu" if key in COMPLEX_KEYS else "fiu"):
            expected = "complex or real numbers" if key in COMPLEX_KEYS else "real numbers"
            remedy = f"Store {expected}."
            raise file.error(RefusedError, key, expected, f"dtype {array.dtype}", remedy)
        for problem in () if key == "diffraction" else value_problems(array):
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
    arrays = {key: array for key, array in scan.arrays().items() if key not in ("diffraction", "mask")}
    for finding in layout_violations(arrays):
        if finding.key in ("xcoords", "ycoords"):
            raise file.error(RefusedError, finding.key, finding.expected, finding.found, finding.remedy)


def _with_axes_nhw(file: _File, scan: Scan, axes: str | None) -> Scan:
    """Return the scan with diffraction, mask and ground-truth patches in the order (N, H, W)."""
    _require_inside(file, scan)
    # Shapes first: only where N equals H or W do both orders fit, and the forward model has to decide.
    fitting = [order for order in AXES if axes in (None, order) and _fits(scan.diffraction, order, scan)]
    if not fitting:
        raise _no_axis_order(file, scan, axes)
    moved = _usable_orders(file, scan, fitting)
    how = "by the mask" if len(fitting) > 1 else "as asked" if axes else "by the number of positions"
    order = next(iter(moved))
    if len(moved) > 1:
        order, how = _order_by_forward_model(file, moved)
    if order == "nhw":
        note = f"diffraction: axes (N, H, W) kept, {how}" if len(fitting) > 1 else None
        return moved[order].noted(note)
    return replace(moved[order], truth=_moved_truth(file, scan)).noted(
        f"diffraction: axes (H, W, N) -> (N, H, W), {how}"
    )


def _usable_orders(file: _File, scan: Scan, orders: list[str]) -> dict[str, Scan]:
    """Return the scan in each axis order in which its mask excludes all bad values; refused if in none."""
    moved = {order: _moved(file, scan, order) for order in orders}
    usable = {order: _counted(one) for order, one in moved.items() if not _bad_values(one)}
    if not usable:
        finding = _bad_values(moved[orders[0]])[0]
        raise file.error(RefusedError, finding.key, finding.expected, finding.found, finding.remedy)
    return {order: _amplitude(file, one) for order, one in usable.items()}


def _moved(file: _File, scan: Scan, order: str) -> Scan:
    """Return the scan with its stack, stored in the order *order*, as (N, H, W); the mask likewise."""
    stack, mask = _as_nhw(scan.diffraction, order), scan.mask
    if mask is not None and mask.shape == scan.diffraction.shape:
        mask = _as_nhw(mask, order)
    if mask is not None and mask.shape not in (stack.shape, stack.shape[1:]):
        expected = f"shape {stack.shape[1:]} or {stack.shape}, like the patterns"
        remedy = "Store one mask for all patterns, or one for each."
        raise file.error(RefusedError, "mask", expected, f"shape {mask.shape}", remedy)
    return replace(scan, diffraction=stack, mask=mask)


def _counted(scan: Scan) -> Scan:
    """Return the scan with 0 where a pixel does not count."""
    if scan.mask is None:
        return scan
    stack = masked(scan.diffraction, scan.mask)
    # NaN is not equal to 0 either.
    changed = int(np.count_nonzero(scan.diffraction != stack))
    note = f"diffraction: {counted(changed, 'value')} set to 0 where mask is False" if changed else None
    return replace(scan, diffraction=stack).noted(note)


def _bad_values(scan: Scan) -> list[Finding]:
    """Return what is wrong with patterns and mask: bad values that count, or pixels of which none counts."""
    return [f for f in unusable_arrays(_patterns(scan)) if f.key in ("diffraction", "mask")]


def _patterns(scan: Scan) -> dict[str, np.ndarray]:
    """Return the patterns and their mask, if there is one."""
    both = {"diffraction": scan.diffraction, "mask": scan.mask}
    return {key: array for key, array in both.items() if array is not None}


def _as_nhw(stack: np.ndarray, order: str) -> np.ndarray:
    return stack if order == "nhw" else np.ascontiguousarray(np.moveaxis(stack, -1, 0))


def _fits(stack: np.ndarray, order: str, scan: Scan) -> bool:
    shape = stack.shape if order == "nhw" else (*stack.shape[-1:], *stack.shape[:-1])
    return shape == (scan.positions, *scan.probe.shape)


def _moved_truth(file: _File, scan: Scan) -> np.ndarray | None:
    """Return the ground-truth patches in the order (N, H, W); refused if their shape fits both orders."""
    if scan.truth is None:
        return None
    fitting = [order for order in AXES if _fits(scan.truth, order, scan)]
    if len(fitting) != 1:
        remedy = "Remove Y, or store it and diffraction as (N, H, W)."
        expected = "a shape that fits one axis order alone"
        raise file.error(RefusedError, "Y", expected, f"shape {scan.truth.shape}", remedy)
    return _as_nhw(scan.truth, fitting[0])


def _order_by_forward_model(file: _File, moved: Mapping[str, Scan]) -> tuple[str, str]:
    """Return the axis order that the forward model explains, with a note; refused if it explains neither."""
    found = {order: Dataset.of(scan.arrays()).residuals() for order, scan in moved.items()}
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


def _no_axis_order(file: _File, scan: Scan, axes: str | None) -> HarnessError:
    height, width = scan.probe.shape
    expected = f"{scan.positions} patterns of {height} x {width} pixels (like xcoords and probeGuess)"
    if axes is not None:
        expected += f", in the order {AXES[axes]}"
    remedy = "Check the shapes in the file, and --axes if you gave it."
    return file.error(RefusedError, "diffraction", expected, f"shape {scan.diffraction.shape}", remedy)
