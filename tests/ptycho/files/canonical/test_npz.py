"""Canonical .npz files keep the contract of formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from contract import FormatContract

from harness.ptycho.files.canonical.npz import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestNpz(FormatContract):
    """Arrays as they are; no lengths."""

    format = FORMAT
    reference = "harness.ptycho.files.canonical.npz:FORMAT"

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        arrays = dict(np.load(path))
        for name, changed in harmed(arrays).items():
            target = folder / f"{name}.npz"
            np.savez(target, **changed)
            yield target


def harmed(arrays: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Return broken copies of a canonical set of arrays by what was done to them."""
    stack = arrays["diffraction"]
    return {
        "no keys": {},
        "renamed": {f"my_{key}": array for key, array in arrays.items()},
        "no y": {key: array for key, array in arrays.items() if key != "ycoords"},
        "patterns of two axes": arrays | {"diffraction": stack[0]},
        "another number of positions": arrays | {"xcoords": arrays["xcoords"][:-1]},
        "other pixels": arrays | {"diffraction": stack[:, 1:]},
        "complex patterns": arrays | {"diffraction": stack * 1j},
        "negative": arrays | {"diffraction": -1 - stack},
        "not a number": arrays | {"diffraction": np.where(arrays["mask"], np.nan, stack)},
        "infinite object": arrays | {"objectGuess": arrays["objectGuess"] * np.inf},
        "no pixels": arrays | {"diffraction": stack[:, :0]},
        "a mask of another shape": arrays | {"mask": arrays["mask"][..., 1:]},
        "a mask of numbers": arrays | {"mask": arrays["mask"] * 0.5},
        "text": arrays | {"xcoords": np.array(["1"] * len(stack))},
        "four axes": arrays | {"probeGuess": arrays["probeGuess"][np.newaxis]},
        "truth of another shape": arrays | {"Y": arrays["Y"][1:]},
    }
