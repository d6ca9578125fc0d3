"""Every position teaches in every pass, in groups of the size that was asked for."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from harness.ptycho.pipeline.model.batches import batches, neighbour_groups, one_pass


@pytest.fixture
def raster():
    """Thirty-six positions, six in a row."""
    row, column = np.divmod(np.arange(36), 6)
    jitter = np.random.default_rng(3).uniform(-1, 1, (2, 36))
    return 12.0 * column + jitter[0], 12.0 * row + jitter[1]


@pytest.mark.parametrize("gridsize", [1, 2])
def test_groups_have_the_size_asked_for(raster, gridsize):
    """Gridsize 1 gives single positions and 2 gives fours: the size is no constant (fault P13)."""
    sizes = {len(group) for group in neighbour_groups(*raster, gridsize=gridsize)}
    assert sizes == {gridsize**2}


def test_members_of_a_group_are_neighbours(raster):
    """No group of four spans more than the diagonal of one cell of the raster, jitter included."""
    points = np.stack(raster, axis=1)
    spans = [np.ptp(points[group], axis=0).max() for group in neighbour_groups(*raster, gridsize=2)]
    assert max(spans) < 2 * 12 + 2


@pytest.mark.parametrize("gridsize", [1, 2])
def test_a_pass_takes_every_position(raster, gridsize):
    """The batches of one pass hold all positions between them, and none twice in one batch."""
    drawn = one_pass(neighbour_groups(*raster, gridsize=gridsize), 10, np.random.default_rng(0))
    assert set(np.concatenate([b.numpy() for b in drawn])) == set(range(36))
    assert all(len(np.unique(b)) == len(b) for b in drawn)


def test_a_position_without_neighbours_teaches_alone():
    """Positions on one line form no group of four, and are still all taken."""
    line = np.arange(9.0)
    members = neighbour_groups(line, np.zeros(9), gridsize=2)
    assert sorted(int(group[0]) for group in members if len(group) == 1) == list(range(9))


def test_a_small_scan_is_taken_in_several_batches(raster):
    """A batch larger than the scan is cut to a third of it, so that grouping still shows."""
    x, y = raster
    drawn = one_pass(neighbour_groups(x[:16], y[:16], gridsize=1), 20, np.random.default_rng(0))
    assert len(drawn) >= 3


def test_order_follows_the_seed(raster):
    """The same seed draws the same batches; another one draws others."""

    def draw(seed):
        order = batches(neighbour_groups(*raster, gridsize=2), 10, np.random.default_rng(seed))
        return [b.tolist() for b in islice(order, 8)]

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)
