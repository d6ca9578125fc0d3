"""How much a file may unpack to: decided from what it claims, before memory is taken.

Numbers are counted as eight bytes at least: readers compute in double precision, so that small integers grow.
"""

from __future__ import annotations

WIDE = 8
"""Bytes of a number in double precision."""

MOST_COMPRESSED = 128
"""How many bytes one byte of a file may become. Sparse counts of 16 bits reach 80; a bomb 1000 and more."""

ALWAYS = 1 << 27
"""Bytes that any file may become, however small it is: 128 MiB."""

MOST_BYTES = 1 << 34
"""Bytes of all arrays read from one file, at most: 16 GiB."""


class Budget:
    """What the arrays of one file may take in memory, together.

    Parameters
    ----------
    held : int
        Size of the file in bytes.

    Examples
    --------
    >>> budget = Budget(1000)
    >>> budget.claim(1000, itemsize=2)
    ''
    >>> budget.claim(1 << 40, itemsize=1)
    '1099511628776 values in a file of 1000 bytes'
    """

    def __init__(self, held: int) -> None:
        self.held = held
        self.limit = min(MOST_COMPRESSED * held + ALWAYS, MOST_BYTES)
        self._bytes = self._values = 0

    def claim(self, count: int, itemsize: int) -> str:
        """Add *count* values to what is claimed; return what is wrong with the sum, empty if nothing is."""
        self._values += count
        self._bytes += count * max(itemsize, WIDE)
        return "" if self._bytes <= self.limit else f"{self._values} values in a file of {self.held} bytes"
