"""The order in which groups of neighbours teach: shuffled, every position at least once in every pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.ptycho.scan.select import groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


FEWEST = 3
"""A small scan is still taken in this many batches: one batch of everything would hide how it is grouped."""


def neighbour_groups(x: np.ndarray, y: np.ndarray, *, gridsize: int) -> list[np.ndarray]:
    """Return groups of ``gridsize ** 2`` neighbours; a position in no group (a degenerate one) forms its own.

    x, y : (N,) in object pixels. Each group is an index array.
    """
    found = list(groups(x, y, gridsize**2)) if gridsize > 1 else []
    grouped = np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.intp)
    alone = np.setdiff1d(np.arange(len(x)), grouped)
    return [*found, *alone[:, None]]


def batches(members: list[np.ndarray], size: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Yield batches of positions without end, pass after pass.

    In each pass groups are drawn in a new order; those that bring no new position are left out. A batch holds
    whole groups, at least *size* positions (or a third of the scan), each once; what remains of a pass joins
    its last batch if it is less than half a batch.

    Yields
    ------
    (B,) int64, ascending
    """
    while True:
        yield from one_pass(members, size, rng)


def one_pass(members: list[np.ndarray], size: int, rng: np.random.Generator) -> list[Tensor]:
    """Return the batches of a single pass; see :func:`batches`."""
    full: list[set[int]] = []
    positions = len(np.unique(np.concatenate(members)))
    size = min(size, max(1, positions // FEWEST))
    for group in _cover(members, rng):
        if not full or len(full[-1]) >= size:
            full.append(set())
        full[-1].update(group.tolist())
    if len(full) > 1 and len(full[-1]) < size / 2:
        full[-2] |= full.pop()
    return [torch.tensor(sorted(batch)) for batch in full]


def _cover(members: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    seen: set[int] = set()
    chosen = []
    for j in rng.permutation(len(members)):
        if not seen.issuperset(members[j].tolist()):
            seen.update(members[j].tolist())
            chosen.append(members[j])
    return chosen
