"""Curves that amplitudes were put through: a power, a logarithm, an offset; and how they are recognised.

Counts are recognised without the prediction: where n = 1, 2, 3 photons occur, their stored values tell the
curve. Other numbers are compared with the prediction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.scan.photons import SAMPLED_VALUES, WHOLE, quantum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FEWEST_LEVELS = 3
NAMED = 0.02
"""An exponent that is this near one with a name has it."""

TRIED_EXPONENTS = np.geomspace(0.2, 5, 33)
LARGEST_LOGARITHM = 25.0
TRIED_RANGES = np.geomspace(0.5, 20, 24)
"""Largest value over the unit of a logarithm: e^20 is more than the photons of any pixel."""

LEAST_BEND = 0.02
"""An exponent nearer to 1 is not reported: 1 % of the light in other modes of the probe looks like 0.997."""

MOST_LEFT = 0.9
"""Share of the misfit that is left where a curve is worth a trial."""

REFINED = 3
"""Times that a grid is made nine times finer around its best value."""


class Curve(NamedTuple):
    """What was stored instead of amplitudes; *undo* takes stored values to amplitudes, up to one scale.

    Attributes
    ----------
    name, remedy : str
    undo : callable
    parameters : int
    """

    name: str
    remedy: str
    undo: Callable[[np.ndarray], np.ndarray]
    parameters: int = 0


INTENSITY = Curve(
    "intensity stored where amplitude is expected", "Store the square root of diffraction.", np.sqrt
)
ROOT_TWICE = Curve("the square root taken twice", "Store the square of diffraction.", np.square)


def power(exponent: float) -> Curve:
    """Return the curve of amplitudes to the power *exponent*.

    >>> power(2.0).name, power(0.7).name
    ('intensity stored where amplitude is expected', 'amplitudes to the power 0.7')
    """
    for known, curve in ((2.0, INTENSITY), (0.5, ROOT_TWICE)):
        if abs(exponent / known - 1) < NAMED:
            return curve
    inverse = 1 / exponent
    return Curve(
        f"amplitudes to the power {exponent:.3g}",
        f"Store diffraction to the power {inverse:.6g}.",
        lambda stack: stack**inverse,
        parameters=1,
    )


def logarithm(unit: float) -> Curve:
    """Return the curve of *unit* times log(1 + counts)."""
    return Curve(
        "the logarithm of 1 + counts stored (log1p)",
        f"Store np.sqrt(np.expm1(diffraction / {unit:.8g})).",
        lambda stack: np.sqrt(np.expm1(stack / unit)),
        parameters=1,
    )


def plain_logarithm(unit: float) -> Curve:
    """Return the curve of *unit* times log(counts), with 0 where there is none."""
    return Curve(
        "the logarithm of counts stored",
        f"Store np.sqrt(np.exp(diffraction / {unit:.8g})), and 0 where diffraction is 0.",
        lambda stack: np.where(stack > 0, np.sqrt(np.exp(stack / unit)), 0),
        parameters=1,
    )


def rooted_logarithm(unit: float) -> Curve:
    """Return the curve of the square root of *unit* times log(1 + counts)."""
    return Curve(
        "the square root of the logarithm of 1 + counts stored",
        f"Store np.sqrt(np.expm1(diffraction ** 2 / {unit:.8g})).",
        lambda stack: np.sqrt(np.expm1(stack**2 / unit)),
        parameters=1,
    )


def offset(constant: float) -> Curve:
    """Return the curve of amplitudes with a constant offset."""
    return Curve(
        f"a constant offset of {constant:.4g} left in the amplitudes",
        f"Store diffraction - {constant:.8g}, and 0 where that is negative.",
        lambda stack: np.maximum(stack - constant, 0),
        parameters=1,
    )


def of_counts(stack: np.ndarray) -> Iterator[Curve]:
    """Yield the curves after whose undoing the stored values are roots of counts.

    stack : (n, H, W) float, not negative, none of it roots of counts as it is.
    """
    levels, times = np.unique(_spread(stack), return_counts=True)
    often = levels[(times > 1) & (levels > 0)]
    if len(often) < FEWEST_LEVELS:
        return
    first, second = often[:2]
    most = float(levels[-1] / first * np.log(2))
    candidates = [power(2 * float(np.log2(second / first)))]
    if most < LARGEST_LOGARITHM:
        candidates += [curve(float(first / np.log(2))) for curve in (logarithm, plain_logarithm)]
    if most * levels[-1] / first < LARGEST_LOGARITHM:
        candidates.append(rooted_logarithm(float(first**2 / np.log(2))))
    if levels[0] > 0:
        candidates.append(offset(float(levels[0])))
    some = stack[:: max(1, stack.size // SAMPLED_VALUES)]
    for curve in candidates:
        if _are_successive(curve.undo(often[:FEWEST_LEVELS])) and quantum(curve.undo(some)) is not None:
            yield curve


def _are_successive(amplitudes: np.ndarray) -> bool:
    """Return whether three amplitudes are roots of successive counts: 1, 2, 3, or more."""
    steps = np.diff(amplitudes**2)
    return bool(abs(steps[1] - steps[0]) < WHOLE * steps[0])


def of_prediction(predicted: np.ndarray, measured: np.ndarray) -> Iterator[Curve]:
    """Yield the power and the logarithm after whose undoing the prediction explains most.

    predicted, measured : (n, H, W) float, not negative.
    """
    light, stored = _spread(predicted), _spread(measured)
    most = float(stored.max(initial=0.0))
    if most == 0:
        return
    stored = stored / most
    unbent = _misfit(light, stored)

    def raised(exponent: float) -> float:
        return _misfit(light, stored ** (1 / exponent))

    def expanded(span: float) -> float:
        return _misfit(light, np.sqrt(np.expm1(stored * span)))

    exponent = _best(TRIED_EXPONENTS, raised)
    if abs(exponent - 1) >= LEAST_BEND and raised(exponent) < MOST_LEFT * unbent:
        yield power(exponent)
    if expanded(span := _best(TRIED_RANGES, expanded)) < MOST_LEFT * unbent:
        yield logarithm(most / span)


def _best(grid: np.ndarray, misfit: Callable[[float], float]) -> float:
    """Return the positive number that *misfit* is least at: the best of a grid, made finer around it."""
    for _ in range(REFINED):
        at = int(np.argmin([misfit(float(value)) for value in grid]))
        low, high = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
        grid = np.geomspace(low, high, 9)
    return float(grid[int(np.argmin([misfit(float(value)) for value in grid]))])


def _misfit(light: np.ndarray, amplitudes: np.ndarray) -> float:
    """Return the share of the energy of *amplitudes*, (n,), that the prediction does not explain."""
    energy = float(light @ light) * float(amplitudes @ amplitudes)
    return 1 - float(light @ amplitudes) ** 2 / energy if energy > 0 else 1.0


def _spread(stack: np.ndarray) -> np.ndarray:
    """Return values of a stack at even distances, (n,)."""
    values = np.ravel(stack)
    return values[:: max(1, -(-values.size // SAMPLED_VALUES))]
