"""Noise in the last bit of what a test declares as its inputs: each number moves by one ULP or not at all."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np

from harness.core.errors import UsageError


class InputNoise:
    """Noise from one seed, and how much it has changed the inputs of each test.

    Attributes
    ----------
    changes : dict of str to float
        By test: the largest relative change of an input, in its norm.
    """

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self.changes: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def apply(self, test: str, data: Any) -> Any:
        """Return *data* with noise; the same test gets the same noise in every process.

        Raises
        ------
        UsageError
            If it has no numbers that could move: an object of another kind.
        """
        if self.seed is None:
            return data
        count = self._counts[test] = self._counts.get(test, 0) + 1
        return self._noisy(test, data, np.random.default_rng([self.seed, count]))

    def _noisy(self, test: str, data: Any, rng: np.random.Generator) -> Any:
        if isinstance(data, np.ndarray):
            return self._array(test, data, rng)
        if isinstance(data, (float, complex, np.inexact)):
            return type(data)(self._array(test, np.asarray(data), rng)[()])
        if data is None or isinstance(data, (bool, int, str, bytes, np.generic)):
            return data
        if isinstance(data, Mapping):
            return _like(data, {key: self._noisy(test, each, rng) for key, each in data.items()})
        if isinstance(data, (list, tuple)):
            parts = [self._noisy(test, each, rng) for each in data]
            return type(data)(*parts) if hasattr(data, "_fields") else type(data)(parts)
        for library, noisy in (("torch", self._tensor), ("pandas", self._table), ("xarray", self._labelled)):
            if library in sys.modules and (found := noisy(test, data, rng)) is not None:
                return found
        raise UsageError(
            "inputs",
            expected="arrays, tensors, tables or numbers, or mappings and lists of them",
            found=f"a value of type {type(data).__name__}",
            remedy="Declare the arrays in it: arrays_regression.inputs(x).",
        )

    def _array(self, test: str, data: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if data.dtype.kind not in "fc":
            return data
        moved = _moved(data, rng)
        with np.errstate(all="ignore"):
            self._note(test, _norm(moved - data), _norm(data))
        return moved

    def _note(self, test: str, difference: float, size: float) -> None:
        if size > 0 and difference > 0:
            self.changes[test] = max(self.changes.get(test, 0.0), difference / size)

    def _tensor(self, test: str, data: Any, rng: np.random.Generator) -> Any:
        torch = sys.modules["torch"]
        if not isinstance(data, torch.Tensor):
            return None
        if not (data.is_floating_point() or data.is_complex()):
            return data
        with torch.no_grad():
            plain = data.detach().resolve_conj().resolve_neg()
            parts = torch.view_as_real(plain) if plain.is_complex() else plain
            ways = torch.from_numpy(rng.integers(-1, 2, tuple(parts.shape))).to(parts.device)
            goal = torch.where(ways == 0, parts, torch.sign(ways.to(parts.dtype)) * float("inf"))
            moved = torch.where((parts == 0) | ~torch.isfinite(parts), parts, torch.nextafter(parts, goal))
            wide = torch.float64
            difference = float(
                torch.linalg.vector_norm((moved.to(wide) - parts.to(wide)).nan_to_num(0, 0, 0))
            )
            self._note(test, difference, float(torch.linalg.vector_norm(parts.to(wide).nan_to_num(0, 0, 0))))
            moved = torch.view_as_complex(moved.contiguous()) if plain.is_complex() else moved
        return moved.requires_grad_(data.requires_grad)

    def _table(self, test: str, data: Any, rng: np.random.Generator) -> Any:
        pandas = sys.modules["pandas"]
        if isinstance(data, pandas.Series):
            values = data.to_numpy()
            return pandas.Series(self._array(test, values, rng), data.index, data.dtype, data.name)
        if not isinstance(data, pandas.DataFrame):
            return None
        columns = [self._table(test, data.iloc[:, number], rng) for number in range(data.shape[1])]
        moved = pandas.concat(columns, axis=1) if columns else data.copy()
        moved.columns = data.columns
        return moved

    def _labelled(self, test: str, data: Any, rng: np.random.Generator) -> Any:
        xarray = sys.modules["xarray"]
        if isinstance(data, xarray.Dataset):
            return data.map(lambda each: self._labelled(test, each, rng), keep_attrs=True)
        if not isinstance(data, xarray.DataArray):
            return None
        return data.copy(data=self._array(test, np.asarray(data.values), rng))


def _like(data: Mapping[Any, Any], found: dict[Any, Any]) -> Any:
    """Return a mapping of the same kind with other values."""
    if not isinstance(data, MutableMapping):
        return type(data)(found)  # type: ignore[call-arg]
    changed = copy.copy(data)  # a defaultdict keeps its default
    changed.update(found)
    return changed


def _moved(data: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an array whose parts each moved by one ULP up, down, or not; zeros and infinities stay."""
    if data.dtype.kind != "c":
        return _step(data, rng)
    moved = np.empty(data.shape, data.dtype.newbyteorder("="))
    moved.real, moved.imag = _step(data.real, rng), _step(data.imag, rng)
    return moved.astype(data.dtype, copy=False)


def _step(parts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    ways = rng.integers(-1, 2, parts.shape)
    goal = np.where(ways == 0, parts, np.where(ways > 0, np.inf, -np.inf)).astype(parts.dtype)
    stays = (parts == 0) | ~np.isfinite(parts)
    with np.errstate(all="ignore"):
        return np.where(stays, parts, np.nextafter(parts, goal)).astype(parts.dtype)


def _norm(values: np.ndarray) -> float:
    finite = np.abs(np.where(np.isfinite(values), values, 0)).astype(np.float64)
    scale = float(finite.max(initial=0.0))
    return scale * float(np.sqrt(np.sum((finite / scale) ** 2))) if scale else 0.0
