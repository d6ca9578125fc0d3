"""Does the physics explain the data? The forward residual, and its contrast.

The residual alone cannot say: it follows the dose (0.03 at 10^6 photons per pattern, 0.17 at 10^4) and the
quality of a measured scan's reconstruction (0.10). What tells is the *contrast*: how much worse the same data
are explained when the coordinates are dealt to other positions. It is near 1 wherever coordinates and
patterns do not belong together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.core.domain import CheckReport, Finding
from harness.core.errors import RefusedError
from harness.ptycho.contract import layout_violations
from harness.ptycho.forward import amplitude, inside, residual

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECK = "consistency"
LEAST_CONTRAST = 1.5
"""Between what faults reach (1.15 for mis-paired, swapped or shifted data, 1.34 for a frame 4 px off) and
what honest data keep: 14 at 10^6 photons per pattern, 2.4 at 10^4, 3.1 for a measured Siemens star."""

CLEARLY = 0.9
"""Another reading must lower the residual to this share before it is believed."""

PAIRING = (
    "Check that diffraction and coordinates were taken by one index array, that coordinates are patch "
    "centres in object pixels, and that probe and object belong to these data."
)
DEALS = 8
"""Permutations that the permuted residual is the mean of."""

DEALING_SEED = 0
ROUNDING = 1.2e-7
"""One unit in the last place of float32, relative: no stored amplitude is better explained."""


class ConsistencyError(RefusedError):
    """A dataset that its own physics does not explain; ``findings`` says why."""

    def __init__(self, name: str, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__(
            name,
            expected="; ".join(f.expected for f in findings),
            found="; ".join(f.found for f in findings),
            remedy=" ".join(f.remedy for f in findings),
        )


@dataclass(frozen=True, slots=True)
class Consistency:
    """How well stored probe, object and coordinates explain the stored diffraction.

    Attributes
    ----------
    residual : float
        Forward residual as stored, 0 to 1.
    permuted : float
        Mean residual with the coordinates permuted among the positions.
    """

    residual: float
    permuted: float

    @property
    def contrast(self) -> float:
        """Permuted over stored residual; 1 where the pairing carries nothing."""
        return self.permuted / max(self.residual, ROUNDING)

    @property
    def is_explained(self) -> bool:
        """Whether coordinates and patterns belong together."""
        return self.contrast >= LEAST_CONTRAST


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """What the forward model needs, and what it has to explain; the argument of every measurement here.

    Attributes
    ----------
    diffraction : (N, H, W) real
        Amplitude, zero frequency at the centre.
    probe : (H, W) complex
    object : (M, M') complex
    x, y : (N,) float
        Patch centres in object pixels.
    """

    diffraction: np.ndarray
    probe: np.ndarray
    object: np.ndarray
    x: np.ndarray
    y: np.ndarray

    @property
    def is_possible(self) -> bool:
        """Whether the forward model can be computed: shapes fit and patches stay in the object."""
        (height, width), (rows, columns) = self.probe.shape, self.object.shape
        fits = self.diffraction.shape == (len(self.x), height, width)
        return bool(fits and inside(self.x, width, columns).all() and inside(self.y, height, rows).all())

    def predict(self) -> np.ndarray:
        """Return the amplitudes that the stored probe, object and coordinates predict, (N, H, W) float64.

        Raises
        ------
        RefusedError
            A patch leaves the object.
        """
        return amplitude(self.probe, self.object, self.x, self.y)

    def measure(self) -> Consistency:
        """Measure the forward residual as stored and with permuted coordinates; raises as `predict`."""
        return compare(self.predict(), self.diffraction)


def compare(predicted: np.ndarray, measured: np.ndarray) -> Consistency:
    """Compare amplitudes, both (N, H, W), position by position and dealt at random.

    Permuting the coordinates permutes the predictions: nothing is propagated anew.
    """
    deal = np.random.default_rng(DEALING_SEED)
    permuted = [residual(predicted[deal.permutation(len(measured))], measured) for _ in range(DEALS)]
    return Consistency(residual(predicted, measured), float(np.mean(permuted)))


def check(arrays: Mapping[str, np.ndarray]) -> CheckReport:
    """Judge a dataset under the contract's keys by its own physics.

    Two things speak against it: a contrast below ``LEAST_CONTRAST``, and another reading of the same numbers
    (square roots, swapped coordinates, ...) that explains them better; the finding then names that reading.
    """
    if layout_violations(arrays):
        note = "not judged: the forward model cannot be computed before the contract's findings are mended"
        return CheckReport(CHECK, notes=(note,))
    data = Dataset(
        *(arrays[key] for key in ("diffraction", "probeGuess", "objectGuess", "xcoords", "ycoords"))
    )
    predicted = data.predict()
    found = compare(predicted, data.diffraction)
    measures = {
        "forward_residual": found.residual,
        "permuted_residual": found.permuted,
        "contrast": found.contrast,
    }
    return CheckReport(
        CHECK, findings=_findings(found, better_reading(data, predicted, found)), measures=measures
    )


def require_explained(name: str, arrays: Mapping[str, np.ndarray]) -> CheckReport:
    """Return the report of :func:`check`, or raise :class:`ConsistencyError` where it has findings."""
    report = check(arrays)
    if report.findings:
        raise ConsistencyError(name, report.findings)
    return report


def better_reading(data: Dataset, predicted: np.ndarray, found: Consistency) -> tuple[str, float] | None:
    """Return the reading that explains *data* clearly better than as stored, and its residual, or None."""
    scored = {name: residual(predicted, stack) for name, stack in _other_stacks(data.diffraction)}
    swapped = replace(data, x=data.y, y=data.x)
    if not found.is_explained and swapped.is_possible:
        scored["x and y exchanged"] = residual(swapped.predict(), data.diffraction)
    best = min(scored, key=scored.__getitem__)
    return (best, scored[best]) if scored[best] < CLEARLY * found.residual else None


def _other_stacks(stack: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what the same numbers mean where a known fault was made: F05, F14, F02."""
    yield "their square root taken", np.sqrt(np.abs(stack))
    yield "the zero frequency moved to the centre", np.fft.fftshift(stack, axes=(1, 2))
    others = {
        "detector rows and columns exchanged": stack.swapaxes(1, 2),
        "the axes (H, W, N) moved to (N, H, W)": np.moveaxis(stack, -1, 0),
        "the axes (W, N, H) moved to (N, H, W)": np.moveaxis(stack, 0, -1),
        "the axes reversed": stack.transpose(2, 1, 0),
    }
    yield from ((name, other) for name, other in others.items() if other.shape == stack.shape)


def _findings(found: Consistency, reading: tuple[str, float] | None) -> tuple[Finding, ...]:
    if found.is_explained and reading is None:
        return ()
    expected = (
        f"a forward residual at least {LEAST_CONTRAST:g} times smaller than with permuted coordinates, "
        "and no other reading that explains the data better"
    )
    told = f"{found.residual:.3g} as stored, {found.permuted:.3g} permuted (contrast {found.contrast:.2f})"
    if reading is None:
        return (Finding(CHECK, "diffraction", expected, told, PAIRING),)
    name, other = reading
    return (
        Finding(
            CHECK, "diffraction", expected, f"{told}, {other:.3g} with {name}", f"Store the data with {name}."
        ),
    )
