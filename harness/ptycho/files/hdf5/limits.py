"""How much a file may unpack to: decided from what it claims, before memory is taken."""

from __future__ import annotations

from harness.core.storage.npz_members import MAX_INFLATED

MOST_COMPRESSED = 32
"""How many bytes one byte of a file may become. Sparse counts of a detector reach 20; a bomb 1000."""

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
    >>> budget.claim(8000)
    ''
    >>> budget.claim(1 << 40)
    '1099511635776 bytes in a file of 1000'
    """

    def __init__(self, held: int) -> None:
        self.held = held
        self.limit = min(MOST_COMPRESSED * held + MAX_INFLATED, MOST_BYTES)
        self._claimed = 0

    def claim(self, size: int) -> str:
        """Add *size* bytes to what is claimed; return what is wrong with the sum, empty if nothing is."""
        self._claimed += size
        return "" if self._claimed <= self.limit else f"{self._claimed} bytes in a file of {self.held}"
