"""Faults of training change what they claim to change, and nothing else."""

from __future__ import annotations

import pytest
import torch

from harness.core.errors import HarnessError
from harness.ptycho.pipeline.child_process import Task
from harness.ptycho.pipeline.configuration import IterativeConfiguration, NetworkConfiguration
from harness.ptycho.pipeline.faults import training as faults
from harness.ptycho.pipeline.model import batches, infer, iterative, train
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.pipeline.model.network import Canvas, find_slopes


@pytest.fixture
def experiment(small):
    torch.manual_seed(0)
    return read_experiment(small)


def test_a_fixed_probe_does_not_learn(experiment, quick, brief):
    """P04: after training the probe is where it started; the object still moves."""
    with faults.fixed_probe.__wrapped__():
        network = train.untrained_network(experiment, quick)
        train.train(network, experiment, quick)
        found = infer.infer(network, experiment, quick, rounds=3)
        descent = iterative.Descent.start(experiment, brief)
        start = descent.probe.detach().clone()
        iterative.settle(descent, experiment, brief)
    assert torch.allclose(found.probe, network.probe, rtol=1e-6)  # a mean of equal values
    assert not torch.allclose(found.obj, experiment.flat_object(), atol=0.01)
    assert torch.equal(descent.probe, start)
    assert not torch.equal(descent.obj, experiment.flat_object())


def test_unloaded_weights_need_no_checkpoint(small, quick, configured_folder):
    """P11: inference runs although the checkpoint is missing, which shows that it is not read."""
    task = Task(small, configured_folder(quick))
    with pytest.raises(HarnessError, match="no such file"):
        infer.main(task)
    with faults.unloaded_weights.__wrapped__():
        infer.main(task)


@pytest.mark.parametrize("module", [iterative, batches])
def test_a_frozen_gridsize_ignores_the_option(experiment, module):
    """P13: every module that groups positions gets single ones."""
    with faults.frozen_gridsize.__wrapped__():
        members = module.neighbour_groups(experiment.x, experiment.y, gridsize=2)
    assert {len(group) for group in members} == {1}
    assert 4 in {len(g) for g in module.neighbour_groups(experiment.x, experiment.y, gridsize=2)}


def test_rates_are_ten_times_higher(configured_folder):
    """P15: only Adam's main rates of each pipeline; all other options are as configured."""
    network, descent = NetworkConfiguration(), IterativeConfiguration()
    folders = configured_folder(network, "network"), configured_folder(descent, "iterative")
    with faults.learning_rate_too_high.__wrapped__():
        raised = train.read_configuration(NetworkConfiguration, folders[0])
        steep = iterative.read_configuration(IterativeConfiguration, folders[1])
    assert raised.learning_rate == 10 * network.learning_rate
    assert (raised.steps, raised.epochs) == (network.steps, network.epochs)
    assert (steep.object_rate, steep.probe_rate) == (10 * descent.object_rate, 10 * descent.probe_rate)


def test_the_last_quarter_of_the_epochs_is_skipped(experiment, brief):
    """P15b: of 4 epochs of 2 rounds the network trains 6 rounds; of 8 epochs the iterative runs 6."""
    settings = NetworkConfiguration(epochs=4, rounds=2, steps=2)
    network, reports = train.untrained_network(experiment, settings), []
    longer = IterativeConfiguration(epochs=8)
    descent = iterative.Descent.start(experiment, longer)
    forward = network.forward
    network.forward = lambda *arguments, **options: (reports.append(1), forward(*arguments, **options))[1]
    with faults.last_epochs_skipped.__wrapped__():
        train.train(network, experiment, settings)
        iterative.settle(descent, experiment, longer)
        iterative.cool(descent, experiment, longer)
    assert len(reports) == 6
    assert descent.epoch == 6


def test_a_dead_object_update_leaves_the_object_flat(experiment, quick, brief):
    """P17: the probe still learns."""
    with faults.dead_object_update.__wrapped__():
        network = train.untrained_network(experiment, quick)
        found = infer.infer(network, experiment, quick, rounds=3)
        descent = iterative.Descent.start(experiment, brief)
        start = descent.probe.detach().clone()
        iterative.settle(descent, experiment, brief)
    assert torch.equal(found.obj, experiment.flat_object())
    assert not torch.allclose(found.probe, network.probe, atol=0.01)
    assert torch.equal(descent.obj, experiment.flat_object())
    assert not torch.equal(descent.probe, start)


def test_normalisation_in_evaluation_mode_changes_nothing(experiment, quick, tmp_path):
    """P18: the added layer acts in training mode only, so the fault is the mode and not the layer."""
    network = train.untrained_network(experiment, quick)
    path = train.write_checkpoint(tmp_path / "checkpoint.pt", train.KIND, network.state_dict())
    with faults.training_mode_at_inference.__wrapped__():
        faulty = infer.load_network(path, experiment, quick).step
    canvas = Canvas.start(experiment, network.probe)
    slopes = find_slopes(experiment, canvas, torch.arange(4))
    with torch.no_grad():
        plain = network.step(canvas, slopes).obj
        assert not torch.allclose(faulty(canvas, slopes).obj, plain, rtol=0.1)
        faulty.eval()
        faulty.norm.reset_running_stats()  # to mean 0 and variance 1; the call above changed them
        assert torch.allclose(faulty(canvas, slopes).obj, plain, rtol=1e-3, atol=1e-4)
