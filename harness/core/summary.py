"""One array -> the few numbers that show in a diff what moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.digest import digest_array

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BLOCK_ELEMENTS = 1 << 20
_MEAN_DIGITS = 9  # the last ones depend on the processor, for it decides on the order of a sum


@dataclass(frozen=True, slots=True)
class ArraySummary:
    """Shape, dtype, content digest and range of one array.

    Attributes
    ----------
    minimum, maximum, mean : number, str or None
        Of the finite elements; of a complex array, of their magnitudes. None where there are none; dates are
        text and have no mean, strings have none of the three.
    nan, infinite : int
        How many elements are NaN (or no date), and how many infinite.
    magnitude : bool
        Whether the range is one of magnitudes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    digest: str
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    nan: int = 0
    infinite: int = 0
    magnitude: bool = False


@dataclass(frozen=True, slots=True)
class _Range:
    """Finite elements of one block: lowest, highest, their sum over *size*; and how many are not finite."""

    low: Any
    high: Any
    share: float
    finite: int
    nan: int


def summarise(arrays: Mapping[str, np.ndarray]) -> tuple[ArraySummary, ...]:
    """Summary of each array, sorted by name.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Any shapes, memory orders and plain dtypes.
    """
    return tuple(_summary(name, array) for name, array in sorted(arrays.items()))


def _summary(name: str, array: np.ndarray) -> ArraySummary:
    magnitude = array.dtype.kind == "c"
    about = ArraySummary(name, tuple(array.shape), array.dtype.name, digest_array(array), magnitude=magnitude)
    return about if array.dtype.kind in "SU" else _measured(about, array)


def _measured(about: ArraySummary, array: np.ndarray) -> ArraySummary:
    ranges = [_range(block, array.size) for block in _blocks(array)]
    nan, finite = sum(r.nan for r in ranges), sum(r.finite for r in ranges)
    counted = replace(about, nan=nan, infinite=array.size - finite - nan)
    told = [r for r in ranges if r.finite]
    if not told:
        return counted
    mean = None if array.dtype.kind in "mM" else sum(r.share for r in told) * (array.size / finite)
    low, high = min(r.low for r in told), max(r.high for r in told)
    return replace(counted, minimum=_number(low), maximum=_number(high), mean=_rounded(mean))


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    flat = array.ravel("K")
    for start in range(0, flat.size, _BLOCK_ELEMENTS):
        yield flat[start : start + _BLOCK_ELEMENTS]


def _range(block: np.ndarray, size: int) -> _Range:
    finite = block[np.isfinite(block)]
    nan = int(np.isnan(block).sum())
    if not finite.size:
        return _Range(None, None, 0.0, 0, nan)
    with np.errstate(over="ignore"):  # a magnitude may be beyond its dtype
        values = np.abs(finite) if finite.dtype.kind == "c" else finite
        # Each element is divided before it is added: a sum of finite numbers may be infinite, a mean is not.
        share = 0.0 if values.dtype.kind in "mM" else float((values.astype(np.float64) / size).sum())
    return _Range(values.min(), values.max(), share, values.size, nan)


def _number(value: Any) -> float | str:
    """A number that prints as short as in its own dtype; a date as text."""
    if value.dtype.kind in "mM":
        return str(value)
    if value.dtype.kind in "biu":
        return int(value)
    return float(str(value)) + 0.0  # no minus zero: which zero is the lowest is not defined


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_MEAN_DIGITS}g}") + 0.0
