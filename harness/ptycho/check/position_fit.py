"""Fit small errors of the coordinates to the patterns, by least squares.

Why it works: a pattern recorded a little away from its stored position, by (dx, dy), differs from the
predicted one by ``dx * dA/dx + dy * dA/dy``, where A is the predicted amplitude as a function of position.
The two slopes are known from the forward model (central differences), so each pattern gives two normal
equations for its own displacement. A similarity of the plane (offset, scale, rotation) is linear in its four
parameters as well, so the same equations, summed over all patterns, give one offset, scale and rotation for
the whole scan.

The amplitude is not quite linear in the displacement, so the step is repeated (Gauss-Newton). It converges
from a few pixels away. From further away the slopes do not point to the right position, and
``position_mistakes`` searches a grid first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.scan.forward import fitted_scale

if TYPE_CHECKING:
    from harness.ptycho.scan.residual import Dataset

HALF_STEP = 0.5
"""Half the distance, in pixels, over which a slope is taken."""

MOST_STEPS = 8
CONVERGED = 0.02
"""The fit ends with a step that moves no position by more than this many pixels."""

DIVERGED = 12.0
"""It also ends with a step that moves a position by more pixels than this: the error is not small."""

FEWEST_PATTERNS = 4
"""Patterns that a similarity is fitted to at least."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """A similarity of the plane: position z = x + iy is moved to ``factor * z + offset``.

    Attributes
    ----------
    factor : complex
        Scale (its modulus) and rotation (its angle).
    offset : complex
        Shift in object pixels, x + iy.
    """

    factor: complex = 1.0
    offset: complex = 0.0

    def move(self, data: Dataset) -> Dataset:
        """Return *data* with every position moved."""
        z = self.factor * (data.x + 1j * data.y) + self.offset
        return replace(data, x=z.real, y=z.imag)

    def then(self, other: Similarity) -> Similarity:
        """Return this similarity followed by *other*."""
        return Similarity(other.factor * self.factor, other.factor * self.offset + other.offset)

    def largest_move(self, data: Dataset) -> float:
        """Return the largest distance, in pixels, by which it moves a position of *data*."""
        moved = self.move(data)
        return float(np.hypot(moved.x - data.x, moved.y - data.y).max(initial=0.0))


@dataclass(frozen=True, slots=True, eq=False)
class NormalEquations:
    """Normal equations of each pattern's displacement, in squared amplitude.

    Attributes
    ----------
    matrix : (N, 2, 2) float
        Products of the prediction's slopes along x and y, summed over the detector.
    right_side : (N, 2) float
        Products of the slopes with what the prediction leaves unexplained.
    covariance : (N, 2, 2) float
        Of the right side, under independent noise that in each pixel is as large as the unexplained part.
    """

    matrix: np.ndarray
    right_side: np.ndarray
    covariance: np.ndarray

    def displacements(self) -> np.ndarray:
        """Return each pattern's own displacement, (N, 2): x, y in pixels."""
        return np.asarray((self._inverse() @ self.right_side[..., None])[..., 0])

    def variances(self) -> np.ndarray:
        """Return the variances that noise gives each pattern's own displacement, (N, 2) in square pixels."""
        inverse = self._inverse()
        return np.asarray((inverse @ self.covariance @ inverse).diagonal(axis1=1, axis2=2))

    def _inverse(self) -> np.ndarray:
        """Return the pseudo-inverses: a pattern without slope along an axis is not moved along it."""
        return np.linalg.pinv(self.matrix, hermitian=True)

    def similarity(self, z: np.ndarray, *, offset_only: bool) -> Similarity:
        """Return the similarity of the positions *z* that fits all patterns together.

        z : (N,) complex, x + iy. With *offset_only*, scale and rotation stay 1 and 0.
        """
        # Around the middle (u, v), a small similarity moves a position by
        #   dx = a + k u - r v,   dy = b + k v + r u     (offset a, b; scale 1 + k; rotation r).
        middle = z.mean()
        u, v, one, zero = (z - middle).real, (z - middle).imag, np.ones(len(z)), np.zeros(len(z))
        design = np.array([[one, zero, u, -v], [zero, one, v, u]]).transpose(2, 0, 1)  # (N, 2, 4)
        design = design[..., :2] if offset_only else design
        matrix = np.einsum("nai,nab,nbj->ij", design, self.matrix, design)
        right_side = np.einsum("nai,na->i", design, self.right_side)
        a, b, k, r = (*np.linalg.lstsq(matrix, right_side, rcond=None)[0], 0.0, 0.0)[:4]
        return Similarity(1 + k + 1j * r, complex(a, b) - (k + 1j * r) * middle)


def fit_similarity(data: Dataset, *, offset_only: bool, steps: int = MOST_STEPS) -> Similarity:
    """Return the similarity that moves the stored positions to where the patterns were recorded.

    Parameters
    ----------
    data : Dataset
        Its shapes must match; positions too near to the object's edge are left out.
    offset_only : bool
        Fit an offset without scale and rotation.
    steps : int
        Steps of the fit at most.
    """
    similarity = Similarity()
    for _ in range(steps):
        moved = similarity.move(data)
        moved = moved.take(movable_positions(moved))
        if len(moved.x) < FEWEST_PATTERNS:
            break
        step = normal_equations(moved).similarity(moved.x + 1j * moved.y, offset_only=offset_only)
        similarity = similarity.then(step)
        if step.largest_move(moved) < CONVERGED or step.largest_move(moved) > DIVERGED:
            break
    return similarity


def with_fitted_positions(data: Dataset) -> Dataset:
    """Return *data* with each position moved by its own fitted displacement.

    At most half a pixel along each axis, because rounding moves none by more. Positions at the object's edge
    stay where they are.
    """
    index = movable_positions(data)
    moved = np.zeros((len(data.x), 2))
    if index.size:
        displacements = normal_equations(data.take(index)).displacements()
        moved[index] = np.clip(displacements, -HALF_STEP, HALF_STEP)
    return replace(data, x=data.x + moved[:, 0], y=data.y + moved[:, 1])


def movable_positions(data: Dataset) -> np.ndarray:
    """Return the indices of positions whose patch stays inside the object when moved by ``HALF_STEP``."""
    free = np.ones(len(data.x), dtype=bool)
    for dx, dy in ((HALF_STEP, 0), (-HALF_STEP, 0), (0, HALF_STEP), (0, -HALF_STEP)):
        free &= data.moved(dx, dy).inside
    return np.flatnonzero(free)


def normal_equations(data: Dataset) -> NormalEquations:
    """Return the normal equations of the displacements; all positions must be movable."""
    predicted = data.predict()
    scale = fitted_scale(predicted, data.diffraction)
    left = data.diffraction - scale * predicted
    slopes = np.stack([_slope(data, scale, HALF_STEP, 0), _slope(data, scale, 0, HALF_STEP)], axis=1)
    return NormalEquations(
        matrix=np.einsum("naij,nbij->nab", slopes, slopes),
        right_side=np.einsum("naij,nij->na", slopes, left),
        covariance=np.einsum("naij,nbij,nij->nab", slopes, slopes, left**2),
    )


def _slope(data: Dataset, scale: float, dx: float, dy: float) -> np.ndarray:
    """Return the central difference of the prediction along (dx, dy), (N, H, W) amplitude per pixel."""
    ahead, behind = data.moved(dx, dy).predict(), data.moved(-dx, -dy).predict()
    return np.asarray((ahead - behind) * (scale / (2 * HALF_STEP)))
