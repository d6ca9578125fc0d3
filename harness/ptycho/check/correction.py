"""A correction: what may be wrong, how to correct it, and the correction itself, to be executed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from harness.ptycho.scan.residual import Dataset


class Size(NamedTuple):
    """How large an error is, with the standard error that photon noise gives to the figure.

    >>> str(Size("rotation", 0.3, 0.02, "degrees"))
    'rotation 0.3 +- 0.02 degrees'
    """

    quantity: str
    value: float
    uncertainty: float
    unit: str

    def __str__(self) -> str:
        """Return the figure with its uncertainty and unit."""
        return f"{self.quantity} {self.value:.3g} +- {self.uncertainty:.1g} {self.unit}"


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """One thing that may be wrong, with its remedy.

    Attributes
    ----------
    part : str
        The part of the model: pixel, pattern, order, detector, value, position, probe or object.
    name : str
        What is wrong, to continue "best explained by ...".
    remedy : str
        What to do, as a sentence; *apply* does exactly this.
    apply : callable
        The remedy: the stored dataset, with all its patterns, to the corrected one.
    parameters : int
        Numbers that were fitted to the data; 0 for a mistake that is either made or not.
    sizes : tuple of Size
        How large the error is.
    significance : float or None
        Standard deviations by which the part itself found it to differ from noise, its number of trials
        counted. None: the gain over the patterns decides.
    is_material : bool or None
        Whether its size matters, however little of the excess it accounts for. None: its share of the excess
        decides.
    kept : (n,) int or None
        Patterns that the remedy keeps, if it removes some.
    changed : (n,) int or None
        Patterns that it changes, if they are few: they are looked at beside the sampled ones.
    one_photon : float or None
        Amplitude of a single photon in the corrected patterns, where the part knows it.
    held_out : float or None
        Share of the excess that it accounts for in patterns that it was not fitted to, if it was measured.
    """

    part: str
    name: str
    remedy: str
    apply: Callable[[Dataset], Dataset]
    parameters: int = 0
    sizes: tuple[Size, ...] = ()
    significance: float | None = None
    is_material: bool | None = None
    kept: np.ndarray | None = None
    changed: np.ndarray | None = None
    one_photon: float | None = None
    held_out: float | None = None
