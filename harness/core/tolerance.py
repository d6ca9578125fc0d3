"""How far a value may be from its golden one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

# The defaults of torch.testing.assert_close, rtol and atol by dtype; other dtypes must be equal.
_DEFAULTS = {
    "float16": (1e-3, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "complex64": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex128": (1e-7, 1e-7),
}


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A value passes if ``|found - expected| <= atol + rtol * |expected|``, or is at most *ulp* steps away.

    ``ulp`` counts representable numbers from one to the other; it is 0, not used, by default, and means
    nothing for integers and strings.
    """

    atol: float = 0.0
    rtol: float = 0.0
    ulp: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no distance."""
        for field in fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not 0 <= value < math.inf:
                raise UsageError(
                    f"tolerance {field.name}",
                    expected="a finite number, 0 or more",
                    found=repr(value),
                    remedy="Correct the tolerance.",
                )


def default_tolerance(dtype: np.dtype) -> Tolerance:
    """Tolerance of a dtype, as ``torch.testing.assert_close`` has it."""
    rtol, atol = _DEFAULTS.get(dtype.name, (0.0, 0.0))
    return Tolerance(atol=atol, rtol=rtol)


def read_tolerances(
    given: Mapping[str, Tolerance | Mapping[str, float]] | None, names: set[str]
) -> dict[str, Tolerance]:
    """Tolerances by array name, as a caller may write them, ``{"object": {"atol": 1e-3}}``.

    Raises
    ------
    UsageError
        If a name is no array's, or a key is no tolerance: a typing error must not loosen a test.
    """
    unknown = sorted(set(given or {}) - names)
    if unknown:
        raise UsageError(
            f"tolerance for {', '.join(unknown)}",
            expected=f"one of the arrays {', '.join(sorted(names))}",
            found="no array of that name",
            remedy="Correct the name.",
        )
    return {name: _read_one(name, value) for name, value in (given or {}).items()}


def _read_one(name: str, value: Tolerance | Mapping[str, float]) -> Tolerance:
    if isinstance(value, Tolerance):
        return value
    known = {field.name for field in fields(Tolerance)}
    if not isinstance(value, Mapping) or set(value) - known:
        found = ", ".join(sorted(set(value) - known)) if isinstance(value, Mapping) else repr(value)
        raise UsageError(
            f"tolerance for {name}",
            expected=f"keys among {', '.join(sorted(known))}",
            found=found,
            remedy="Correct the key.",
        )
    return Tolerance(**value)  # type: ignore[arg-type]
