"""Inference uses the saved weights, and writes the reconstruction and its controls."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.core.errors import RefusedError, UnreadableError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.fixture import minimal
from harness.ptycho.pipeline.assess import assess, reconstruction_metrics
from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE, CONTROLS_FILE, RECONSTRUCTION_FILE, Task
from harness.ptycho.pipeline.model import checkpoint, infer, train
from harness.ptycho.pipeline.model.batches import endless_rounds
from harness.ptycho.pipeline.model.determinism import make_deterministic
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.pipeline.model.forward import amplitude
from harness.ptycho.pipeline.model.network import Canvas


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
    trained = infer.infer(network, experiment, quick, rounds=quick.inference_rounds)
    np.testing.assert_array_equal(found["object"], experiment.stored_object(trained.obj))
    np.testing.assert_array_equal(found["probe"], experiment.stored_probe(trained.probe))
    assert set(controls) == {"untrained", "untrained_probe", "before", "after", "flat", "probe"}
    assert np.ptp(controls["flat"]) == 0
    start = train.untrained_network(experiment, quick)
    np.testing.assert_array_equal(controls["probe"], experiment.stored_probe(start.probe))


def test_the_result_is_the_mean_over_the_last_round(experiment, quick):
    """Not the last step, which has fitted one batch."""
    network = train.untrained_network(experiment, quick)
    batches = next(endless_rounds(experiment, quick))
    start = Canvas.start(experiment, network.probe)
    states, _ = network(experiment, start, batches, probe_moves=False)
    mean = infer.infer(network, experiment, quick, rounds=1).obj
    assert len(states) == quick.steps
    assert torch.allclose(mean, torch.stack([state.obj for state in states]).mean(dim=0), atol=1e-6)
    assert not torch.allclose(mean, states[-1].obj, atol=1e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_more_rounds_do_not_make_it_worse(seed, tmp_path, quick):
    """Twice and four times the rounds explain the patterns as well or better, and so does the object."""
    path = tmp_path / "scan.npz"
    write_archive(path, minimal(positions=25, detector=32, step=6.0, photons=1e5, seed=seed).arrays)
    experiment, data = read_experiment(path), read_archive(path)
    network = train.untrained_network(experiment, quick)
    train.train(network, experiment, quick)
    errors, similar = [], []
    for rounds in (12, 24, 48):
        found = infer.infer(network, experiment, quick, rounds=rounds)
        excess = experiment.excess(amplitude(found.probe, found.obj, experiment.windows))
        errors.append((excess.norm() / experiment.amplitude.norm()).item())
        similar.append(reconstruction_metrics(data, experiment.stored_object(found.obj), data["probeGuess"]))
    assert max(errors[1:]) < 1.05 * errors[0]
    for name in ("aligned_amplitude_ssim", "aligned_phase_ssim"):
        assert min(found[name] for found in similar[1:]) > similar[0][name] - 0.02


def test_a_round_that_diverged_is_undone(experiment, quick, monkeypatch):
    """From a step that always diverges, the flat object and the start probe remain: never NaN."""
    network = train.untrained_network(experiment, quick)
    for factor in (10.0, 1e30, torch.nan):
        original = network.step.forward

        def wild(canvas, slopes, original=original, factor=factor, **options):
            return original(canvas, slopes._replace(obj=factor * slopes.obj), **options)

        with monkeypatch.context() as patch:
            patch.setattr(network.step, "forward", wild)
            found = infer.infer(network, experiment, quick, rounds=4)
        assert torch.isfinite(found.obj.abs()).all()
        assert torch.isfinite(found.probe.abs()).all()


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
    """Weights of a network with more steps are not cut to fit."""
    state = train.untrained_network(experiment, quick).state_dict()
    state["step.sizes"] = torch.zeros(3)
    path = checkpoint.write_checkpoint(tmp_path / "checkpoint.pt", train.KIND, state)
    with pytest.raises(UnreadableError, match="size mismatch"):
        infer.load_network(path, experiment, quick)


def test_a_missing_checkpoint_is_refused(small, quick, configured_folder):
    """Nothing is written if training did not run."""
    task = Task(small, configured_folder(quick))
    with pytest.raises(UnreadableError, match="no such file"):
        infer.main(task)
    assert not (task.output / RECONSTRUCTION_FILE).exists()
