"""Training learns the steps from the patterns alone, or is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.core.errors import RefusedError
from harness.core.storage.npz import read_archive
from harness.ptycho.pipeline.assess import SMALLEST_CHANGE, assess
from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE, Task
from harness.ptycho.pipeline.configuration import NetworkConfiguration
from harness.ptycho.pipeline.faults import training as faults
from harness.ptycho.pipeline.model import infer, train
from harness.ptycho.pipeline.model.checkpoint import read_checkpoint
from harness.ptycho.pipeline.model.determinism import make_deterministic
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.pipeline.model.forward import amplitude
from harness.ptycho.quality.metrics import object_metrics


@pytest.fixture
def experiment(small):
    make_deterministic(seed=0, threads=1)
    return read_experiment(small)


def relative_misfit(experiment, obj, probe):
    """Return the relative misfit of the amplitudes that *obj* and *probe* predict."""
    excess = amplitude(probe, obj, experiment.windows) - experiment.amplitude
    return (excess.norm() / experiment.amplitude.norm()).item()


def test_training_explains_the_patterns_better(experiment, quick):
    """A second of training lowers the misfit."""
    trained, start = (train.untrained_network(experiment, quick) for _ in range(2))
    train.train(trained, experiment, quick)
    misfits = []
    for network in (trained, start):
        found = infer.infer(network, experiment, quick, rounds=quick.inference_rounds)
        misfits.append(relative_misfit(experiment, found.obj, found.probe))
    assert misfits[0] < 0.7 * misfits[1]


def test_an_unseen_object(experiment, quick, unseen):
    """Trained on one object, the network reconstructs another better than untrained, and than a flat one."""
    network, start = (train.untrained_network(experiment, quick) for _ in range(2))
    train.train(network, experiment, quick)
    other, data = read_experiment(unseen), np.load(unseen)
    truth, where = data["objectGuess"], {k: data[f"{k}coords"] for k in ("x", "y")}

    def mae(canvas):
        stored = other.stored_object(canvas)
        return object_metrics(stored, truth, probe=data["probeGuess"], **where)["aligned_amplitude_mae"]

    trained, untrained = (
        mae(infer.infer(n, other, quick, rounds=quick.inference_rounds).obj) for n in (network, start)
    )
    assert trained < untrained < mae(other.flat_object())


@pytest.mark.parametrize("gridsize", [1, 2])
def test_object_and_probe_are_learned_from_sixteen_positions(small, configured_folder, gridsize):
    """Drawn one by one or in fours, 16 positions update both."""
    configuration = NetworkConfiguration(epochs=2, rounds=3, inference_rounds=3, gridsize=gridsize)
    task = Task(small, configured_folder(configuration))
    train.main(task)
    infer.main(task)
    found = assess(small, task.output)
    assert found.metrics["object_change"] > 5 * SMALLEST_CHANGE
    assert found.metrics["probe_change"] > 5 * SMALLEST_CHANGE


@pytest.mark.parametrize("dead", ["probe", "object"])
def test_a_part_that_is_not_updated_is_refused(small, configured_folder, dead):
    """Faults P04 and P17: the error says whether the object or the probe was not updated."""
    task = Task(small, configured_folder(NetworkConfiguration(epochs=1, rounds=2, inference_rounds=3)))
    fault = {"probe": faults.fixed_probe, "object": faults.dead_object_update}[dead]
    with fault.__wrapped__():
        train.main(task)
        infer.main(task)
    with pytest.raises(RefusedError, match=f"did not update the {dead}"):
        assess(small, task.output)


def test_weights_that_did_not_learn_are_refused(small, configured_folder):
    """With a learning rate of 0, the first round is that of the untrained network."""
    settings = NetworkConfiguration(epochs=1, rounds=2, inference_rounds=3, learning_rate=0.0)
    task = Task(small, configured_folder(settings))
    train.main(task)
    infer.main(task)
    with pytest.raises(RefusedError, match="did not update the object"):
        assess(small, task.output)


def test_the_group_size_is_used(experiment):
    """Gridsize 1 and 2 train different networks (fault P13)."""
    weights = []
    for gridsize in (1, 2):
        settings = NetworkConfiguration(epochs=1, rounds=2, gridsize=gridsize)
        network = train.untrained_network(experiment, settings)
        train.train(network, experiment, settings)
        weights.append(network.step.sizes.detach())
    assert not torch.equal(*weights)


def test_the_probe_waits_for_the_object(experiment):
    """In the first rounds of an epoch the probe stays, so its weights learn from the next one on."""
    for rounds in (train.ROUNDS_WITHOUT_PROBE, train.ROUNDS_WITHOUT_PROBE + 1):
        settings = NetworkConfiguration(epochs=1, rounds=rounds)
        network, reports = train.untrained_network(experiment, settings), []
        start = network.step.sizes.detach().clone()
        train.train(network, experiment, settings, reports.append)
        assert network.step.sizes[0] != start[0]
        assert (network.step.sizes[1] != start[1]) == (rounds > train.ROUNDS_WITHOUT_PROBE)
        assert reports[-1] == 1


def test_main_saves_the_network_and_returns_what_was_read(small, quick, configured_folder, experiment):
    """Another process can load the checkpoint; the digests are of the fixture's arrays."""
    task = Task(small, configured_folder(quick))
    assert train.main(task) == experiment.inputs
    state = read_checkpoint(task.output / CHECKPOINT_FILE, train.KIND)
    assert state.keys() == train.untrained_network(experiment, quick).state_dict().keys()
    assert "objectGuess" in read_archive(small)
    assert "objectGuess" not in experiment.inputs


def test_divergence_is_refused(experiment, quick):
    """A loss of NaN is an error, and no checkpoint of NaN is written."""
    damaged = replace(experiment, amplitude=experiment.amplitude * torch.nan)
    with pytest.raises(RefusedError, match="training diverged"):
        train.train(train.untrained_network(damaged, quick), damaged, quick)
