"""The stored numbers: intensity, roots, logarithms, wrapped and clipped counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "value"


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield the powers that the stored numbers may be of the amplitude."""
    if evidence.one_photon is None:  # otherwise they are roots of counts, not intensities
        yield _stack_correction(
            "intensity stored where amplitude is expected", "Store the square root of diffraction.", np.sqrt
        )
    yield _stack_correction("the square root taken twice", "Store the square of diffraction.", np.square)


def slow(_: Evidence) -> Iterator[Correction]:
    """Yield nothing: all are quick."""
    return iter(())


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing: values do not change shapes."""
    return iter(())


def _stack_correction(name: str, remedy: str, change: Callable[[np.ndarray], np.ndarray]) -> Correction:
    return Correction(
        PART, name, remedy, lambda data: replace(data, diffraction=change(_not_negative(data.diffraction)))
    )


def _not_negative(stack: np.ndarray) -> np.ndarray:
    return np.maximum(stack, 0)
