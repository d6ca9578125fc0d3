"""A guard before linear algebra: numbers near the limits of a double end a fit, not the check."""

from __future__ import annotations

import numpy as np


def finite(matrix: np.ndarray) -> np.ndarray:
    """Return *matrix* as it is.

    Raises
    ------
    numpy.linalg.LinAlgError
        It holds NaN or infinity, which LAPACK would complain about on standard error.

    Examples
    --------
    >>> finite(np.eye(2)).shape
    (2, 2)
    """
    if not np.isfinite(matrix).all():
        raise np.linalg.LinAlgError("not finite")
    return matrix
