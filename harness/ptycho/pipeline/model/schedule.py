"""What every descent shares: a rate that ends at zero, and a loss that stays finite."""

from __future__ import annotations

import math

from harness.core.errors import RefusedError


def cosine(share: float) -> float:
    """Fall from 1 to 0 as *share* goes from 0 to 1."""
    return 0.5 * (1 + math.cos(math.pi * share))


def require_finite(loss: float) -> None:
    """Refuse a loss that is not finite.

    Raises
    ------
    RefusedError
        The descent diverged.
    """
    if not math.isfinite(loss):
        raise RefusedError(
            "loss",
            expected="a finite number",
            found=str(loss),
            remedy="Lower learning, object or probe rate.",
        )
