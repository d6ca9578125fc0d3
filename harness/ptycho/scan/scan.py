"""A scan: the data of one ptychography experiment, in the harness's own axis order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.ptycho.scan import rules
from harness.ptycho.scan.mask import of_positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.fixtures.manifest import Source

KEYS = {
    "diffraction": "diffraction",
    "object": "objectGuess",
    "probe": "probeGuess",
    "x": "xcoords",
    "y": "ycoords",
    "x_start": "xcoords_start",
    "y_start": "ycoords_start",
    "scan_index": "scan_index",
    "mask": "mask",
    "truth": "Y",
}
"""Field of a scan -> key of the dataset contract."""

PER_POSITION = tuple(field for field, key in KEYS.items() if key in rules.PER_POSITION)
"""Fields that always have one entry for each position. A mask may have, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One scan in memory, whatever file it came from.

    Parameters
    ----------
    name : str
        ``simulated``, or the file's name without its folder.
    diffraction : ndarray, (N, H, W)
        Amplitude, zero frequency at the centre.
    object : ndarray, (M, M'), complex
    probe : ndarray, (H, W), complex
    x, y : ndarray, (N,)
        Patch centres in object pixels; x along columns, y along rows.
    source : Source
        Where the data come from, with a digest.
    x_start, y_start : ndarray, (N,), optional
        Nominal positions, if the true ones differ.
    scan_index : ndarray, (N,), optional
        Index of each position in the source.
    mask : ndarray, (H, W) or (N, H, W), bool, optional
        True where a pixel counts; without a mask, all do.
    truth : ndarray, (N, H, W), complex, optional
        Ground-truth patches of the object.
    transformations : tuple of str
        What was done to the source so far, in order.
    """

    name: str
    diffraction: np.ndarray
    object: np.ndarray
    probe: np.ndarray
    x: np.ndarray
    y: np.ndarray
    source: Source
    x_start: np.ndarray | None = None
    y_start: np.ndarray | None = None
    scan_index: np.ndarray | None = None
    mask: np.ndarray | None = None
    truth: np.ndarray | None = None
    transformations: tuple[str, ...] = ()

    @property
    def positions(self) -> int:
        """Number of scan positions, N."""
        return len(self.x)

    @property
    def detector(self) -> tuple[int, int]:
        """Detector pixels (H, W): rows, columns."""
        height, width = self.probe.shape
        return height, width

    def take(self, index: np.ndarray, *, note: str | None = None) -> Scan:
        """Return the scan of the positions *index*; all per-position arrays are selected together.

        ``scan_index`` keeps pointing into the source, however often positions are selected.

        Parameters
        ----------
        index : (n,) int
            Indices of positions, in the order wanted.
        note : str, optional
            A transformation to record.
        """
        numbered = (
            self if self.scan_index is not None else replace(self, scan_index=np.arange(self.positions))
        )
        taken = {
            name: value[index] for name in PER_POSITION if (value := getattr(numbered, name)) is not None
        }
        return replace(numbered.noted(note), mask=of_positions(self.mask, index), **taken)

    def noted(self, note: str | None) -> Scan:
        """Return the scan with *note* added to its transformations (unchanged if *note* is None)."""
        return self if note is None else replace(self, transformations=(*self.transformations, note))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that the scan has, under the keys of the dataset contract."""
        return {key: value for name, key in KEYS.items() if (value := getattr(self, name)) is not None}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], *, name: str, source: Source) -> Scan:
        """Build a scan from *arrays* under the keys of the dataset contract; other keys are left out."""
        present: dict[str, Any] = {field: arrays[key] for field, key in KEYS.items() if key in arrays}
        return cls(name=name, source=source, **present)
