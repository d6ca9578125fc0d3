"""Amplitudes of the intensities that files store, and back, with the masks that belong to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import RefusedError
from harness.ptycho.scan.contract import counted, value_problems
from harness.ptycho.scan.mask import of_pattern

if TYPE_CHECKING:
    from harness.ptycho.files.content import Content


def amplitude_of(
    patterns: np.ndarray, mask: np.ndarray | None, thing: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the square root of intensities in float64, and notes on what was done.

    Parameters
    ----------
    patterns : (N, H, W) real
        Intensities. Negative ones, which subtracting a background leaves, become 0.
    mask : (H, W) or (N, H, W) bool, optional
        True where a pixel counts; 0 elsewhere.
    thing : str
        File and key, for errors.

    Raises
    ------
    RefusedError
        Pixels that count are NaN or infinite, or the mask has another shape.

    Examples
    --------
    >>> amplitude_of(np.array([[[4, 9]]], np.uint16), None, "scan.cxi: data")
    (array([[[2., 3.]]]), ('diffraction: uint16 intensity -> float64 amplitude (square root)',))
    """
    _require_mask_fits(patterns, mask, thing)
    for expected, found, remedy in value_problems(patterns, mask):
        raise RefusedError(thing, expected=expected, found=found, remedy=remedy)
    amplitudes, negative, changed = np.zeros(patterns.shape), 0, 0
    for number, pattern in enumerate(patterns):
        good = of_pattern(mask, number)
        wide = pattern.astype(np.float64)
        if good is not None:
            changed += int(np.count_nonzero(wide[~good]))
            wide[~good] = 0
        negative += int(np.count_nonzero(wide < 0))
        np.sqrt(np.maximum(wide, 0, out=wide), out=amplitudes[number])
    notes = [f"diffraction: {patterns.dtype} intensity -> float64 amplitude (square root)"]
    notes += [f"diffraction: {counted(negative, 'negative value')} set to 0"] if negative else []
    notes += [f"diffraction: {counted(changed, 'value')} set to 0 where mask is False"] if changed else []
    return amplitudes, tuple(notes)


def _require_mask_fits(patterns: np.ndarray, mask: np.ndarray | None, thing: str) -> None:
    if mask is not None and mask.shape not in (patterns.shape, patterns.shape[1:]):
        expected = f"a mask of shape {patterns.shape[1:]} or {patterns.shape}, like the patterns"
        raise RefusedError(
            thing, expected=expected, found=f"shape {mask.shape}", remedy="Store one mask for all patterns."
        )


def intensity_of(content: Content) -> np.ndarray:
    """Return the squares of a content's amplitudes in float64, 0 where a pixel does not count.

    float64, because the square root of the square is then the amplitude again, bit for bit.

    Raises
    ------
    RefusedError
        The content has no diffraction.
    """
    if content.diffraction is None:
        raise RefusedError(
            "diffraction", expected="patterns", found="none", remedy="Convert a file that has them."
        )
    squares = np.square(content.diffraction, dtype=np.float64)
    if content.mask is not None:
        squares *= content.mask
    return np.asarray(squares)
