"""The stored probe: conjugated, mirrored, out of focus, or not the probe of this scan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "probe"


def quick(_: Evidence) -> Iterator[Correction]:
    """Yield nothing: a wrong probe leaves a large excess."""
    return iter(())


def slow(evidence: Evidence) -> Iterator[Correction]:
    """Yield the known mistakes in the probe."""
    yield _correction("a conjugated probe", "Store probeGuess.conj().", np.conj)
    yield _correction(
        "patterns illuminated twice (the ground truth was already multiplied by the probe)",
        "Simulate the patterns from the object, not from exit waves.",
        np.square,
    )
    if evidence.stored.probe.shape[0] == evidence.stored.probe.shape[1]:
        yield _correction("a transposed probe", "Store probeGuess.T.", np.transpose)
    yield _correction(
        "a probe centred at the corner of its array", "Store np.fft.fftshift(probeGuess).", np.fft.fftshift
    )


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing: the probe does not change shapes."""
    return iter(())


def _correction(name: str, remedy: str, change: Callable[[np.ndarray], np.ndarray]) -> Correction:
    return Correction(PART, name, remedy, lambda data: replace(data, probe=change(data.probe)))
