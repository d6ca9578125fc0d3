"""Contents that are no whole scan of one mode: raw scans, reconstructions, several modes or layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import RefusedError, UnreadableError, UsageError
from harness.ptycho.files.canonical.prediction import predicted_amplitude
from harness.ptycho.files.content import Content
from harness.ptycho.files.npz import AXES, DECISIVE, _File, _mask
from harness.ptycho.scan.contract import is_unfilled, value_problems
from harness.ptycho.scan.mask import masked
from harness.ptycho.scan.residual import Residuals, residuals
from harness.ptycho.scan.rules import STACKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.errors import HarnessError

FLATTER = 0.5
"""Sums of patterns vary by at most this share of what sums along the detector vary by, where they decide."""

_NUMBERS = {
    "objectGuess": ((2, 3), "fciu"), "probeGuess": ((2, 3), "fciu"), "xcoords": ((1,), "fiu"),
    "ycoords": ((1,), "fiu"), "xcoords_start": ((1,), "fiu"), "ycoords_start": ((1,), "fiu"),
    "scan_index": ((1,), "iu"), "Y": ((3,), "fciu"), "diffraction": ((3,), "fiu"),
}  # fmt: skip
"""Numbers of axes, and kinds of dtypes."""

_PER_POSITION = ("xcoords", "ycoords", "xcoords_start", "ycoords_start", "scan_index")


def partial_content(
    name: str, arrays: Mapping[str, np.ndarray], axes: str | None = None, notes: tuple[str, ...] = ()
) -> Content:
    """Return the content of arrays that are no whole scan of one mode.

    Parameters
    ----------
    name : str
        The file's name, which every error begins with.
    arrays : mapping of str to ndarray
        Under the keys of the contract or their older names; others are ignored.
    axes : {"nhw", "hwn"}, optional
        Order of the diffraction's axes. Without it shapes decide, then the forward model, then how even the
        sums along each axis are: patterns are alike, pixels are not.
    notes : tuple of str
        What was done to the arrays before.

    Raises
    ------
    UsageError
        *axes* is not an axis order.
    UnreadableError
        There are neither patterns nor an object with its probe.
    RefusedError
        The arrays do not fit each other, or hold values that are not numbers.

    Examples
    --------
    >>> raw = partial_content("raw.h5", {"diffraction": np.ones((5, 8, 9)), "xcoords": np.arange(5.0) + 8,
    ...                                  "ycoords": np.arange(5.0) + 8})
    >>> raw.diffraction.shape, raw.probe is None
    ((5, 8, 9), True)
    """
    if axes is not None and axes not in AXES:
        raise UsageError(
            "axes", expected="nhw or hwn", found=repr(axes), remedy="Leave it out to let the data decide."
        )
    found = _Found(name, dict(arrays), notes)
    found.require_something()
    found.settle_stack()
    found.settle_index()
    found.require_numbers()
    found.require_lengths()
    mask = found.mask()
    stack, mask, truth = found.ordered(mask, axes)
    return found.content(stack, mask, truth)


class _Found:
    """The arrays of a file, and what was done to them so far."""

    def __init__(self, name: str, arrays: dict[str, np.ndarray], notes: tuple[str, ...]) -> None:
        self.name, self.arrays, self.notes = name, arrays, notes

    def error(
        self, key: str, expected: str, found: str, remedy: str, kind: type[HarnessError] = RefusedError
    ) -> HarnessError:
        return kind(f"{self.name}: {key}", expected=expected, found=found, remedy=remedy)

    def require_something(self) -> None:
        if any(key in self.arrays for key in STACKS) or {"objectGuess", "probeGuess"} <= self.arrays.keys():
            return
        there = ", ".join(sorted(self.arrays)) or "no array"
        raise self.error(
            "diffraction",
            "patterns, or an object with its probe (objectGuess, probeGuess)",
            f"only {there}",
            "Rename the file's keys to these.",
            UnreadableError,
        )

    def settle_stack(self) -> None:
        """Rename patterns under their older name; two stacks must be equal."""
        alias = self.arrays.pop("diff3d", None)
        if alias is None:
            return
        if "diffraction" not in self.arrays:
            self.arrays["diffraction"] = alias
            self.notes += ("diff3d: renamed to diffraction",)
            return
        if not np.array_equal(alias, self.arrays["diffraction"], equal_nan=alias.dtype.kind == "f"):
            remedy = "Remove diff3d or correct it."
            raise self.error("diff3d", "the same values as diffraction", "different values", remedy)
        self.notes += ("diff3d: left out, equal to diffraction",)

    def settle_index(self) -> None:
        index = self.arrays.get("scan_index")
        if index is not None and index.ndim == 1 and index.dtype.kind in "iu" and is_unfilled(index):
            del self.arrays["scan_index"]
            self.notes += ("scan_index: left out, 0 for every position",)

    def require_numbers(self) -> None:
        for key, (axes, kinds) in _NUMBERS.items():
            array = self.arrays.get(key)
            if array is None:
                continue
            if array.ndim not in axes or not array.size:
                expected = f"a non-empty array of {' or '.join(map(str, axes))} axes"
                raise self.error(key, expected, f"shape {array.shape}", "Check the shapes in the file.")
            if array.dtype.kind not in kinds:
                expected = "complex or real numbers" if "c" in kinds else "real numbers"
                raise self.error(key, expected, f"dtype {array.dtype}", f"Store {expected}.")
            for problem in () if key == "diffraction" else value_problems(array):
                raise self.error(key, *problem)

    def require_lengths(self) -> None:
        if ("xcoords" in self.arrays) != ("ycoords" in self.arrays):
            missing = "ycoords" if "xcoords" in self.arrays else "xcoords"
            raise self.error(missing, "both coordinates", "only one", "Store xcoords and ycoords.")
        lengths = {key: len(self.arrays[key]) for key in _PER_POSITION if key in self.arrays}
        first = next(iter(lengths), None)
        for key, length in lengths.items():
            if first is not None and length != lengths[first]:
                remedy = "Select all per-position arrays with the same index array."
                raise self.error(key, f"{lengths[first]} values, like {first}", f"{length} values", remedy)

    @property
    def positions(self) -> int | None:
        return next((len(self.arrays[key]) for key in _PER_POSITION if key in self.arrays), None)

    @property
    def detector(self) -> tuple[int, int] | None:
        probe = self.arrays.get("probeGuess")
        return None if probe is None else (probe.shape[-2], probe.shape[-1])

    def mask(self) -> np.ndarray | None:
        """Return which pixels count, in the file's axis order."""
        mask, notes = _mask(_File(self.name), self.arrays)
        self.notes += notes
        return mask

    def ordered(
        self, mask: np.ndarray | None, axes: str | None
    ) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
        """Return patterns, mask and ground truth as (N, H, W), and note how the order was found."""
        stored = self.arrays.get("diffraction")
        if stored is None:
            return None, mask, None
        truth = self.arrays.get("Y")
        order = self._order(stored, mask, axes)
        stack = _as_nhw(stored, order)
        mask = _as_nhw(mask, order) if mask is not None and mask.ndim == stored.ndim else mask
        if mask is not None and mask.shape not in (stack.shape, stack.shape[1:]):
            expected = f"shape {stack.shape[1:]} or {stack.shape}, like the patterns"
            remedy = "Store one mask for all patterns, or one for each."
            raise self.error("mask", expected, f"shape {mask.shape}", remedy)
        truth = truth if truth is None or truth.shape == stack.shape else _as_nhw(truth, order)
        if truth is not None and truth.shape != stack.shape:
            raise self.error("Y", f"shape {stack.shape}", f"shape {truth.shape}", "Remove Y, or correct it.")
        return self._amplitude(stack, mask), mask, truth

    def _order(self, stored: np.ndarray, mask: np.ndarray | None, axes: str | None) -> str:
        fitting = [one for one in AXES if axes in (None, one) and self._fits(_shape(stored, one))]
        if not fitting:
            detector = "" if self.detector is None else " of {} x {} pixels".format(*self.detector)
            count = "" if self.positions is None else f"{self.positions} "
            order = "" if axes is None else f", in the order {AXES[axes]}"
            remedy = "Check the shapes in the file, and --axes if you gave it."
            expected = f"{count}patterns{detector}{order}"
            raise self.error("diffraction", expected, f"shape {stored.shape}", remedy)
        order, how = fitting[0], "as asked" if axes else "by the number of positions"
        if len(fitting) > 1:
            order, how = self._decided(stored, mask)
        if order == "hwn":
            self.notes += (f"diffraction: axes (H, W, N) -> (N, H, W), {how}",)
        elif len(fitting) > 1:
            self.notes += (f"diffraction: axes (N, H, W) kept, {how}",)
        return order

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return self.positions in (None, shape[0]) and self.detector in (None, shape[1:])

    def _decided(self, stored: np.ndarray, mask: np.ndarray | None) -> tuple[str, str]:
        """Return the axis order where shapes allow both, and how it was found."""
        predicted = self._prediction()
        if predicted is not None:
            return self._by_forward_model(stored, mask, predicted)
        return _by_evenness(stored)

    def _prediction(self) -> np.ndarray | None:
        keys = ("probeGuess", "objectGuess", "xcoords", "ycoords")
        if any(key not in self.arrays for key in keys):
            return None
        return predicted_amplitude(*(self.arrays[key] for key in keys))

    def _by_forward_model(
        self, stored: np.ndarray, mask: np.ndarray | None, predicted: np.ndarray
    ) -> tuple[str, str]:
        found: dict[str, Residuals] = {}
        for order in AXES:
            own = _as_nhw(mask, order) if mask is not None and mask.ndim == stored.ndim else mask
            values = np.where(np.isfinite(stored), stored, 0) if stored.dtype.kind == "f" else np.sqrt(stored)
            found[order] = residuals(predicted, _as_nhw(values, order), mask=own)
        both = " and ".join(f"{r.residual:.3g} as {AXES[order]}" for order, r in found.items())
        best, other = sorted(found, key=lambda order: found[order].residual)
        if not found[best].is_explained or found[best].residual > DECISIVE * found[other].residual:
            raise self.error(
                "diffraction",
                "one axis order that probe, object and coordinates explain",
                f"forward residuals of {both}",
                "Name the axis order with --axes nhw or --axes hwn.",
            )
        return best, f"by the forward model: residual {both}"

    def _amplitude(self, stack: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Return amplitudes, 0 where a pixel does not count; of integer counts the square root."""
        counted = masked(stack, mask)
        changed = int(np.count_nonzero(counted != stack))
        if changed:
            self.notes += (f"diffraction: {changed:,} values set to 0 where mask is False",)
        for problem in value_problems(counted):
            raise self.error("diffraction", *problem)
        if counted.min() < 0:
            what = "amplitudes" if counted.dtype.kind == "f" else "counts"
            remedy = "Store counts, or amplitudes in floating point."
            raise self.error("diffraction", f"{what} of at least 0", f"a minimum of {counted.min()}", remedy)
        if counted.dtype.kind == "f":
            return counted
        self.notes += (f"diffraction: {stack.dtype} intensity -> float64 amplitude (square root)",)
        root: np.ndarray = np.sqrt(counted.astype(np.float64))
        return root

    def content(self, stack: np.ndarray | None, mask: np.ndarray | None, truth: np.ndarray | None) -> Content:
        get = self.arrays.get
        return Content(
            diffraction=stack,
            object=_stacked(get("objectGuess")),
            probe=_stacked(get("probeGuess")),
            x=get("xcoords"),
            y=get("ycoords"),
            x_start=get("xcoords_start"),
            y_start=get("ycoords_start"),
            scan_index=get("scan_index"),
            mask=mask,
            truth=truth,
            transformations=self.notes,
        )


def _as_nhw(stack: np.ndarray, order: str) -> np.ndarray:
    return stack if order == "nhw" else np.ascontiguousarray(np.moveaxis(stack, -1, 0))


def _shape(stack: np.ndarray, order: str) -> tuple[int, ...]:
    return stack.shape if order == "nhw" else (*stack.shape[-1:], *stack.shape[:-1])


def _by_evenness(stack: np.ndarray) -> tuple[str, str]:
    """Return the axis order by how even the sums along each axis are; (N, H, W) if that does not decide."""
    finite = np.where(np.isfinite(stack), stack, 0).astype(np.float64)
    unevenness = [_unevenness(finite.sum(axis=tuple({0, 1, 2} - {axis}))) for axis in (0, 2)]
    first, last = unevenness
    text = f"sums vary by {first:.2g} along the first axis and {last:.2g} along the last"
    if last < FLATTER * first:
        return "hwn", text
    return "nhw", text if first < FLATTER * last else "as the contract has them: nothing decides"


def _unevenness(sums: np.ndarray) -> float:
    mean = float(np.abs(sums).mean())
    return float(sums.std()) / mean if mean else 0.0


def _stacked(array: np.ndarray | None) -> np.ndarray | None:
    """Return (modes, H, W) of (H, W)."""
    return array if array is None or array.ndim > 2 else array[np.newaxis]  # noqa: PLR2004 - rows and columns
