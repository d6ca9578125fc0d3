"""What both training loops share: a learning rate that falls to zero, and a check of the loss."""

from __future__ import annotations

import math

from harness.core.errors import RefusedError


def cosine_decay(fraction: float) -> float:
    """Return a factor for the learning rate, which falls from 1 to 0 as *fraction* goes from 0 to 1.

    Half a period of a cosine, as in Loshchilov and Hutter, SGDR (2017), without restarts.
    """
    return 0.5 * (1 + math.cos(math.pi * fraction))


def require_finite(loss: float) -> None:
    """Stop a training whose *loss* is NaN or infinite.

    Raises
    ------
    RefusedError
        Training diverged.
    """
    if not math.isfinite(loss):
        raise RefusedError(
            "loss",
            expected="a finite number",
            found=str(loss),
            message=f"training diverged: the loss is {loss}",
            remedy="Use lower learning, object or probe rates.",
        )
