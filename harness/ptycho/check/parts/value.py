"""The stored numbers: powers, logarithms, offsets; values that wrapped around, were clipped or cut off."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction
from harness.ptycho.check.parts.values.curves import INTENSITY, ROOT_TWICE, Curve, of_counts, of_prediction
from harness.ptycho.check.parts.values.limits import limited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "value"


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield the curves that amplitudes may have been put through, and limits of large and small values."""
    if not evidence.has_excess:
        return
    yield from limited(evidence)
    if evidence.one_photon is None:
        yield from map(_undone, _curves(evidence))


def slow(_: Evidence) -> Iterator[Correction]:
    """Yield nothing: all are quick."""
    return iter(())


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing: values do not change shapes."""
    return iter(())


def _curves(evidence: Evidence) -> list[Curve]:
    """Return curves that lead to counts; if there are none, those that the prediction speaks for."""
    stack = np.maximum(evidence.measured, 0)
    found = list(of_counts(stack))
    if found:
        return found
    fitted = list(of_prediction(evidence.predicted, stack))
    # With another mistake beside it, the prediction tells no exponent.
    return list({curve.name: curve for curve in (INTENSITY, ROOT_TWICE, *fitted)}.values())


def _undone(curve: Curve) -> Correction:
    def apply(data: Dataset) -> Dataset:
        stack = np.maximum(data.diffraction, 0).astype(np.float64)
        return replace(data, diffraction=curve.undo(stack))

    return Correction(PART, curve.name, curve.remedy, apply, parameters=curve.parameters)
