"""The dataset contract: every rule a ptychography fixture keeps, all violations listed at once.

Coverage is the one rule that needs the source: it is judged where a fixture is made (``fixture``).
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
MOST_AMPLITUDE = 10.0
FEWEST_POSITIONS = 16
FEWEST_GROUPS = 2
SMALLEST_OBJECT = 128

MOST_MAGNITUDE = 1e15
"""Of any value: products of two, squared and summed over a detector, stay finite in double precision, and one
value squared does in single. What is larger was damaged, or has the wrong unit."""

RECONSTRUCTED = ("objectGuess", "probeGuess")
"""Keys of a fixture that a dataset has only after its reconstruction."""

NOTES = ("coverage is not judged here: it needs the coordinates of the source",)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one key of the dataset holds; letters in *shape* are sizes that the keys share."""

    key: str
    shape: tuple[str, ...]
    dtype: str
    required: bool = True

    @property
    def expected(self) -> str:
        """The rule in words, ``float32 (N, H, W)``."""
        return f"{self.dtype} ({', '.join(self.shape)}{',' if len(self.shape) == 1 else ''})"


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


class ContractError(RefusedError):
    """A dataset that breaks the contract; ``findings`` holds every violation."""

    def __init__(self, name: str, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        listed = "; ".join(f"{f.key}: expected {f.expected}, found {f.found}" for f in findings)
        super().__init__(
            name,
            expected="a dataset that keeps the contract",
            found=f"{len(findings)} violation(s): {listed}",
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
        Empty where the contract is kept. Rules about values are judged on the arrays whose shapes allow it.
    """
    return (
        *layout_violations(arrays),
        *_unknown_keys(arrays),
        *_dtypes(arrays),
        *_amplitudes(arrays),
        *_alias(arrays),
        *_extent(_sound(arrays)),
        *_numbering(_sound(arrays)),
    )


def layout_violations(arrays: Mapping[str, np.ndarray]) -> tuple[Finding, ...]:
    """List what keeps the forward model from being computed: keys, shapes, wild values, places."""
    return (*_missing_keys(arrays), *_shapes(arrays), *_non_finite(arrays), *_outside(_sound(arrays)))


def require_contract(name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise :class:`ContractError` with every violation unless *arrays* keep the contract."""
    found = violations(arrays)
    if found:
        raise ContractError(name, found)


def check(arrays: Mapping[str, np.ndarray]) -> CheckReport:
    """Report all violations, with the dataset's sizes as measures.

    A dataset need not have been reconstructed: without object or probe it is accepted, with a note that a
    fixture needs them. :func:`violations` and :func:`require_contract` speak of fixtures, and refuse it.
    """
    sound = _sound(arrays)
    measures: dict[str, float] = {}
    if "diffraction" in sound:
        measures["positions"] = len(sound["diffraction"])
        measures["max_amplitude"] = float(sound["diffraction"].max(initial=0.0))
    if {"xcoords", "ycoords"} <= sound.keys():
        measures["groups"] = len(groups(sound["xcoords"], sound["ycoords"]))
    findings = tuple(f for f in violations(arrays) if not (f.key in RECONSTRUCTED and f.key not in arrays))
    return CheckReport(CHECK, findings=findings, measures=measures, notes=(*_absent(arrays), *NOTES))


def _absent(arrays: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Note what a reconstruction would add."""
    for key in RECONSTRUCTED:
        if key not in arrays:
            yield f"no {key}: a dataset may lack it until it is reconstructed, a fixture may not"


def _finding(key: str, expected: str, found: str, remedy: str = "") -> Finding:
    return Finding(CHECK, key, expected, found, remedy)


def _missing_keys(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for key, rule in RULES.items():
        if rule.required and key not in arrays:
            remedy = "Convert the file with `harness generate --source FILE`."
            yield _finding(key, rule.expected, "no such key", remedy)


def _unknown_keys(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for key in sorted(arrays.keys() - RULES.keys()):
        remedy = f"Remove {key!r}, or keep it in a file of its own."
        yield _finding(key, f"only the keys {', '.join(RULES)}", "an unknown key", remedy)


def _dtypes(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for key, rule in RULES.items():
        if key not in arrays or _has_dtype(arrays[key], rule.dtype):
            continue
        found = str(arrays[key].dtype)
        if key in ("diffraction", "diff3d") and arrays[key].dtype.kind in "iu":
            found += ", as counts are: an intensity, not an amplitude"
        yield _finding(key, rule.dtype, found, "Convert the file with `harness generate --source FILE`.")


def _has_dtype(array: np.ndarray, dtype: str) -> bool:
    return (
        array.dtype.kind in "iu" if dtype == "integer" else array.dtype.newbyteorder("=") == np.dtype(dtype)
    )


def _shapes(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    sizes = _sizes(arrays)
    for key, rule in RULES.items():
        if key in arrays and not _fits(arrays[key], rule, sizes):
            wanted = ", ".join(f"{n} = {sizes[n]}" if n in sizes else n for n in rule.shape)
            remedy = "All per-position arrays are taken by one index array; axes are (position, row, column)."
            yield _finding(key, f"shape ({wanted}), none of them 0", f"shape {arrays[key].shape}", remedy)


def _sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Take N from the x coordinates, and H and W from the probe: the arrays whose axes are beyond doubt."""
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


def _non_finite(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for key in RULES:
        if key not in arrays:
            continue
        if not _is_numeric(arrays[key]):
            remedy = "Store plain numbers; a pickled object is never read."
            yield _finding(key, "numbers", f"dtype {arrays[key].dtype}", remedy)
        elif bad := int(arrays[key].size - np.isfinite(arrays[key]).sum()):
            remedy = "Mask or interpolate bad pixels before the file is written."
            yield _finding(key, "finite values", f"{bad} NaN or infinite value(s)", remedy)
        elif (most := largest(arrays[key])) > MOST_MAGNITUDE:
            remedy = "Correct the values, or their unit."
            yield _finding(key, f"magnitudes up to {MOST_MAGNITUDE:g}", f"{most:g}", remedy)


def largest(array: np.ndarray) -> float:
    """Return the largest magnitude in an array of numbers; 0 where it is empty."""
    with np.errstate(over="ignore"):
        return float(np.abs(array).max(initial=0))


def _is_numeric(array: np.ndarray) -> bool:
    return array.dtype.kind in "iufc"


def _sound(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays whose shape, kind and values let the rules about values be judged."""
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
    """Judge what is finite: NaN in one pixel must not hide a negative one beside it."""
    data = arrays.get("diffraction")
    if data is None or data.dtype.kind not in "iuf" or not np.isfinite(data).any():
        return
    finite = data[np.isfinite(data)]
    least, most = float(finite.min()), float(finite.max())
    if least < 0:
        remedy = "Store amplitudes: the square root of non-negative counts."
        yield _finding("diffraction", "amplitudes of at least 0", f"minimum {least:.6g}", remedy)
    if most >= MOST_AMPLITUDE:
        remedy = "Scale diffraction and probe together, as `harness generate` does; or take the square root."
        yield _finding("diffraction", f"maximum below {MOST_AMPLITUDE:g}", f"maximum {most:.6g}", remedy)


def _alias(arrays: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    if not {"diff3d", "diffraction"} <= arrays.keys():
        return
    alias, data = arrays["diff3d"], arrays["diffraction"]
    if alias.dtype != data.dtype or alias.shape != data.shape or alias.tobytes() != data.tobytes():
        yield _finding("diff3d", "diffraction, byte for byte", "other bytes", "Drop the legacy alias diff3d.")


def _extent(sound: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    obj = sound.get("objectGuess")
    if obj is not None and min(obj.shape) < SMALLEST_OBJECT:
        remedy = "Keep the full object; crop or bin by less."
        least = f"at least {SMALLEST_OBJECT} x {SMALLEST_OBJECT} pixels"
        yield _finding("objectGuess", least, f"{obj.shape[0]} x {obj.shape[1]}", remedy)


def _numbering(sound: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    if not {"xcoords", "ycoords"} <= sound.keys():
        return
    x, y = sound["xcoords"], sound["ycoords"]
    if len(x) < FEWEST_POSITIONS:
        yield _finding(
            "xcoords", f"at least {FEWEST_POSITIONS} positions", str(len(x)), "Take more positions."
        )
    if (found := len(groups(x, y))) < FEWEST_GROUPS:
        remedy = "Take positions that are spread over the plane and do not coincide."
        yield _finding(
            "xcoords, ycoords", f"at least {FEWEST_GROUPS} groups of 4 neighbours", str(found), remedy
        )
    index = sound.get("scan_index")
    if index is not None and (len(np.unique(index)) < len(index) or index.min() < 0):
        yield _finding("scan_index", "each source position once", "repeated or negative indices")


def _outside(sound: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    if not {"objectGuess", "probeGuess"} <= sound.keys():
        return
    for key, axis in (("ycoords", 0), ("xcoords", 1)):
        if key in sound:
            size, extent = sound["probeGuess"].shape[axis], sound["objectGuess"].shape[axis]
            yield from _leaving(key, sound[key], size, extent)


def _leaving(key: str, centre: np.ndarray, size: int, extent: int) -> Iterator[Finding]:
    left = np.flatnonzero(~inside(centre, size, extent))
    if left.size:
        expected = (
            f"patch centres from {size / 2:g} to {extent - size / 2:g}, so that patches stay in the object"
        )
        found = f"{left.size} outside, position {left[0]} at {centre[left[0]]:.6g}"
        remedy = "Coordinates are patch centres in object pixels, x along columns, y along rows."
        yield _finding(key, expected, found, remedy)
