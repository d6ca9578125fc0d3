"""Noise in the last bit: what another machine's arithmetic does to a number, imitated on this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

LAST_BIT = 2.0**-23
"""Relative size: one unit in the last place of a float32."""


def with_last_bit_noise(arrays: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Every real and complex element times 1 + 2**-23 u, u uniform in -1..1; all else as it is.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Any shapes; dtypes are kept.
    seed : int
        Of the noise; the same seed gives the same bits.
    """
    rng = np.random.default_rng(seed)
    return {name: _noisy(arrays[name], rng) for name in sorted(arrays)}


def _noisy(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if array.dtype.kind not in "fc":
        return array
    factors = 1 + LAST_BIT * rng.uniform(-1, 1, array.shape)
    return np.asarray(array * factors, dtype=array.dtype)
