"""Batches of scan positions for training: groups of neighbours in random order."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.ptycho.scan.select import groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from harness.ptycho.pipeline.configuration import NetworkConfiguration
    from harness.ptycho.pipeline.model.experiment import Experiment

MOST_BATCHES = 8
"""Batches that the network splits a large scan into at most."""

FEWEST_BATCHES = 3
"""Batches that a small scan is split into at least: with a single batch, grouping would have no effect."""


def neighbour_groups(x: np.ndarray, y: np.ndarray, *, gridsize: int) -> list[np.ndarray]:
    """Return groups of ``gridsize ** 2`` neighbouring positions that together hold every position.

    A position that belongs to no group, because its neighbours all lie on one line, forms a group of its own.

    Parameters
    ----------
    x, y : (N,) float64
        In object pixels.
    gridsize : int
        1 or 2.

    Returns
    -------
    list of (gridsize ** 2,) or (1,) int64
        Indices of positions.
    """
    found = list(groups(x, y, gridsize**2)) if gridsize > 1 else []
    grouped = np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.intp)
    alone = np.setdiff1d(np.arange(len(x)), grouped)
    return [*found, *alone[:, None]]


def endless_rounds(experiment: Experiment, configuration: NetworkConfiguration) -> Iterator[list[Tensor]]:
    """Yield the batches of each round of the network, without end.

    A round uses as many patterns as the scan has, and at least as many as the configured number of batches of
    that size hold. Batches hold at least an eighth of a large scan: real data contradict themselves a little,
    and with small batches the steps would follow each one's own errors.

    Yields
    ------
    list of (B,) int64
        Indices of positions, ascending.
    """
    c = configuration
    members = neighbour_groups(experiment.x, experiment.y, gridsize=c.gridsize)
    size = max(c.batch, experiment.positions // MOST_BATCHES)
    steps = math.ceil(max(c.steps * c.batch, experiment.positions) / size)
    order = endless_batches(members, size, np.random.default_rng(c.seed))
    while True:
        yield list(islice(order, steps))


def endless_batches(members: list[np.ndarray], size: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Yield the batches of :func:`one_pass`, pass after pass, without end.

    Yields
    ------
    (B,) int64
        Indices of positions, ascending.
    """
    while True:
        yield from one_pass(members, size, rng)


def one_pass(members: list[np.ndarray], size: int, rng: np.random.Generator) -> list[Tensor]:
    """Return the batches of one pass through the scan.

    Groups are drawn in random order, and those that add no new position are left out. A batch holds whole
    groups and each position once. It has at least *size* positions, or a third of the scan if that is less;
    a last batch of less than half the size is merged into the one before.

    Parameters
    ----------
    members : list of (G,) int64
        Groups from :func:`neighbour_groups`.
    size : int
        Positions in a batch.
    rng : numpy.random.Generator
        Draws the order of the groups.

    Returns
    -------
    list of (B,) int64
        Indices of positions, ascending.
    """
    full: list[set[int]] = []
    positions = len(np.unique(np.concatenate(members)))
    size = min(size, max(1, positions // FEWEST_BATCHES))
    for group in _covering_groups(members, rng):
        if not full or len(full[-1]) >= size:
            full.append(set())
        full[-1].update(group.tolist())
    if len(full) > 1 and len(full[-1]) < size / 2:
        last = full.pop()
        full[-1] |= last
    return [torch.tensor(sorted(batch)) for batch in full]


def _covering_groups(members: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Return groups in random order that hold every position, without those that add none."""
    seen: set[int] = set()
    chosen = []
    for j in rng.permutation(len(members)):
        if not seen.issuperset(members[j].tolist()):
            seen.update(members[j].tolist())
            chosen.append(members[j])
    return chosen
