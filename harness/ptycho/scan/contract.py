"""The dataset contract: every rule that a ptychography fixture must meet, all violations listed at once.

Coverage is the one rule that needs the source scan: it is checked where a fixture is made
(:mod:`harness.ptycho.fixture`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.core.domain.interface import CheckReport, Finding
from harness.core.errors import RefusedError
from harness.ptycho.scan.forward import inside
from harness.ptycho.scan.rules import BAD_PIXELS, RECONSTRUCTED, RULES, STACKS, Rule
from harness.ptycho.scan.select import groups
from harness.ptycho.scan.values import Values, survey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECK = "contract"
LARGEST_AMPLITUDE = 10.0
FEWEST_POSITIONS = 16
FEWEST_GROUPS = 2
SMALLEST_OBJECT = 128
"""Object rows and columns, in pixels, that a fixture needs at least."""

LARGEST_MAGNITUDE = 1e15
"""Of any value: products of two, squared and summed over a detector, stay finite in double precision, and one
value squared does in single. Larger values are damaged, or have the wrong unit."""

NOTES = ("coverage not checked: it needs the coordinates of the source scan",)


class ContractError(RefusedError):
    """A dataset breaks the contract; ``findings`` holds every violation."""

    def __init__(self, name: str, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        listed = "; ".join(f"{f.key}: expected {f.expected}, found {f.found}" for f in findings)
        super().__init__(
            name,
            expected="a dataset that meets the contract",
            found=f"{counted(len(findings), 'violation')}: {listed}",
            remedy=" ".join(dict.fromkeys(f.remedy for f in findings if f.remedy)),
        )


def violations(arrays: Mapping[str, np.ndarray]) -> tuple[Finding, ...]:
    """List everything in *arrays* that breaks the contract, by key in the contract's order.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        A dataset under the contract's keys.

    Returns
    -------
    tuple of Finding
        Empty if the contract is met. Rules about values are checked on the arrays whose shapes allow it, and
        on the pixels that the mask lets count.

    Examples
    --------
    >>> [finding.key for finding in violations({})]
    ['diffraction', 'objectGuess', 'probeGuess', 'xcoords', 'ycoords']
    """
    return tuple(_violations(_Surveyed.of(arrays)))


def layout_violations(arrays: Mapping[str, np.ndarray]) -> tuple[Finding, ...]:
    """List what prevents computing the forward model of every position.

    These are missing keys, shapes, extreme values, an unusable mask, and patches outside the object.
    """
    surveyed = _Surveyed.of(arrays)
    return (*_unusable(surveyed), *_outside(surveyed))


def unusable_arrays(arrays: Mapping[str, np.ndarray]) -> tuple[Finding, ...]:
    """List what prevents computing the forward model of any position.

    As :func:`layout_violations`, but for patches outside the object; :func:`outside` says which they are.
    """
    return tuple(_unusable(_Surveyed.of(arrays)))


def outside(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return which positions have a patch that is not inside the object, (N,) bool.

    All False if object, probe or coordinates are missing, or if their shapes do not allow an answer. A
    coordinate that is NaN is outside.

    Examples
    --------
    >>> arrays = {"objectGuess": np.ones((64, 64)), "probeGuess": np.ones((16, 16))}
    >>> outside({**arrays, "xcoords": np.array([8.0, 7.9]), "ycoords": np.array([8.0, 56.0])})
    array([False,  True])
    """
    x, y, obj, probe = (
        np.asarray(arrays.get(key, ())) for key in ("xcoords", "ycoords", "objectGuess", "probeGuess")
    )
    is_known = x.shape == y.shape and {obj.ndim, probe.ndim} == {len(RULES["objectGuess"].shape)}
    if not is_known or {x.dtype.kind, y.dtype.kind} - {"i", "u", "f"}:
        return np.zeros(x.shape[:1], dtype=bool)
    height, width = probe.shape
    return np.asarray(~(inside(x, width, obj.shape[1]) & inside(y, height, obj.shape[0])))


def require_contract(name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise :class:`ContractError` with every violation unless *arrays* meet the contract."""
    found = violations(arrays)
    if found:
        raise ContractError(name, found)


def check(arrays: Mapping[str, np.ndarray]) -> CheckReport:
    """Report all violations, with the dataset's sizes as measures.

    A dataset without object or probe is accepted, with a note that a fixture needs them.
    :func:`violations` and :func:`require_contract` are about fixtures, and refuse it.
    """
    surveyed = _Surveyed.of(arrays)
    usable = surveyed.usable
    measures: dict[str, float] = {}
    if "diffraction" in usable:
        measures["positions"] = len(usable["diffraction"])
        measures["max_amplitude"] = surveyed.values["diffraction"].most
    if {"xcoords", "ycoords"} <= usable.keys():
        measures["groups"] = len(groups(usable["xcoords"], usable["ycoords"]))
    return CheckReport(
        CHECK,
        findings=tuple(
            f for f in _violations(surveyed) if not (f.key in RECONSTRUCTED and f.key not in arrays)
        ),
        measures=measures,
        notes=(*_not_reconstructed(arrays), *_without_effect(surveyed), *NOTES),
    )


def _not_reconstructed(arrays: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield a note for each array that a reconstruction would add."""
    for key in RECONSTRUCTED:
        if key not in arrays:
            yield f"no {key}: allowed in a dataset that has not been reconstructed, but not in a fixture"


def _without_effect(surveyed: _Surveyed) -> Iterator[str]:
    """Yield notes about what has no effect: an index that was never filled in, pixels that do not count."""
    if "scan_index" in surveyed.usable and is_unfilled(surveyed.usable["scan_index"]):
        yield "scan_index is 0 for every position: it was never filled in, and is ignored"
    if surveyed.mask is not None and (left := int(surveyed.mask.size - np.count_nonzero(surveyed.mask))):
        yield f"mask: {left} of {counted(surveyed.mask.size, 'pixel')} do not count"


def is_unfilled(index: np.ndarray) -> bool:
    """Return whether a scan_index is 0 for each of several positions, as some writers leave it.

    >>> is_unfilled(np.zeros(3, dtype=int)), is_unfilled(np.zeros(1, dtype=int))
    (True, False)
    """
    return len(index) > 1 and not np.any(index)


@dataclass(frozen=True, slots=True, eq=False)
class _Surveyed:
    """Arrays with what their values are, each of them looked at once.

    Attributes
    ----------
    arrays : mapping of str to ndarray
    sizes : mapping of str to int
        N, H and W, where they are known.
    mask : ndarray or None
        Which pixels count, if the dataset has a mask that says so for these patterns.
    values : mapping of str to Values
        Of each array of numbers that the contract knows.
    """

    arrays: Mapping[str, np.ndarray]
    sizes: Mapping[str, int]
    mask: np.ndarray | None
    values: Mapping[str, Values]

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> _Surveyed:
        mask = usable_mask(arrays)
        values = {
            key: survey(arrays[key], mask if _is_masked(key, arrays) else None)
            for key in RULES
            if key in arrays and _is_numeric(arrays[key]) and key != "mask"
        }
        return cls(arrays, _sizes(arrays), mask, values)

    @property
    def usable(self) -> dict[str, np.ndarray]:
        """The arrays whose shape, kind and values allow checking the rules about values."""
        return {
            key: self.arrays[key]
            for key, found in self.values.items()
            if found.are_usable
            and (self.arrays[key].dtype.kind != "c" or RULES[key].dtype.startswith("complex"))
            and _fits(self.arrays[key], RULES[key], self.sizes)
        }


def usable_mask(arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return the mask as booleans if there is one that fits the patterns, whatever its dtype; else None."""
    mask, stack = arrays.get("mask"), arrays.get("diffraction")
    if mask is None or stack is None or mask.dtype.kind not in "biuf" or stack.ndim != 3:  # noqa: PLR2004 - (N, H, W)
        return None
    return np.asarray(mask, dtype=bool) if mask.shape in (stack.shape, stack.shape[1:]) else None


def _is_masked(key: str, arrays: Mapping[str, np.ndarray]) -> bool:
    """Return whether the mask is about this array, too: the patterns, or an alias of the same shape."""
    return key in STACKS and "diffraction" in arrays and arrays[key].shape == arrays["diffraction"].shape


def _violations(surveyed: _Surveyed) -> Iterator[Finding]:
    yield from _unusable(surveyed)
    yield from _outside(surveyed)
    yield from _unknown_keys(surveyed.arrays)
    yield from _dtypes(surveyed.arrays)
    yield from _amplitudes(surveyed)
    yield from _alias(surveyed.arrays)
    usable = surveyed.usable
    yield from _object_size(usable)
    yield from _positions(usable)


def _unusable(surveyed: _Surveyed) -> Iterator[Finding]:
    yield from _missing_keys(surveyed.arrays)
    yield from _shapes(surveyed)
    yield from _unusable_values(surveyed)
    yield from _nothing_counts(surveyed.mask)


def _finding(key: str, expected: str, found: str, remedy: str = "") -> Finding:
    return Finding(CHECK, key, expected, found, remedy)


def _conversion(arrays: Mapping[str, np.ndarray]) -> str:
    """Return the command that converts the file, with all its positions."""
    x = arrays.get("xcoords")
    every = f" --positions {len(x)}" if x is not None and x.ndim == 1 and len(x) else ""
    return f"onvert the file with `harness generate --source FILE{every}`"


def _missing_keys(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for key, rule in RULES.items():
        if rule.required and key not in arrays:
            remedy = f"Add it, or c{_conversion(arrays)}."
            yield _finding(key, rule.expected, "no such key", remedy)


def _unknown_keys(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for key in sorted(arrays.keys() - RULES.keys()):
        what = "turns it into mask" if key == BAD_PIXELS else "leaves it out"
        remedy = f"Remove {key!r}, or c{_conversion(arrays)}, which {what}."
        yield _finding(key, f"only the keys {', '.join(RULES)}", "an unknown key", remedy)


def _dtypes(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for key, rule in RULES.items():
        if key not in arrays or _has_dtype(arrays[key], rule.dtype):
            continue
        found = f"dtype {arrays[key].dtype}"
        if key in STACKS and arrays[key].dtype.kind in "iu":
            found += " (integer counts are intensities, not amplitudes)"
        yield _finding(key, f"dtype {rule.dtype}", found, f"C{_conversion(arrays)}.")


def _has_dtype(array: np.ndarray, dtype: str) -> bool:
    return (
        array.dtype.kind in "iu" if dtype == "integer" else array.dtype.newbyteorder("=") == np.dtype(dtype)
    )


def _shapes(surveyed: _Surveyed) -> Iterator[Finding]:
    sizes = surveyed.sizes
    for key, rule in RULES.items():
        if key in surveyed.arrays and not _fits(surveyed.arrays[key], rule, sizes):
            found = f"shape {surveyed.arrays[key].shape}"
            expected = f"a non-empty array of shape {_wanted(rule, sizes)}"
            yield _finding(key, expected, found, _remedy_for_shape(key, surveyed.arrays))


def _remedy_for_shape(key: str, arrays: Mapping[str, np.ndarray]) -> str:
    sizes, shape = _sizes(arrays), arrays[key].shape
    if key in STACKS and shape == tuple(sizes.get(letter) for letter in "HWN"):
        return f"The axes are (row, column, position): c{_conversion(arrays)}."
    if key == "mask":
        return "Store one mask for all patterns, or one for each."
    if len(shape) == len(RULES[key].shape) + 1 and key in RECONSTRUCTED:
        return "Several modes of a probe or slices of an object are not supported: store a single one."
    return "Axes are (position, row, column). Select all per-position arrays with the same index array."


def _wanted(rule: Rule, sizes: Mapping[str, int]) -> str:
    """Return the shapes that are allowed, with the sizes that are known: ``(N = 64, H, W)``."""
    named = ([f"{n} = {sizes[n]}" if n in sizes else n for n in shape] for shape in rule.shapes)
    return " or ".join(f"({', '.join(names)})" for names in named)


def _sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Return N from the x coordinates, H and W from the probe: their axes cannot be in another order.

    Without a probe, H and W are those of the patterns.
    """
    sizes: dict[str, int] = {}
    for key in ("xcoords", "probeGuess"):
        if key in arrays and arrays[key].ndim == len(RULES[key].shape):
            sizes |= dict(zip(RULES[key].shape, arrays[key].shape, strict=True))
    stack = arrays.get("diffraction")
    if "H" not in sizes and stack is not None and stack.ndim == len(RULES["diffraction"].shape):
        sizes |= dict(zip("HW", stack.shape[1:], strict=True))
    return sizes


def _fits(array: np.ndarray, rule: Rule, sizes: Mapping[str, int]) -> bool:
    return array.size > 0 and any(
        array.ndim == len(shape)
        and all(sizes.get(name, length) == length for name, length in zip(shape, array.shape, strict=True))
        for shape in rule.shapes
    )


def _unusable_values(surveyed: _Surveyed) -> Iterator[Finding]:
    for key in RULES:
        if key in surveyed.values:
            yield from (_finding(key, *problem) for problem in _problems(surveyed.values[key]))
        elif key in surveyed.arrays and surveyed.arrays[key].dtype.kind not in "biufc":
            remedy = "Store plain numbers; pickled objects are never loaded."
            yield _finding(key, "numbers", f"dtype {surveyed.arrays[key].dtype}", remedy)


def _nothing_counts(mask: np.ndarray | None) -> Iterator[Finding]:
    """Report a mask that leaves a pattern without any pixel."""
    if mask is None:
        return
    counts = mask.any(axis=(-2, -1))
    if not counts.any():
        remedy = "Store True where a pixel counts. If True marks bad pixels in this file, invert the mask."
        yield _finding("mask", "pixels that count", "a mask that is False everywhere", remedy)
    elif not counts.all():
        empty = np.flatnonzero(~counts)
        found = f"none in {counted(len(empty), 'pattern')} (first: pattern {empty[0]})"
        remedy = "Remove these patterns and their positions, or correct their masks."
        yield _finding("mask", "at least one pixel that counts in every pattern", found, remedy)


def value_problems(array: np.ndarray, mask: np.ndarray | None = None) -> Iterator[tuple[str, str, str]]:
    """Yield (expected, found, remedy) where numbers are NaN, infinite or too large to compute with.

    array : any shape; mask : (H, W) or (N, H, W) bool for a stack, True where a pixel counts.
    """
    return _problems(survey(array, mask))


def _problems(values: Values) -> Iterator[tuple[str, str, str]]:
    if values.unusable:
        remedy = "Give the file a mask, False where pixels are bad, or correct the values."
        yield "finite values", counted(values.unusable, "NaN or infinite value"), remedy
    elif values.largest > LARGEST_MAGNITUDE:
        yield (
            f"magnitudes of at most {LARGEST_MAGNITUDE:g}",
            f"a magnitude of {values.largest:g}",
            "Correct the values or their unit.",
        )


def largest(array: np.ndarray) -> float:
    """Return the largest finite magnitude in an array of numbers; 0 if it is empty."""
    return survey(array).largest


def counted(count: int, noun: str) -> str:
    """Return *count* with its noun, in the plural unless it is one.

    >>> counted(1, "violation"), counted(3, "violation")
    ('1 violation', '3 violations')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _is_numeric(array: np.ndarray) -> bool:
    return array.dtype.kind in "iufc"


def _amplitudes(surveyed: _Surveyed) -> Iterator[Finding]:
    """Check the finite values: NaN in one pixel must not hide a negative one beside it."""
    values = surveyed.values.get("diffraction")
    if values is None or surveyed.arrays["diffraction"].dtype.kind == "c" or values.least > values.most:
        return
    if values.least < 0:
        remedy = "Store amplitudes: the square root of non-negative counts."
        yield _finding("diffraction", "amplitudes of at least 0", f"a minimum of {values.least:.6g}", remedy)
    if values.most >= LARGEST_AMPLITUDE:
        remedy = (
            f"Scale diffraction and probe together, or c{_conversion(surveyed.arrays)}, which does this. "
            "If these are intensities, store the square root first."
        )
        expected = f"a maximum below {LARGEST_AMPLITUDE:g}"
        yield _finding("diffraction", expected, f"a maximum of {values.most:.6g}", remedy)


def _alias(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    if {"diff3d", "diffraction"} <= arrays.keys() and not _have_same_bytes(
        arrays["diff3d"], arrays["diffraction"]
    ):
        remedy = "Remove the legacy alias diff3d."
        yield _finding("diff3d", "the same bytes as diffraction", "different bytes", remedy)


def _have_same_bytes(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether dtype, shape and bytes are equal, pattern by pattern: no stack is copied whole."""
    if one.dtype != other.dtype or one.shape != other.shape or one.ndim == 0:
        return False
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def _object_size(usable: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    obj = usable.get("objectGuess")
    if obj is not None and min(obj.shape) < SMALLEST_OBJECT:
        remedy = "Keep the full object, or crop or bin by a smaller factor."
        least = f"at least {SMALLEST_OBJECT} x {SMALLEST_OBJECT} pixels"
        yield _finding("objectGuess", least, f"{obj.shape[0]} x {obj.shape[1]} pixels", remedy)


def _positions(usable: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    if not {"xcoords", "ycoords"} <= usable.keys():
        return
    x, y = usable["xcoords"], usable["ycoords"]
    if len(x) < FEWEST_POSITIONS:
        expected = f"at least {FEWEST_POSITIONS} positions"
        yield _finding("xcoords", expected, counted(len(x), "position"), "Select more positions.")
    if (found := len(groups(x, y))) < FEWEST_GROUPS:
        expected = f"at least {FEWEST_GROUPS} groups of 4 neighbouring positions"
        remedy = "Select positions that are spread over the plane, and store them in object pixels."
        yield _finding("xcoords, ycoords", expected, counted(found, "group"), remedy)
    index = usable.get("scan_index")
    if index is not None and not is_unfilled(index) and (index.min() < 0 or _has_two_places(index, x, y)):
        remedy = "Store each position's index in the source scan, or leave scan_index out."
        expected = "one place for each index, and no negative index"
        yield _finding("scan_index", expected, "repeated or negative indices", remedy)


def _has_two_places(index: np.ndarray, x: np.ndarray, y: np.ndarray) -> bool:
    """Return whether one index has two places; a place that was visited twice may have one index."""
    _, first, inverse = np.unique(index, return_index=True, return_inverse=True)
    own = first[inverse]
    return bool(np.any(x[own] != x) or np.any(y[own] != y))


def _outside(surveyed: _Surveyed) -> Iterator[Finding]:
    usable = surveyed.usable
    if not {"objectGuess", "probeGuess"} <= usable.keys():
        return
    for key, axis in (("ycoords", 0), ("xcoords", 1)):
        if key in usable:
            size, extent = usable["probeGuess"].shape[axis], usable["objectGuess"].shape[axis]
            yield from _centres_outside(key, usable[key], size, extent)


def _centres_outside(key: str, centre: np.ndarray, size: int, extent: int) -> Iterator[Finding]:
    bad = np.flatnonzero(~inside(centre, size, extent))
    if bad.size:
        allowed = f"patch centres from {size / 2:g} to {extent - size / 2:g} (every patch inside the object)"
        found = f"{bad.size} outside this range (first: position {bad[0]} at {centre[bad[0]]:.6g})"
        remedy = "Store patch centres in object pixels: x along columns, y along rows."
        yield _finding(key, allowed, found, remedy)
