"""Faults of the forward model change the physics that they claim to change, and nothing else."""

from __future__ import annotations

import pytest
import torch

from harness.ptycho.pipeline.faults import forward_model as faults
from harness.ptycho.pipeline.model import forward, iterative, network, train
from harness.ptycho.pipeline.model.experiment import read_experiment


@pytest.fixture
def experiment(small):
    return read_experiment(small)


def test_a_flipped_translation_reads_elsewhere_but_places_correctly(experiment):
    """P01: the shift is flipped on one path only, so placing is no longer the adjoint of reading."""
    windows = experiment.windows
    generator = torch.Generator().manual_seed(0)
    obj = torch.randn(windows.shape, dtype=torch.complex64, generator=generator)
    waves = torch.randn(windows.index.shape, dtype=torch.complex64, generator=generator)

    def mismatch():
        left = torch.vdot(forward.patches(obj, windows).reshape(-1), waves.reshape(-1))
        right = torch.vdot(obj.reshape(-1), forward.place_patches(waves, windows).reshape(-1))
        return ((left - right).abs() / right.abs()).item()

    placed = forward.place_patches(waves, windows)
    moved = network.moved_probes(experiment.probe, windows)
    with faults.flipped_translation.__wrapped__():
        assert mismatch() > 0.1
        assert not torch.allclose(network.moved_probes(experiment.probe, windows), moved, atol=0.01)
        assert torch.equal(forward.place_patches(waves, windows), placed)
    assert mismatch() < 1e-3


def test_a_squared_prediction_in_both_pipelines(experiment, quick):
    """P02: the iterative pipeline predicts squares, and so do the network's loss and slopes."""
    net = train.untrained_network(experiment, quick)
    canvas, positions = network.Canvas.start(experiment, net.probe), torch.arange(4)
    windows = experiment.windows.take(positions)
    before = network.find_slopes(experiment, canvas, positions)
    plain = iterative.amplitude(canvas.probe, canvas.obj, windows)
    with faults.squared_prediction.__wrapped__():
        after = network.find_slopes(experiment, canvas, positions)
        assert torch.equal(iterative.amplitude(canvas.probe, canvas.obj, windows), plain.square())
    assert not torch.allclose(after.misfit, before.misfit)
    assert not torch.allclose(after.obj, before.obj)


def test_a_masked_probe_has_no_light_outside_the_disc(experiment):
    """P03: the exit wave is cut to a disc of a quarter of the window's width, in every module."""
    wave = torch.ones(1, 32, 32, dtype=torch.complex64)
    with faults.masked_probe.__wrapped__():
        assert network.far_field is forward.far_field
        masked = network.far_field(wave)
    back = forward.near_field(masked)[0].abs() > 0.5
    rows, columns = (torch.arange(32) - 16 for _ in range(2))
    assert torch.equal(back, rows[:, None] ** 2 + columns**2 <= 8**2)
    assert torch.allclose(network.far_field(wave), forward.far_field(wave))
