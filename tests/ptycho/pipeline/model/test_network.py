"""The network: plain gradient descent before training, and at rest where the patterns are explained."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from harness.ptycho.pipeline.model import infer, train
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.pipeline.model.forward import amplitude
from harness.ptycho.pipeline.model.network import Canvas, Network, Step


@pytest.fixture
def experiment(small):
    torch.manual_seed(0)
    return read_experiment(small)


def test_untrained_is_plain_gradient_descent(experiment, quick):
    """Before training the convolutions add nothing: weights of another seed give the same object."""
    objects = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        objects.append(infer.infer(train.untrained_network(experiment, quick), experiment, quick, rounds=1))
    assert torch.equal(*objects)


def test_an_untrained_step_is_gradient_descent_with_momentum():
    """The object moves by momentum * last step - step size * gradient."""
    step = Step(channels=4)
    canvas = Canvas(torch.ones(5, 6, dtype=torch.complex64), torch.full((5, 6), 0.1j))
    moved = step(canvas, torch.full((5, 6), 0.2 + 0j), torch.ones(5, 6))
    expected = step.momentum * canvas.momentum - step.step_size * 0.2
    assert torch.allclose(moved.momentum, expected)
    assert torch.allclose(moved.obj, canvas.obj + expected)


def test_the_correction_vanishes_in_the_dark():
    """With any weights, a pixel without light moves as in plain gradient descent."""
    step, light = Step(channels=4), torch.ones(5, 6)
    plain = step(*(arguments := (_canvas(), torch.full((5, 6), 0.2 + 0j), light)))
    for weight in step.correct.parameters():
        torch.nn.init.normal_(weight)
    light[0, 0] = 0
    corrected = step(*arguments)
    assert corrected.obj[0, 0] == plain.obj[0, 0]
    assert not torch.allclose(corrected.obj[2, 2], plain.obj[2, 2])


def _canvas():
    return Canvas(torch.ones(5, 6, dtype=torch.complex64), torch.full((5, 6), 0.1j))


def test_the_gradient_agrees_with_automatic_differentiation(experiment, quick, monkeypatch):
    """Without its preconditioner, it has the direction of the misfit's gradient by the object."""
    monkeypatch.setattr("harness.ptycho.pipeline.model.network.PHASE_FLOOR", 1e-12)  # autograd has no floor
    network = train.untrained_network(experiment, quick)
    obj, everything = experiment.flat_object().requires_grad_(), torch.arange(experiment.positions)
    gradient, light, misfit = network._gradient(experiment, obj, everything)
    misfit.backward()
    # light is illumination / (illumination + c), so 1 - light is c over the preconditioner.
    plain = (gradient / (1 - light)).detach()
    cosine = torch.vdot(plain.reshape(-1), obj.grad.reshape(-1)).real / plain.norm() / obj.grad.norm()
    assert cosine > 0.9999


def test_an_object_that_explains_the_patterns_stays(experiment, quick):
    """With any weights: the convolutions have no bias, and see only gradient and momentum."""
    network = Network(experiment.probe, quick.channels)
    for weight in network.parameters():
        if weight is not network.probe_parts:
            torch.nn.init.normal_(weight, std=0.1)
    obj = experiment.flat_object()
    exact = replace(experiment, amplitude=amplitude(experiment.probe, obj, experiment.windows))
    states, misfit = network(exact, Canvas.flat(exact), [torch.arange(exact.positions)] * 3)
    assert misfit.item() < 1e-10
    assert torch.allclose(states[-1].obj, obj, atol=1e-5)


def test_the_loss_is_the_misfit_before_each_step(experiment, quick):
    """For a single step it is the misfit of the flat object."""
    network = train.untrained_network(experiment, quick)
    positions = torch.arange(4)
    states, loss = network(experiment, Canvas.flat(experiment), [positions])
    predicted = amplitude(network.probe, experiment.flat_object(), experiment.windows.take(positions))
    assert len(states) == 1
    assert loss.item() == pytest.approx((predicted - experiment.amplitude[positions]).square().mean().item())
