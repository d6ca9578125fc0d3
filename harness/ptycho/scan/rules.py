"""The keys of a dataset: shape and dtype of each array, and what they have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Rule:
    """Shape and dtype of one key of the dataset; letters in a shape are sizes that the keys share."""

    key: str
    shape: tuple[str, ...]
    dtype: str
    required: bool = True
    other_shape: tuple[str, ...] = ()
    """A second shape that is allowed, too."""

    @property
    def shapes(self) -> tuple[tuple[str, ...], ...]:
        """The shapes that are allowed, by the letters of their sizes."""
        return (self.shape, self.other_shape) if self.other_shape else (self.shape,)

    @property
    def shapes_text(self) -> str:
        """The shapes in words, ``(H, W) or (N, H, W)``."""
        return " or ".join(f"({', '.join(s)}{',' if len(s) == 1 else ''})" for s in self.shapes)

    @property
    def expected(self) -> str:
        """The rule in words, ``a float32 array of shape (N, H, W)``."""
        return f"{'an' if self.dtype[0] in 'aeiou' else 'a'} {self.dtype} array of shape {self.shapes_text}"

    @property
    def is_per_position(self) -> bool:
        """Whether the array always has one entry for each scan position."""
        return self.shape[0] == "N"


RULES = {
    rule.key: rule
    for rule in (
        Rule("diffraction", ("N", "H", "W"), "float32"),
        Rule("objectGuess", ("M", "M'"), "complex64"),
        Rule("probeGuess", ("H", "W"), "complex64"),
        Rule("xcoords", ("N",), "float64"),
        Rule("ycoords", ("N",), "float64"),
        Rule("xcoords_start", ("N",), "float64", required=False),
        Rule("ycoords_start", ("N",), "float64", required=False),
        Rule("scan_index", ("N",), "integer", required=False),
        Rule("mask", ("H", "W"), "bool", required=False, other_shape=("N", "H", "W")),
        Rule("Y", ("N", "H", "W"), "complex64", required=False),
        Rule("diff3d", ("N", "H", "W"), "float32", required=False),
    )
}

PER_POSITION = tuple(key for key, rule in RULES.items() if rule.is_per_position)
"""Keys of the arrays that always have one entry for each scan position. A mask may have, too: see
:func:`is_per_position`."""

BAD_PIXELS = "bad_pixels"
"""What ptychodus calls the inverse of a mask: readers turn it into one."""

STACKS = ("diffraction", "diff3d")
"""Keys of the patterns, whose pixels a mask may exclude."""

FORWARD_KEYS = ("diffraction", "probeGuess", "objectGuess", "xcoords", "ycoords")
"""Keys of the arrays that the forward model needs, in the order of ``residual.Dataset``."""


RECONSTRUCTED = ("objectGuess", "probeGuess")
"""Keys of a fixture that a dataset has only after its reconstruction."""


def is_per_position(key: str, array: np.ndarray) -> bool:
    """Return whether *array* has one entry for each position, so that it must be selected with the others.

    >>> import numpy as np
    >>> is_per_position("mask", np.ones((64, 64))), is_per_position("mask", np.ones((16, 64, 64)))
    (False, True)
    """
    return key in PER_POSITION or (key == "mask" and array.ndim == len(RULES[key].other_shape))
