"""The network learns from patterns alone, rests where they are explained, and is loaded where it is used."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.core.errors import RefusedError, UnreadableError
from harness.ptycho.pipeline.assess import MOVED, assess
from harness.ptycho.pipeline.child_process import Task
from harness.ptycho.pipeline.configuration import NetworkConfiguration
from harness.ptycho.pipeline.model import checkpoint, infer, train
from harness.ptycho.pipeline.model.determinism import settle
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.pipeline.model.forward import amplitude
from harness.ptycho.pipeline.model.network import Canvas, Network
from harness.ptycho.quality.metrics import object_metrics


@pytest.fixture
def experiment(small):
    settle(seed=0, threads=1)
    return read_experiment(small)


def explained(experiment, obj, probe):
    """Return the relative misfit of the amplitudes that *obj* and *probe* predict."""
    excess = amplitude(probe, obj, experiment.windows) - experiment.amplitude
    return (excess.norm() / experiment.amplitude.norm()).item()


def test_untrained_is_the_plain_walk(experiment, quick):
    """Before training the convolutions add nothing: weights of another seed give the same object."""
    objects = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        objects.append(infer.infer(train.untrained(experiment, quick), experiment, quick, rounds=1))
    assert torch.equal(*objects)


def test_the_gradient_is_autograds(experiment, quick, monkeypatch):
    """The step that is fed in, before its preconditioner, has the direction of the misfit's own gradient."""
    monkeypatch.setattr("harness.ptycho.pipeline.model.network.DARK", 1e-12)  # autograd trusts every phase
    network = train.untrained(experiment, quick)
    obj, everything = experiment.flat().requires_grad_(), torch.arange(experiment.positions)
    gradient, lit, misfit = network._gradient(experiment, obj, everything)
    misfit.backward()
    fed = (gradient / (1 - lit)).detach()  # lit = light / (light + c): undo the softening up to a factor
    cosine = torch.vdot(fed.reshape(-1), obj.grad.reshape(-1)).real / fed.norm() / obj.grad.norm()
    assert cosine > 0.9999


def test_rests_where_the_data_are_explained(experiment, quick):
    """With any weights, an object that explains its patterns exactly stays where it is."""
    network = Network(experiment.probe, quick.channels)
    for weight in network.parameters():
        if weight is not network.light:
            torch.nn.init.normal_(weight, std=0.1)
    obj = experiment.flat()
    exact = type(experiment)(**{
        **{name: getattr(experiment, name) for name in experiment.__slots__},
        "amplitude": amplitude(experiment.probe, obj, experiment.windows),
    })  # fmt: skip
    states, misfit = network(exact, Canvas.flat(exact), [torch.arange(exact.positions)] * 3)
    assert misfit.item() < 1e-10
    assert torch.allclose(states[-1].obj, obj, atol=1e-5)


def test_training_explains_the_patterns_better(experiment, quick):
    """A moment of training lowers the misfit on the patterns, and brings the probe nearer to the true one."""
    network, start = (train.untrained(experiment, quick) for _ in range(2))
    train.train(network, experiment, quick)
    misfits, errors = [], []
    for walker in (network, start):
        obj = infer.infer(walker, experiment, quick, rounds=quick.inference_rounds)
        misfits.append(explained(experiment, obj, walker.probe.detach()))
        errors.append((walker.probe - experiment.probe).norm().item())
    assert misfits[0] < misfits[1]
    assert errors[0] < errors[1]


def test_an_object_never_seen(experiment, quick, unseen):
    """Trained on one object, it reconstructs another better than untrained, and better than not at all."""
    network, start = (train.untrained(experiment, quick) for _ in range(2))
    train.train(network, experiment, quick)
    other, data = read_experiment(unseen), np.load(unseen)
    truth, where = data["objectGuess"], {k: data[f"{k}coords"] for k in ("x", "y")}

    def mae(canvas):
        stored = other.stored_object(canvas)
        return object_metrics(stored, truth, probe=data["probeGuess"], **where)["aligned_amplitude_mae"]

    trained, untrained = (
        mae(infer.infer(n, other, quick, rounds=quick.inference_rounds)) for n in (network, start)
    )
    assert trained < untrained < mae(other.flat())


@pytest.mark.parametrize("gridsize", [1, 2])
def test_object_and_probe_move_at_sixteen_positions(small, configured_folder, gridsize):
    """Trained on 16 positions, drawn one by one or in fours, object and probe both really move."""
    configuration = NetworkConfiguration(
        epochs=3, rounds=4, inference_rounds=3, channels=8, gridsize=gridsize
    )
    task = Task(small, configured_folder(configuration))
    train.main(task)
    infer.main(task)
    figures = assess(small, task.output)
    assert figures.metrics["object_change"] > 5 * MOVED
    assert figures.metrics["probe_change"] > 5 * MOVED


@pytest.mark.parametrize(
    ("dead", "rates"), [("probe", ["probe_rate"]), ("object", ["learning_rate", "walk_rate"])]
)
def test_a_dead_part_is_refused(small, configured_folder, dead, rates):
    """Faults P04 and P17: training that moves no probe, or no weights, is refused, and told so."""
    still = dict.fromkeys(rates, 0.0)
    configuration = NetworkConfiguration(epochs=1, rounds=3, inference_rounds=3, channels=8, **still)
    task = Task(small, configured_folder(configuration))
    train.main(task)
    infer.main(task)
    with pytest.raises(RefusedError, match=f"move the {dead}"):
        assess(small, task.output)


def test_weights_that_were_never_loaded_are_refused(small, quick, configured_folder, monkeypatch):
    """Fault P11: an inference that forgets the checkpoint gives the untrained object, and is refused."""
    task = Task(small, configured_folder(quick))
    monkeypatch.setattr(
        infer, "trained", lambda _, experiment, settings: train.untrained(experiment, settings)
    )
    infer.main(task)
    with pytest.raises(RefusedError, match="object_change"):
        assess(small, task.output)


def test_groups_reach_the_training(experiment, quick):
    """Gridsize 1 and 2 train different networks: the option is not ignored (fault P13)."""
    probes = []
    for gridsize in (1, 2):
        settings = NetworkConfiguration(epochs=1, rounds=2, channels=8, gridsize=gridsize)
        torch.manual_seed(0)
        network = train.untrained(experiment, settings)
        train.train(network, experiment, settings)
        probes.append(network.probe.detach())
    assert not torch.equal(*probes)


def test_divergence_is_refused(experiment):
    """A rate far too high ends in a refusal that names the rates, not in an object of NaN."""
    settings = NetworkConfiguration(epochs=1, rounds=8, channels=8, probe_rate=1e30)
    with pytest.raises(RefusedError, match="Lower"):
        train.train(train.untrained(experiment, settings), experiment, settings)


def test_checkpoint_of_another_shape(experiment, quick, tmp_path):
    """Weights of a wider network are refused, not cut."""
    wider = NetworkConfiguration(channels=9)
    state = train.untrained(experiment, wider).state_dict()
    path = checkpoint.write_checkpoint(tmp_path / "checkpoint.pt", train.KIND, state)
    with pytest.raises(UnreadableError, match="size mismatch"):
        infer.trained(path, experiment, quick)
