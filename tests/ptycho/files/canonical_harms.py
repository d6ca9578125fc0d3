"""Broken copies of the arrays of a scan, under the keys of the dataset contract."""

from __future__ import annotations

import numpy as np


def harmed(arrays: dict[str, np.ndarray], key: str = "diffraction") -> dict[str, dict[str, np.ndarray]]:
    """Return broken copies of a set of arrays by what was done to them; *key* is that of the patterns."""
    stack = arrays[key]
    return {
        "no keys": {},
        "renamed": {f"my_{name}": array for name, array in arrays.items()},
        "no y": {name: array for name, array in arrays.items() if name != "ycoords"},
        "patterns of two axes": arrays | {key: stack[0]},
        "another number of positions": arrays | {"xcoords": arrays["xcoords"][:-1]},
        "other pixels": arrays | {key: stack[:, 1:]},
        "complex patterns": arrays | {key: stack * 1j},
        "negative": arrays | {key: -1 - stack},
        "not a number": arrays | {key: stack * np.nan},
        "infinite object": arrays | {"objectGuess": arrays["objectGuess"] * np.inf},
        "no pixels": arrays | {key: stack[:, :0]},
        "a mask of another shape": arrays | {"mask": np.ones((3, 3), bool)},
        "a mask of numbers": arrays | {"mask": np.full(stack.shape[1:], 0.5)},
        "text": arrays | {"xcoords": np.array(["1"] * len(stack))},
        "four axes": arrays | {"probeGuess": arrays["probeGuess"][np.newaxis, np.newaxis]},
        "truth of another shape": arrays | {"Y": np.ones((2, 3, 4), np.complex64)},
    }
