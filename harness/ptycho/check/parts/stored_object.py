"""The stored object: conjugated, transposed, mirrored, or not the object of this scan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "object"


def quick(_: Evidence) -> Iterator[Correction]:
    """Yield nothing: a wrong object leaves a large excess."""
    return iter(())


def slow(_: Evidence) -> Iterator[Correction]:
    """Yield the known mistakes in the object."""
    yield _correction("a conjugated object", "Store objectGuess.conj().", np.conj)
    yield _correction("a transposed object", "Store objectGuess.T.", np.transpose)


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing yet."""
    return iter(())


def _correction(name: str, remedy: str, change: Callable[[np.ndarray], np.ndarray]) -> Correction:
    return Correction(PART, name, remedy, lambda data: replace(data, object=change(data.object)))
