"""A mask says which detector pixels count: True where one does, for all patterns at once or for each.

A pixel that does not count may hold anything, NaN included. Physics puts 0 there, in measured and predicted
amplitudes alike, so that it adds to no sum.
"""

from __future__ import annotations

import numpy as np


def masked(stack: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Return *stack* with 0 where the mask is False; *stack* itself, not a copy, if there is no mask.

    Parameters
    ----------
    stack : (N, H, W) or (H, W), real or complex
    mask : (N, H, W) or (H, W) bool, or None
        None: every pixel counts.

    Examples
    --------
    >>> masked(np.array([[1.0, np.nan]]), np.array([[True, False]]))
    array([[1., 0.]])
    """
    return stack if mask is None else np.where(mask, stack, np.zeros((), dtype=stack.dtype))


def of_positions(mask: np.ndarray | None, index: np.ndarray | slice) -> np.ndarray | None:
    """Return the mask of the positions *index*; one mask for all patterns is returned as it is.

    >>> of_positions(np.ones((2, 2), dtype=bool), np.array([3, 4])).shape
    (2, 2)
    """
    return mask[index] if mask is not None and mask.ndim == 3 else mask  # noqa: PLR2004 - (N, H, W)


def of_pattern(mask: np.ndarray | None, number: int) -> np.ndarray | None:
    """Return which pixels of one pattern count, (H, W) bool; None if all do.

    >>> of_pattern(np.ones((5, 2, 3), dtype=bool), 4).shape
    (2, 3)
    """
    own = of_positions(mask, slice(number, number + 1))
    return own if own is None else np.broadcast_to(own, (1, *own.shape[-2:]))[0]
