"""Inference uses the saved weights, and writes the reconstruction and its controls."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.core.errors import RefusedError, UnreadableError
from harness.core.storage.npz import read_archive
from harness.ptycho.pipeline.assess import assess
from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE, CONTROLS_FILE, RECONSTRUCTION_FILE, Task
from harness.ptycho.pipeline.configuration import NetworkConfiguration
from harness.ptycho.pipeline.model import checkpoint, infer, train
from harness.ptycho.pipeline.model.determinism import make_deterministic
from harness.ptycho.pipeline.model.experiment import read_experiment


@pytest.fixture
def experiment(small):
    make_deterministic(seed=0, threads=1)
    return read_experiment(small)


def test_what_inference_writes(small, quick, configured_folder, experiment):
    """Object and probe of the trained network, and controls with the start probe, in stored units."""
    task = Task(small, configured_folder(quick))
    train.main(task)
    assert infer.main(task) == experiment.inputs
    found, controls = (read_archive(task.output / name) for name in (RECONSTRUCTION_FILE, CONTROLS_FILE))
    network = infer.load_network(task.output / CHECKPOINT_FILE, experiment, quick)
    obj = infer.infer(network, experiment, quick, rounds=quick.inference_rounds)
    np.testing.assert_array_equal(found["object"], experiment.stored_object(obj))
    np.testing.assert_array_equal(found["probe"], experiment.stored_probe(network.probe))
    assert set(controls) == {"untrained", "untrained weights", "before", "after", "flat", "probe"}
    assert np.ptp(controls["flat"]) == 0
    start = train.untrained_network(experiment, quick)
    np.testing.assert_array_equal(controls["probe"], experiment.stored_probe(start.probe))


def test_the_result_is_the_mean_over_the_last_round(experiment, quick):
    """Not the last step, which has fitted one batch."""
    network = train.untrained_network(experiment, quick)
    mean = infer.infer(network, experiment, quick, rounds=1)
    one_step = NetworkConfiguration(steps=1, channels=quick.channels)
    first = infer.infer(network, experiment, one_step, rounds=1)
    last = infer.infer(network, experiment, one_step, rounds=quick.steps)
    assert not torch.equal(mean, last)
    assert not torch.equal(mean, first)
    objects = [infer.infer(network, experiment, one_step, rounds=n) for n in range(1, quick.steps + 1)]
    assert torch.allclose(mean, torch.stack(objects).mean(dim=0), atol=1e-6)


def test_weights_that_were_never_loaded_are_refused(small, quick, configured_folder, monkeypatch):
    """Fault P11: without the checkpoint the object is that of the untrained network."""
    task = Task(small, configured_folder(quick))
    monkeypatch.setattr(
        infer, "load_network", lambda _, experiment, settings: train.untrained_network(experiment, settings)
    )
    infer.main(task)
    with pytest.raises(RefusedError, match="did not update the object"):
        assess(small, task.output)


def test_a_checkpoint_of_another_shape_is_refused(experiment, quick, tmp_path):
    """Weights of a wider network are not cut to fit."""
    wider = NetworkConfiguration(channels=9)
    state = train.untrained_network(experiment, wider).state_dict()
    path = checkpoint.write_checkpoint(tmp_path / "checkpoint.pt", train.KIND, state)
    with pytest.raises(UnreadableError, match="size mismatch"):
        infer.load_network(path, experiment, quick)


def test_a_missing_checkpoint_is_refused(small, quick, configured_folder):
    """Nothing is written if training did not run."""
    task = Task(small, configured_folder(quick))
    with pytest.raises(UnreadableError, match="no such file"):
        infer.main(task)
    assert not (task.output / RECONSTRUCTION_FILE).exists()
