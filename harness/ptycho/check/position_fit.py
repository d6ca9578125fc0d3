"""Where the positions really are: small errors of coordinates, read off the patterns by least squares.

A pattern taken at a position a little off differs from the predicted one by the slope of the prediction along
x and y. Fitting these slopes gives each pattern's displacement, and a similarity (offset, scale, turn) for
all of them together. The step is repeated; it finds displacements of some pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.scan.forward import fitted_scale

if TYPE_CHECKING:
    from harness.ptycho.scan.residual import Dataset

REACH = 0.5
"""Half the distance, in pixels, over which a slope is taken."""

STEPS = 8
STILL = 0.02
"""A step that moves no position by more than this many pixels is the last."""

LOST = 12.0
"""A step that moves a position by more than this is no small error's; it is the last, too."""

FEWEST = 4
"""Patterns that a similarity is fitted to at least."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A similarity of the plane: position z = x + iy lies at ``factor * z + offset``.

    Attributes
    ----------
    factor : complex
        Scale (its modulus) and turn (its angle).
    offset : complex
        Shift in object pixels, x + iy.
    """

    factor: complex = 1.0
    offset: complex = 0.0

    def move(self, data: Dataset) -> Dataset:
        """Return *data* with every position moved."""
        z = self.factor * (data.x + 1j * data.y) + self.offset
        return replace(data, x=z.real, y=z.imag)

    def then(self, other: Frame) -> Frame:
        """Return this similarity followed by *other*."""
        return Frame(other.factor * self.factor, other.factor * self.offset + other.offset)

    def largest(self, data: Dataset) -> float:
        """Return how far, in pixels, it moves the position that it moves most."""
        moved = self.move(data)
        return float(np.hypot(moved.x - data.x, moved.y - data.y).max(initial=0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Normal equations of each pattern's displacement, in squared amplitude.

    Attributes
    ----------
    normal : (N, 2, 2) float
        Products of the prediction's slopes along x and y.
    pull : (N, 2) float
        Products of the slopes with what the prediction leaves.
    scatter : (N, 2, 2) float
        Covariance of the pull under noise that is independent, and in each pixel as large as what it leaves.
    """

    normal: np.ndarray
    pull: np.ndarray
    scatter: np.ndarray

    def one_by_one(self) -> np.ndarray:
        """Return each pattern's own displacement, (N, 2): x, y in pixels."""
        return np.asarray((self._inverse() @ self.pull[..., None])[..., 0])

    def noise(self) -> np.ndarray:
        """Return the variance of each pattern's own displacement that noise gives it, (N, 2)."""
        inverse = self._inverse()
        return np.asarray((inverse @ self.scatter @ inverse).diagonal(axis1=1, axis2=2))

    def _inverse(self) -> np.ndarray:
        """Return the inverse normals; a pattern without light along an axis is not moved along it."""
        return np.linalg.pinv(self.normal, hermitian=True)

    def together(self, z: np.ndarray, *, rigid: bool) -> Frame:
        """Return the similarity of the positions *z* (an offset alone where *rigid*) that fits them all."""
        middle = z.mean()
        u, v, one, none = (z - middle).real, (z - middle).imag, np.ones(len(z)), np.zeros(len(z))
        rows = np.array([[one, none, u, -v], [none, one, v, u]]).transpose(2, 0, 1)
        rows = rows[..., :2] if rigid else rows
        normal = np.einsum("nai,nab,nbj->ij", rows, self.normal, rows)
        pull = np.einsum("nai,na->i", rows, self.pull)
        a, b, k, turn = (*np.linalg.lstsq(normal, pull, rcond=None)[0], 0.0, 0.0)[:4]
        return Frame(1 + k + 1j * turn, complex(a, b) - (k + 1j * turn) * middle)


def fit(data: Dataset, *, rigid: bool, steps: int = STEPS) -> Frame:
    """Fit the similarity that moves the stored positions to where the patterns were taken.

    Parameters
    ----------
    data : Dataset
        With patterns that fit; positions whose patch leaves the object are left out.
    rigid : bool
        An offset alone, without scale and turn.
    steps : int
        Steps of the fit at most.
    """
    frame = Frame()
    for _ in range(steps):
        moved = frame.move(data)
        moved = moved.take(room(moved))
        if len(moved.x) < FEWEST:
            break
        step = slopes(moved).together(moved.x + 1j * moved.y, rigid=rigid)
        frame = frame.then(step)
        if step.largest(moved) < STILL or step.largest(moved) > LOST:
            break
    return frame


def refined(data: Dataset) -> Dataset:
    """Return *data* with each position moved by its own fitted displacement.

    At most half a pixel along each axis, since rounding moves none by more. Positions at the object's edge
    stay where they are.
    """
    index = room(data)
    moved = np.zeros((len(data.x), 2))
    if index.size:
        moved[index] = np.clip(slopes(data.take(index)).one_by_one(), -REACH, REACH)
    return replace(data, x=data.x + moved[:, 0], y=data.y + moved[:, 1])


def room(data: Dataset) -> np.ndarray:
    """Return the indices of positions that can be moved by ``REACH`` along either axis."""
    free = np.ones(len(data.x), dtype=bool)
    for dx, dy in ((REACH, 0), (-REACH, 0), (0, REACH), (0, -REACH)):
        free &= replace(data, x=data.x + dx, y=data.y + dy).inside
    return np.flatnonzero(free)


def slopes(data: Dataset) -> Slopes:
    """Return the normal equations of *data*'s displacements; all positions need ``room``."""
    predicted = data.predict()
    scale = fitted_scale(predicted, data.diffraction)
    left = data.diffraction - scale * predicted
    along = np.stack([_slope(data, scale, REACH, 0), _slope(data, scale, 0, REACH)], axis=1)
    return Slopes(
        np.einsum("naij,nbij->nab", along, along),
        np.einsum("naij,nij->na", along, left),
        np.einsum("naij,nbij,nij->nab", along, along, left**2),
    )


def _slope(data: Dataset, scale: float, dx: float, dy: float) -> np.ndarray:
    ahead = replace(data, x=data.x + dx, y=data.y + dy).predict()
    behind = replace(data, x=data.x - dx, y=data.y - dy).predict()
    return np.asarray((ahead - behind) * (scale / (2 * REACH)))
