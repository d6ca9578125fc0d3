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
from harness.ptycho.scan.select import groups

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

RECONSTRUCTED = ("objectGuess", "probeGuess")
"""Keys of a fixture that a dataset has only after its reconstruction."""

NOTES = ("coverage not checked: it needs the coordinates of the source scan",)


@dataclass(frozen=True, slots=True)
class Rule:
    """Shape and dtype of one key of the dataset; letters in *shape* are sizes that the keys share."""

    key: str
    shape: tuple[str, ...]
    dtype: str
    required: bool = True

    @property
    def expected(self) -> str:
        """The rule in words, ``a float32 array of shape (N, H, W)``."""
        return f"a {self.dtype} array of shape ({', '.join(self.shape)}{',' if len(self.shape) == 1 else ''})"

    @property
    def is_per_position(self) -> bool:
        """Whether the array has one entry for each scan position."""
        return self.shape[0] == "N"


RULES = {
    rule.key: rule
    for rule in (
        Rule("diffraction", ("N", "H", "W"), "float32"),
        Rule("objectGuess", ("M", "M'"), "complex64"),
        Rule("probeGuess", ("H", "W"), "complex64"),
        Rule("xcoords", ("N",), "float64"),
        Rule("ycoords", ("N",), "float64"),
        Rule("xcoords_start", ("N",), "float64", required=False),
        Rule("ycoords_start", ("N",), "float64", required=False),
        Rule("scan_index", ("N",), "integer", required=False),
        Rule("Y", ("N", "H", "W"), "complex64", required=False),
        Rule("diff3d", ("N", "H", "W"), "float32", required=False),
    )
}

PER_POSITION = tuple(key for key, rule in RULES.items() if rule.is_per_position)
"""Keys of the arrays with one entry for each scan position: always selected together, by one index array."""

FORWARD_KEYS = ("diffraction", "probeGuess", "objectGuess", "xcoords", "ycoords")
"""Keys of the arrays that the forward model needs, in the order of ``residual.Dataset``."""


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
        Empty if the contract is met. Rules about values are checked on the arrays whose shapes allow it.

    Examples
    --------
    >>> [finding.key for finding in violations({})]
    ['diffraction', 'objectGuess', 'probeGuess', 'xcoords', 'ycoords']
    """
    return (
        *layout_violations(arrays),
        *_unknown_keys(arrays),
        *_dtypes(arrays),
        *_amplitudes(arrays),
        *_alias(arrays),
        *_object_size(_usable(arrays)),
        *_positions(_usable(arrays)),
    )


def layout_violations(arrays: Mapping[str, np.ndarray]) -> tuple[Finding, ...]:
    """List what prevents computing the forward model: keys, shapes, extreme values, patches outside."""
    return (
        *_missing_keys(arrays),
        *_shapes(arrays),
        *_unusable_values(arrays),
        *_outside(_usable(arrays)),
    )


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
    usable = _usable(arrays)
    measures: dict[str, float] = {}
    if "diffraction" in usable:
        measures["positions"] = len(usable["diffraction"])
        measures["max_amplitude"] = float(usable["diffraction"].max(initial=0.0))
    if {"xcoords", "ycoords"} <= usable.keys():
        measures["groups"] = len(groups(usable["xcoords"], usable["ycoords"]))
    findings = tuple(f for f in violations(arrays) if not (f.key in RECONSTRUCTED and f.key not in arrays))
    return CheckReport(
        CHECK, findings=findings, measures=measures, notes=(*_not_reconstructed(arrays), *NOTES)
    )


def _not_reconstructed(arrays: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield a note for each array that a reconstruction would add."""
    for key in RECONSTRUCTED:
        if key not in arrays:
            yield f"no {key}: allowed in a dataset that has not been reconstructed, but not in a fixture"


def _finding(key: str, expected: str, found: str, remedy: str = "") -> Finding:
    return Finding(CHECK, key, expected, found, remedy)


def _missing_keys(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for key, rule in RULES.items():
        if rule.required and key not in arrays:
            remedy = "Add it, or convert the file with `harness generate --source FILE`."
            yield _finding(key, rule.expected, "no such key", remedy)


def _unknown_keys(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for key in sorted(arrays.keys() - RULES.keys()):
        remedy = f"Remove {key!r}, or store it in another file."
        yield _finding(key, f"only the keys {', '.join(RULES)}", "an unknown key", remedy)


def _dtypes(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for key, rule in RULES.items():
        if key not in arrays or _has_dtype(arrays[key], rule.dtype):
            continue
        found = f"dtype {arrays[key].dtype}"
        if key in ("diffraction", "diff3d") and arrays[key].dtype.kind in "iu":
            found += " (integer counts are intensities, not amplitudes)"
        remedy = "Convert the file with `harness generate --source FILE`."
        yield _finding(key, f"dtype {rule.dtype}", found, remedy)


def _has_dtype(array: np.ndarray, dtype: str) -> bool:
    return (
        array.dtype.kind in "iu" if dtype == "integer" else array.dtype.newbyteorder("=") == np.dtype(dtype)
    )


def _shapes(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    sizes = _sizes(arrays)
    for key, rule in RULES.items():
        if key in arrays and not _fits(arrays[key], rule, sizes):
            wanted = ", ".join(f"{n} = {sizes[n]}" if n in sizes else n for n in rule.shape)
            remedy = (
                "Axes are (position, row, column). Select all per-position arrays with the same index array."
            )
            yield _finding(
                key, f"a non-empty array of shape ({wanted})", f"shape {arrays[key].shape}", remedy
            )


def _sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Return N from the x coordinates, H and W from the probe: their axes cannot be in another order."""
    sizes: dict[str, int] = {}
    for key in ("xcoords", "probeGuess"):
        if key in arrays and arrays[key].ndim == len(RULES[key].shape):
            sizes |= dict(zip(RULES[key].shape, arrays[key].shape, strict=True))
    return sizes


def _fits(array: np.ndarray, rule: Rule, sizes: Mapping[str, int]) -> bool:
    if array.ndim != len(rule.shape) or array.size == 0:
        return False
    return all(
        sizes.get(name, length) == length for name, length in zip(rule.shape, array.shape, strict=True)
    )


def _unusable_values(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for key in RULES:
        if key not in arrays:
            continue
        if not _is_numeric(arrays[key]):
            remedy = "Store plain numbers; pickled objects are never loaded."
            yield _finding(key, "numbers", f"dtype {arrays[key].dtype}", remedy)
        else:
            yield from (_finding(key, *problem) for problem in value_problems(arrays[key]))


def value_problems(array: np.ndarray) -> Iterator[tuple[str, str, str]]:
    """Yield (expected, found, remedy) where numbers are NaN, infinite or too large to compute with."""
    if bad := int(array.size - np.isfinite(array).sum()):
        remedy = "Mask or interpolate bad pixels before the file is written."
        yield "finite values", counted(bad, "NaN or infinite value"), remedy
    elif (most := largest(array)) > LARGEST_MAGNITUDE:
        yield (
            f"magnitudes of at most {LARGEST_MAGNITUDE:g}",
            f"a magnitude of {most:g}",
            "Correct the values or their unit.",
        )


def largest(array: np.ndarray) -> float:
    """Return the largest magnitude in an array of numbers; 0 if it is empty."""
    with np.errstate(over="ignore"):
        return float(np.abs(array).max(initial=0))


def counted(count: int, noun: str) -> str:
    """Return *count* with its noun, in the plural unless it is one.

    >>> counted(1, "violation"), counted(3, "violation")
    ('1 violation', '3 violations')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _is_numeric(array: np.ndarray) -> bool:
    return array.dtype.kind in "iufc"


def _usable(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays whose shape, kind and values allow checking the rules about values."""
    sizes = _sizes(arrays)
    return {
        key: array
        for key, array in arrays.items()
        if key in RULES
        and _is_numeric(array)
        and (array.dtype.kind != "c" or RULES[key].dtype.startswith("complex"))
        and _fits(array, RULES[key], sizes)
        and bool(np.isfinite(array).all())
    }


def _amplitudes(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    """Check the finite values: NaN in one pixel must not hide a negative one beside it."""
    data = arrays.get("diffraction")
    if data is None or data.dtype.kind not in "iuf" or not np.isfinite(data).any():
        return
    finite = data[np.isfinite(data)]
    least, most = float(finite.min()), float(finite.max())
    if least < 0:
        remedy = "Store amplitudes: the square root of non-negative counts."
        yield _finding("diffraction", "amplitudes of at least 0", f"a minimum of {least:.6g}", remedy)
    if most >= LARGEST_AMPLITUDE:
        remedy = (
            "Scale diffraction and probe together (`harness generate` does this), "
            "or store the square root if these are intensities."
        )
        expected = f"a maximum below {LARGEST_AMPLITUDE:g}"
        yield _finding("diffraction", expected, f"a maximum of {most:.6g}", remedy)


def _alias(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    if not {"diff3d", "diffraction"} <= arrays.keys():
        return
    alias, data = arrays["diff3d"], arrays["diffraction"]
    if alias.dtype != data.dtype or alias.shape != data.shape or alias.tobytes() != data.tobytes():
        remedy = "Remove the legacy alias diff3d."
        yield _finding("diff3d", "the same bytes as diffraction", "different bytes", remedy)


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
        remedy = "Select positions that are spread over the plane and do not coincide."
        yield _finding("xcoords, ycoords", expected, counted(found, "group"), remedy)
    index = usable.get("scan_index")
    if index is not None and (len(np.unique(index)) < len(index) or index.min() < 0):
        remedy = "Store each position's index in the source scan, or leave scan_index out."
        yield _finding(
            "scan_index", "each source position at most once", "repeated or negative indices", remedy
        )


def _outside(usable: Mapping[str, np.ndarray]) -> Iterator[Finding]:
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
