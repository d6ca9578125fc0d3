"""The values of an array, surveyed in blocks: large stacks are never copied whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.scan.mask import masked, of_positions

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 1 << 22
"""Bytes of an array that are surveyed at once."""


@dataclass(frozen=True, slots=True)
class Values:
    """What an array of numbers holds, apart from elements that do not count.

    Attributes
    ----------
    size : int
        Number of elements, those that do not count included.
    unusable : int
        Elements that are NaN or infinite.
    least, most : float
        Of the finite elements; infinite and minus infinite if there is none. NaN for complex numbers.
    largest : float
        Largest magnitude of the finite elements; 0 if there is none.
    """

    size: int
    unusable: int
    least: float
    most: float
    largest: float

    @property
    def are_usable(self) -> bool:
        """Whether every element is finite."""
        return self.unusable == 0


def survey(array: np.ndarray, mask: np.ndarray | None = None) -> Values:
    """Return what *array* holds.

    Parameters
    ----------
    array : any shape, integers or real or complex floating point
    mask : (H, W) or (N, H, W) bool, optional
        For a stack (N, H, W): True where a pixel counts.

    Examples
    --------
    >>> survey(np.array([3.0, -4.0, np.nan]))
    Values(size=3, unusable=1, least=-4.0, most=3.0, largest=4.0)
    """
    found = [_survey_block(block) for block in _blocks(np.atleast_1d(array), mask)]
    return Values(
        size=array.size,
        unusable=sum(v.unusable for v in found),
        least=min((v.least for v in found), default=np.inf),
        most=max((v.most for v in found), default=-np.inf),
        largest=max((v.largest for v in found), default=0.0),
    )


def _blocks(array: np.ndarray, mask: np.ndarray | None) -> Iterator[np.ndarray]:
    """Yield the array in parts along its first axis, with 0 where an element does not count."""
    step = max(1, BLOCK_BYTES * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), step):
        part = slice(start, start + step)
        yield masked(array[part], of_positions(mask, part))


def _survey_block(block: np.ndarray) -> Values:
    finite = np.isfinite(block)
    unusable = block.size - int(np.count_nonzero(finite))
    usable = block if unusable == 0 else block[finite]
    if block.dtype.kind == "c":
        with np.errstate(over="ignore"):
            return Values(block.size, unusable, np.nan, np.nan, float(np.abs(usable).max(initial=0)))
    if usable.size == 0:
        return Values(block.size, unusable, np.inf, -np.inf, 0.0)
    least, most = float(usable.min()), float(usable.max())
    return Values(block.size, unusable, least, most, max(abs(least), abs(most)))
