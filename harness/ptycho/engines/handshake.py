"""The handshake: an engine's own prediction of the stored object and probe must be ours.

It proves axes, FFT scale, half pixels and signs before anything is reconstructed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.core.errors import RefusedError
from harness.ptycho.scan.forward import (
    BLOCK,
    far_field,
    fitted_scale,
    fourier_shift,
    residual,
)
from harness.ptycho.scan.mask import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.ptycho.scan.residual import Dataset

TOLERANCE = 0.05
"""Relative difference of the two residuals, and of the two scales, that is accepted."""

INTERPOLATION = 0.01
"""Residual that a right engine may leave where ours leaves none: it may interpolate in another way.

Half a pixel off leaves 0.06 on minimal_v1.
"""

LARGEST_DIFFERENCE = 0.02
"""Relative difference of the two predictions that is accepted. In noisy data a residual proves little."""


REMEDY = (
    "Nothing was reconstructed. Compare axes, signs, half pixels and FFT scale of the adapter with the "
    "conventions in harness.ptycho.scan.forward."
)


class Handshake(NamedTuple):
    """Forward residuals and fitted scales of the stored object and probe, by our model and by the engine's.

    ``difference`` is that of the two predictions, relative to ours.
    """

    own_residual: float
    residual: float
    own_scale: float
    scale: float
    difference: float


def shake_hands(data: Dataset, predicted: np.ndarray) -> Handshake:
    """Compare an engine's prediction with ours, by the interpolation that is nearer to it.

    Parameters
    ----------
    data : Dataset
        The stored arrays.
    predicted : (N, H, W) float
        Amplitudes that the engine predicts from the stored object and probe, zero frequency at the centre.

    Raises
    ------
    RefusedError
        The prediction has another shape, or the object does not hold every patch.

    Examples
    --------
    >>> from harness.ptycho.scan.residual import Dataset
    >>> from harness.ptycho.scan.simulate import simulate
    >>> scan = simulate(positions=16, detector=16, photons=1e6)
    >>> data = Dataset(scan.diffraction, scan.probe, scan.object, scan.x, scan.y)
    >>> found = shake_hands(data, data.predict())
    >>> found.residual == found.own_residual, found.difference
    (True, 0.0)
    """
    if predicted.shape != data.diffraction.shape:
        raise RefusedError(
            "handshake",
            expected=f"a prediction of shape {data.diffraction.shape}",
            found=f"{predicted.shape}",
            remedy="Correct the axes in the engine's adapter.",
        )
    owns = (data.predict(), *(predict_by_moved_probe(data, whole) for whole in (np.rint, np.floor)))
    return min((_compared(data, own, predicted) for own in owns), key=lambda one: one.difference)


def predict_by_moved_probe(data: Dataset, whole: Callable[[np.ndarray], np.ndarray] = np.rint) -> np.ndarray:
    """Return what our model predicts if the probe is shifted by the fraction of a pixel, and not the patch.

    The windows begin at the *whole* part of their position, np.rint or np.floor. Returns (N, H, W) float64.
    All of these are in use, and right where the probe is dark at the window's edge. Their predictions differ
    by 1 to 2 % in windows of 32 pixels, and by 0.7 % in those of 64.
    """
    height, width = data.probe.shape
    corners = [centre - size / 2 for centre, size in ((data.y, height), (data.x, width))]
    firsts = [whole(corner).astype(np.intp) for corner in corners]
    fractions = [corner - first for corner, first in zip(corners, firsts, strict=True)]
    predicted = np.empty((len(data.x), height, width))
    for start in range(0, len(data.x), BLOCK):
        block = slice(start, start + BLOCK)
        down, right = (fraction[block] for fraction in fractions)
        rows = firsts[0][block, None, None] + np.arange(height)[None, :, None]
        columns = firsts[1][block, None, None] + np.arange(width)[None, None, :]
        probes = fourier_shift(np.broadcast_to(data.probe, (len(down), height, width)), -down, -right)
        predicted[block] = np.abs(far_field(probes * data.object[rows, columns]))
    return predicted


def _compared(data: Dataset, own: np.ndarray, predicted: np.ndarray) -> Handshake:
    return Handshake(
        residual(own, data.diffraction, data.mask),
        residual(predicted, data.diffraction, data.mask),
        fitted_scale(own, data.diffraction, data.mask),
        fitted_scale(predicted, data.diffraction, data.mask),
        residual(masked(predicted, data.mask), masked(own, data.mask)),
    )


def require_handshake(engine: str, found: Handshake) -> None:
    """Refuse an engine whose prediction is not ours.

    Raises
    ------
    RefusedError
        Residual or scale differ by more than 5 %, or the predictions by more than 2 %; the message has the
        figures. NaN is refused.
    """
    if not _same_residual(found):
        raise _refused(engine, "residual", found.own_residual, found.residual)
    if not abs(found.scale - found.own_scale) <= TOLERANCE * found.own_scale:
        raise _refused(engine, "scale", found.own_scale, found.scale)
    if not found.difference <= LARGEST_DIFFERENCE:
        raise RefusedError(
            f"handshake with engine {engine!r}",
            expected=f"our own prediction within {LARGEST_DIFFERENCE:.0%}",
            found=f"{found.difference:.3g}",
            message=f"engine {engine!r} predicts other diffraction than we do: the two predictions differ by "
            f"{found.difference:.2%}, and {LARGEST_DIFFERENCE:.0%} is allowed",
            remedy=REMEDY,
        )


def _same_residual(found: Handshake) -> bool:
    own = found.own_residual
    highest = max((1 + TOLERANCE) * own, float(np.hypot(own, INTERPOLATION)))
    return bool((1 - TOLERANCE) * own <= found.residual <= highest)


def _refused(engine: str, what: str, own: float, theirs: float) -> RefusedError:
    return RefusedError(
        f"handshake with engine {engine!r}",
        expected=f"the {what} of our own model, {own:.4g}, within {TOLERANCE:.0%}",
        found=f"{theirs:.4g}",
        message=f"engine {engine!r} predicts other diffraction than the stored object and probe give: "
        f"its {what} is {theirs:.4g}, ours is {own:.4g}",
        remedy=REMEDY,
    )
