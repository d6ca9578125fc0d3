"""Arrays and numbers of one file by name, each checked when it is taken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import HarnessError, RefusedError, UnreadableError
from harness.core.storage.npz import Arrays
from harness.ptycho.files.hdf5.limits import Budget
from harness.ptycho.scan.contract import value_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

_NUMBERS = {"fiu": "real numbers", "iu": "integers", "biu": "booleans", "fciu": "complex or real numbers"}


class Named:
    """Arrays of one file by name.

    Every error begins with the file's name and the key.

    Parameters
    ----------
    name : str
        The file's name without its folder.
    keys : collection of str
        The names that there are.
    get : callable
        Takes one of them and returns its array.

    Examples
    --------
    >>> file = Named("a.npz", ["x"], lambda key: np.array([1.0, np.nan]))
    >>> file.array("x", axes=1)
    Traceback (most recent call last):
        ...
    harness.core.errors.RefusedError: a.npz: x: expected finite values, found 1 NaN or infinite value. \
Give the file a mask, False where pixels are bad, or correct the values.
    """

    def __init__(self, name: str, keys: Collection[str], get: Callable[[str], np.ndarray]) -> None:
        self.name = name
        self._keys, self._get = frozenset(keys), get
        self._taken: set[str] = set()

    @classmethod
    def of_archive(cls, path: Path) -> Named:
        """Return the arrays of an .npz archive; each is read when it is taken.

        What they take in double precision is limited as in HDF5 (:mod:`harness.ptycho.files.hdf5.limits`).
        """
        arrays, budget = Arrays(path), Budget(path.stat().st_size)

        def get(key: str) -> np.ndarray:
            array = arrays[key]
            if found := budget.claim(array.size, array.dtype.itemsize):
                raise UnreadableError(
                    f"{path.name}: {key}",
                    expected="as much data as its file can hold",
                    found=found,
                    remedy="Restore the file, or write it again with numpy.savez.",
                )
            return np.array(array)

        return cls(path.name, arrays.keys(), get)

    def __contains__(self, key: str) -> bool:
        """Return whether there is an array of this name."""
        return key in self._keys

    def array(
        self, key: str, *, axes: int | tuple[int, ...], kinds: str = "fiu", length: int | None = None
    ) -> np.ndarray:
        """Return an array that is not empty.

        Parameters
        ----------
        key : str
        axes : int or tuple of int
            How many axes it may have.
        kinds : {"fiu", "iu", "biu", "fciu"}
            Kinds of its dtype.
        length : int, optional
            Of its first axis.

        Raises
        ------
        UnreadableError
            It is missing or damaged, or not made of numbers.
        RefusedError
            It has another shape or dtype, or holds NaN or infinity.
        """
        array = self.raw(key)
        allowed = (axes,) if isinstance(axes, int) else axes
        if array.ndim not in allowed or not array.size:
            words = " or ".join(map(str, allowed)) + (" axis" if allowed == (1,) else " axes")
            raise self.refused(key, f"a non-empty array of {words}", f"shape {array.shape}")
        if array.dtype.kind not in kinds:
            raise self.refused(key, _NUMBERS.get(kinds, "numbers"), f"dtype {array.dtype}")
        if length is not None and len(array) != length:
            raise self.refused(key, f"{length} values", f"{len(array)} values")
        for expected, found, remedy in value_problems(array):
            raise self.refused(key, expected, found, remedy)
        return array

    def raw(self, key: str) -> np.ndarray:
        """Return an array as it is; UnreadableError if it is missing."""
        if key not in self._keys:
            there = ", ".join(sorted(self._keys)) or "nothing"
            raise UnreadableError(
                f"{self.name}: {key}", expected="an array", found=f"only {there}", remedy="Rename or add it."
            )
        self._taken.add(key)
        return self._get(key)

    def number(self, key: str, *, positive: bool = True) -> float:
        """Return a finite real number, greater than 0 unless *positive* is False.

        Raises
        ------
        UnreadableError
            It is missing.
        RefusedError
            It is something else.
        """
        array = self.raw(key)
        value = float(array.reshape(-1)[0]) if array.size == 1 and array.dtype.kind in "fiu" else math.nan
        if not math.isfinite(value) or (positive and value <= 0):
            found = f"{value:g}" if array.size == 1 else f"shape {array.shape}"
            expected = "a number greater than 0" if positive else "a finite number"
            raise self.refused(key, expected, found if array.dtype.kind in "fiu" else f"dtype {array.dtype}")
        return value

    def optional(self, key: str, *, positive: bool = True) -> float | None:
        """Return a number as :meth:`number` does; None if it is missing."""
        return self.number(key, positive=positive) if key in self._keys else None

    def left_out(self, reason: str, *, silent: Collection[str] = ()) -> tuple[str, ...]:
        """Return a line for each key that nothing was taken from, besides those in *silent*."""
        return tuple(f"{key}: {reason}" for key in sorted(self._keys - self._taken - set(silent)))

    def refused(
        self, key: str, expected: str, found: str, remedy: str = "Correct the array, or write the file again."
    ) -> HarnessError:
        """Return the error for an array that is there and does not fit."""
        return RefusedError(f"{self.name}: {key}", expected=expected, found=found, remedy=remedy)


def names_in_archive(path: Any) -> frozenset[str]:
    """Return the names of the arrays in an .npz; empty for a file of another kind, or a damaged one."""
    try:
        return frozenset(Arrays(path))
    except UnreadableError:
        return frozenset()
