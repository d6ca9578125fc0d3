"""What a file of the field holds, in one form for all formats, and what is lost on the way to another."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from harness.ptycho.files.geometry import Geometry

if TYPE_CHECKING:
    import numpy as np

_STACK_AXES = 3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Content:
    """What one file of the field holds; None for what it does not have.

    Parameters
    ----------
    diffraction : ndarray, (N, H, W), float, optional
        Amplitude, zero frequency at the centre; 0 where a pixel does not count.
    object : ndarray, (layers, M, M'), complex, optional
    probe : ndarray, (modes, H, W), complex, optional
    x, y : ndarray, (N,), float64, optional
        Patch centres in object pixels; x along columns, y along rows. Where there is no object, the smallest
        canvas that holds every window.
    x_start, y_start : ndarray, (N,), float64, optional
        Nominal positions, if the true ones differ.
    scan_index : ndarray, (N,), int, optional
        Index of each position in the source. Files that keep patterns and positions apart are joined by it.
    mask : ndarray, (H, W) or (N, H, W), bool, optional
        True where a pixel counts.
    truth : ndarray, (N, H, W), complex, optional
        Ground-truth patches of the object.
    geometry : Geometry
        Lengths in metres.
    transformations : tuple of str
        What was done to the file's arrays: axes, units, roots, in order. A manifest records them.
    left_out : tuple of str
        What the file has besides, by its name there, and why it was not read.
    """

    diffraction: np.ndarray | None = None
    object: np.ndarray | None = None
    probe: np.ndarray | None = None
    x: np.ndarray | None = None
    y: np.ndarray | None = None
    x_start: np.ndarray | None = None
    y_start: np.ndarray | None = None
    scan_index: np.ndarray | None = None
    mask: np.ndarray | None = None
    truth: np.ndarray | None = None
    geometry: Geometry = field(default_factory=Geometry)
    transformations: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def parts(self) -> frozenset[str]:
        """Return the names of what is there: arrays, lengths, and what an array has more than one of.

        ``geometry.NAME`` for lengths; ``object.layers`` and ``probe.modes`` if there is more than one, and
        ``mask.patterns`` if each pattern has a mask of its own. What a :class:`Format` holds has these names.

        Examples
        --------
        >>> sorted(Content(geometry=Geometry(distance=2.0)).parts())
        ['geometry.distance']
        """
        arrays = [one.name for one in fields(self) if one.name not in NOT_ARRAYS]
        lengths = [f"geometry.{one.name}" for one in fields(self.geometry)]
        return frozenset(
            [name for name in arrays if getattr(self, name) is not None]
            + [name for name in lengths if getattr(self.geometry, name.partition(".")[2]) is not None]
            + [name for name, has_several in self._several() if has_several]
        )

    def _several(self) -> tuple[tuple[str, bool], ...]:
        return (
            (LAYERS, self.object is not None and len(self.object) > 1),
            (MODES, self.probe is not None and len(self.probe) > 1),
            (MASKS, self.mask is not None and self.mask.ndim == _STACK_AXES),
        )

    def noted(self, *notes: str) -> Content:
        """Return the content with *notes* added to its transformations."""
        return replace(self, transformations=(*self.transformations, *notes))


NOT_ARRAYS = ("geometry", "transformations", "left_out")
"""Fields of a :class:`Content` that are no arrays."""

LAYERS, MODES, MASKS = "object.layers", "probe.modes", "mask.patterns"
"""Parts that a format may hold or not: several layers, several modes, a mask for each pattern. Where one
does not, they are refused, and reduced to one only when asked."""
