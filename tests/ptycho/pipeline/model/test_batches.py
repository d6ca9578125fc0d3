"""Every position is used in every pass, in groups of the configured size."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from harness.core.storage.npz import write_archive
from harness.ptycho.fixture import minimal
from harness.ptycho.pipeline.configuration import NetworkConfiguration
from harness.ptycho.pipeline.model.batches import (
    endless_batches,
    endless_rounds,
    neighbour_groups,
    one_pass,
)
from harness.ptycho.pipeline.model.experiment import read_experiment


@pytest.fixture
def raster():
    """Thirty-six positions, six in a row, 12 px apart, with a jitter of 1 px."""
    row, column = np.divmod(np.arange(36), 6)
    jitter = np.random.default_rng(3).uniform(-1, 1, (2, 36))
    return 12.0 * column + jitter[0], 12.0 * row + jitter[1]


@pytest.mark.parametrize("gridsize", [1, 2])
def test_groups_have_the_configured_size(raster, gridsize):
    """Gridsize 1 gives single positions and 2 gives fours (fault P13 ignores it)."""
    sizes = {len(group) for group in neighbour_groups(*raster, gridsize=gridsize)}
    assert sizes == {gridsize**2}


def test_members_of_a_group_are_neighbours(raster):
    """No group of four is wider than two steps of the raster and the jitter."""
    points = np.stack(raster, axis=1)
    spans = [np.ptp(points[group], axis=0).max() for group in neighbour_groups(*raster, gridsize=2)]
    assert max(spans) < 2 * 12 + 2


@pytest.mark.parametrize("gridsize", [1, 2])
def test_a_pass_uses_every_position(raster, gridsize):
    """The batches of one pass together hold all positions, and a batch holds none twice."""
    drawn = one_pass(neighbour_groups(*raster, gridsize=gridsize), 10, np.random.default_rng(0))
    assert set(np.concatenate([b.numpy() for b in drawn])) == set(range(36))
    assert all(len(np.unique(b)) == len(b) for b in drawn)


def test_batches_have_the_configured_size(raster):
    """At least the configured number of positions, but for a last batch of half of it or more."""
    drawn = one_pass(neighbour_groups(*raster, gridsize=1), 10, np.random.default_rng(0))
    assert sorted(len(b) for b in drawn) == [6, 10, 10, 10]
    drawn = one_pass(neighbour_groups(*raster, gridsize=1), 8, np.random.default_rng(0))
    assert sorted(len(b) for b in drawn) == [4, 8, 8, 8, 8]


def test_a_small_last_batch_is_merged_into_the_one_before(raster):
    """36 positions in batches of 11 would leave 3."""
    drawn = one_pass(neighbour_groups(*raster, gridsize=1), 11, np.random.default_rng(0))
    assert [len(b) for b in drawn] == [11, 11, 14]


def test_a_position_without_a_group_forms_its_own():
    """Positions on one line have no group of four that is not degenerate, and all are still used."""
    line = np.arange(9.0)
    members = neighbour_groups(line, np.zeros(9), gridsize=2)
    assert sorted(int(group[0]) for group in members if len(group) == 1) == list(range(9))


def test_a_small_scan_is_split_into_several_batches(raster):
    """A batch larger than the scan is cut to a third of it, so that grouping still has an effect."""
    x, y = raster
    drawn = one_pass(neighbour_groups(x[:16], y[:16], gridsize=1), 20, np.random.default_rng(0))
    assert len(drawn) >= 3


def test_the_order_follows_the_seed(raster):
    """The same seed draws the same batches, and another one draws others."""

    def draw(seed):
        order = endless_batches(neighbour_groups(*raster, gridsize=2), 10, np.random.default_rng(seed))
        return [b.tolist() for b in islice(order, 8)]

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)


def test_each_pass_has_another_order(raster):
    """Passes follow each other without end, each shuffled again."""
    order = endless_batches(neighbour_groups(*raster, gridsize=1), 12, np.random.default_rng(0))
    first, second = ([b.tolist() for b in islice(order, 3)] for _ in range(2))
    for batches in (first, second):
        assert sorted(position for batch in batches for position in batch) == list(range(36))
    assert first != second


def test_a_round_is_at_least_about_one_pass(tmp_path):
    """Small scans have the configured steps; large ones have one pass, of at most eight batches."""
    for positions, size, steps in ((16, 5, 13), (64, 16, 4), (256, 32, 8)):
        path = tmp_path / f"{positions}.npz"
        write_archive(path, minimal(positions=positions, detector=32, step=4.0).arrays)
        settings = NetworkConfiguration(batch=16, steps=4)
        drawn = next(endless_rounds(read_experiment(path), settings))
        assert np.median([len(batch) for batch in drawn]) >= size
        assert len(drawn) <= steps
        assert sum(len(batch) for batch in drawn) >= positions
