"""The form that the dataset contract asks for: amplitudes below 10, and each array in its dtype.

Files of the field hold photons, counts or units of their own, in the precision of the detector. A power of
two changes only exponents, and one rounding at the end only last digits: nothing else is done here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.scan.contract import LARGEST_AMPLITUDE
from harness.ptycho.scan.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

SCALED = ("diffraction", "probeGuess")
"""Keys that are scaled together, so that the forward model still holds."""


def contract_form(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return a dataset's arrays scaled into the contract's range and in its dtypes, with notes.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Under the contract's keys; some may be missing. Diffraction is amplitude.

    Returns
    -------
    dict of str to ndarray
        Diffraction and probe scaled by one power of two, so that the maximum is below 10; each array in C
        order and the contract's dtype.
    tuple of str
        What was changed, in order; empty if nothing was.

    Examples
    --------
    >>> made, notes = contract_form({"diffraction": np.full((1, 2, 2), 20.0), "xcoords": np.zeros(1)})
    >>> float(made["diffraction"].max()), notes
    (5.0, ('diffraction, probeGuess: scaled by 2**-2', 'diffraction: float64 -> float32'))
    """
    scaled, notes = _scaled(arrays)
    made = {}
    for key, array in scaled.items():
        dtype = np.dtype("int64" if RULES[key].dtype == "integer" else RULES[key].dtype)
        made[key] = np.ascontiguousarray(array, dtype=dtype)
        if array.dtype != dtype:
            notes = (*notes, f"{key}: {array.dtype} -> {dtype}")
    return made, notes


def _scaled(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    # Rounded first: 9.9999999 becomes 10 in float32, which the contract refuses.
    most = float(np.float32(arrays["diffraction"].max(initial=0))) if "diffraction" in arrays else 0.0
    if not LARGEST_AMPLITUDE <= most < math.inf:
        return dict(arrays), ()
    power = math.floor(math.log2(most / LARGEST_AMPLITUDE)) + 1
    scaled = {key: array * 0.5**power if key in SCALED else array for key, array in arrays.items()}
    return scaled, (f"{', '.join(SCALED)}: scaled by 2**-{power}",)
