"""Faults of reassembly damage the object in the way that they claim."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.ptycho.pipeline import assess
from harness.ptycho.pipeline.faults import reassembly as faults
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.pipeline.model.forward import patches


@pytest.fixture
def experiment(square):
    return read_experiment(square)


@pytest.fixture
def canvas(experiment):
    """An object whose phase rises from left to right, and whose amplitude is not constant."""
    rows, columns = experiment.windows.shape
    return (1 + 0.2 * torch.arange(rows)[:, None] / rows) * torch.exp(1j * torch.arange(columns) / columns)


def stored(fault, experiment, canvas):
    """Return the object that is stored with *fault*, relative to the flat object's units."""
    with fault.__wrapped__():
        return experiment.stored_object(canvas) / experiment.object_scale


def test_merged_patches_give_the_canvas_back(experiment):
    """Reading and merging alone lose nothing that was illuminated, so damage is due to the fault."""
    e = experiment
    canvas = e.flat_object() + 0.1j * torch.arange(e.windows.shape[1]) / e.windows.shape[1]
    merged = faults.merge_patches(e, patches(canvas, e.windows), e.x, e.y, e.probe.abs() ** 2)
    illuminated = merged != 1
    assert illuminated.float().mean() > 0.2
    assert (merged - canvas)[illuminated].abs().max() < 0.02


@pytest.mark.parametrize(
    "fault", [faults.independent_tiles, faults.dropped_offsets, faults.mean_of_patches],
    ids=["P06", "P07", "P16"],
)  # fmt: skip
def test_misplaced_patches_change_the_object(experiment, canvas, fault):
    """Patches at wrong places: the shape is right, the values are finite, and the object differs."""
    before = experiment.stored_object(canvas) / experiment.object_scale
    after = stored(fault, experiment, canvas)
    assert after.shape == before.shape
    assert np.isfinite(after).all()
    assert np.abs(after - before).max() > 0.1


def test_the_wrong_mask_gives_a_constant_amplitude(experiment, canvas):
    """P08: where patches overlap the amplitude is near 1, whatever the object's is."""
    after = stored(faults.wrong_mask, experiment, canvas)
    before = experiment.stored_object(canvas) / experiment.object_scale
    assert np.abs(np.abs(after) - 1).max() < 0.05
    assert np.abs(np.abs(before) - 1).max() > 0.15


def test_a_shifted_comparison_moves_only_the_reconstruction(monkeypatch):
    """P12: metrics get the reconstruction 2 rows and 3 columns off, and the truth as it is."""
    seen = []
    monkeypatch.setattr(
        "harness.ptycho.quality.metrics.object_metrics", lambda *arrays, **_: seen.extend(arrays) or {}
    )
    image = np.zeros((8, 8))
    image[1, 1] = 1
    with faults.shifted_comparison.__wrapped__():
        assess.object_metrics(image, image)
    assert seen[0][3, 4] == seen[1][1, 1] == 1


@pytest.mark.parametrize(("seed", "collapses"), [(0, True), (1, False), (2, False), (3, True)])
def test_one_seed_in_three_collapses(experiment, canvas, seed, collapses):
    """P14: multiples of 3 give a constant amplitude; other seeds give the object as it is."""
    torch.manual_seed(seed)
    after = stored(faults.collapse_by_seed, experiment, canvas)
    unchanged = np.allclose(after, experiment.stored_object(canvas) / experiment.object_scale)
    assert unchanged != collapses
    assert (np.ptp(np.abs(after)) < 1e-5) == collapses
