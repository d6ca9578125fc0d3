"""Faults of shape, dtype and scale, which the contract forbids; no physics is needed to see them."""

from __future__ import annotations

import numpy as np

from second_simulator.faults.fault import Arrays, ScanFault


def count_scale(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Amplitudes of raw counts, in the hundreds."""
    return {**arrays, "diffraction": arrays["diffraction"] * np.float32(600 / arrays["diffraction"].max())}


def double_precision(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """float64 and complex128 where float32 and complex64 are the contract."""
    wide = {"f": np.float64, "c": np.complex128}
    return {key: a.astype(wide.get(a.dtype.kind, a.dtype)) for key, a in arrays.items()}


def pickled(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """A dictionary stored as a pickled object."""
    return {**arrays, "metadata": np.array({"photons": 1e6}, dtype=object)}


def not_a_number(arrays: Arrays, rng: np.random.Generator, _: float) -> Arrays:
    """Dead pixels are NaN."""
    stack = arrays["diffraction"].copy()
    stack[:, rng.integers(stack.shape[1]), rng.integers(stack.shape[2])] = np.nan
    return {**arrays, "diffraction": stack}


FAULTS = (
    ScanFault("amplitudes of raw counts", "contract", count_scale, r"maximum|scale", mended=False),
    ScanFault("double precision", "contract", double_precision, r"dtype", mended=False),
    ScanFault("pickled metadata", "contract", pickled, r"key|pickle", mended=False),
    ScanFault("NaN in a pixel", "contract", not_a_number, r"nan|finite", mended=False),
)
