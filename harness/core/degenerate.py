"""Arrays that carry nothing: never recorded as golden unless the caller says that they are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class DegenerateError(RefusedError):
    """An array that shall become golden is all NaN, all zero, constant, or newly not finite."""


def require_informative(
    fixture: str,
    arrays: Mapping[str, np.ndarray],
    golden: Mapping[str, np.ndarray] | None = None,
    *,
    allow_nonfinite: bool | Collection[str] = False,
    allow_constant: bool | Collection[str] = False,
) -> None:
    """Raise unless every array may become golden.

    Parameters
    ----------
    fixture : str
        The name that errors give.
    arrays : mapping of str to ndarray
        What shall become golden.
    golden : mapping of str to ndarray, optional
        What is golden now.
    allow_nonfinite, allow_constant : bool or collection of str
        Arrays that may hold NaN and infinities, or a single value: all of them, or those named.

    Raises
    ------
    DegenerateError
        Naming the first array that is degenerate, and how.
    """
    for name, array in arrays.items():
        before = golden.get(name) if golden else None
        fault = None
        if not _allows(allow_nonfinite, name):
            fault = _nonfinite_fault(array, before)
        if fault is None and not _allows(allow_constant, name):
            fault = _constant_fault(array)
        if fault is not None:
            word = "allow_constant" if fault in _CONSTANT else "allow_nonfinite"
            raise DegenerateError(
                f"fixture {fixture!r}, array {name!r}",
                expected="values that carry information",
                found=fault,
                remedy=f"Mend the generator; if it is meant so, say check(..., {word}=[{name!r}]).",
            )


_CONSTANT = ("all zero", "one value everywhere")


def _allows(allowed: bool | Collection[str], name: str) -> bool:
    return allowed if isinstance(allowed, bool) else name in allowed


def _nonfinite_fault(array: np.ndarray, golden: np.ndarray | None) -> str | None:
    if array.dtype.kind not in "fc" or not array.size:
        return None
    if np.isnan(array).all():
        return "NaN everywhere"
    count = int(np.count_nonzero(~np.isfinite(array)))
    known = golden is not None and golden.dtype.kind in "fc" and not np.isfinite(golden).all()
    return f"{count} values that are not finite" if count and not known else None


def _constant_fault(array: np.ndarray) -> str | None:
    """How an array of two elements or more is constant; strings and single values never are."""
    if array.size <= 1 or array.dtype.kind not in "biufc":
        return None
    if not array.any():
        return _CONSTANT[0]
    return _CONSTANT[1] if (array == array.flat[0]).all() else None
