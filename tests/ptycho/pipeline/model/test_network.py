"""The network: gradient descent with inertia, at rest where the patterns are explained, and always stable."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from harness.ptycho.pipeline.model import network as model
from harness.ptycho.pipeline.model import train
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.pipeline.model.forward import far_field, moved_probes, whole_patches
from harness.ptycho.pipeline.model.network import Canvas, Network, Slopes, Step, find_slopes


@pytest.fixture
def experiment(small):
    torch.manual_seed(0)
    return read_experiment(small)


@pytest.fixture
def everything(experiment):
    return torch.arange(experiment.positions)


def predicted_amplitudes(experiment, canvas):
    """Return the amplitudes that the network predicts at every position."""
    probes = moved_probes(canvas.probe, experiment.windows)
    return far_field(probes * whole_patches(canvas.obj, experiment.windows)).abs()


def test_a_step_is_gradient_descent_with_inertia():
    """Each part moves by inertia * last move - size * gradient / softened curvature."""
    step = Step()
    canvas = Canvas(*(torch.full((5, 6), value) for value in (1 + 0j, 2 + 0j, 0.1j, 0.3j)))
    light = torch.ones(5, 6)
    light[0, 0] = 0
    slopes = Slopes(
        torch.full((5, 6), 0.2 + 0j),
        torch.full((5, 6), 0.4 + 0j),
        light,
        torch.tensor(4.0),
        torch.tensor(0.0),
    )
    moved = step(canvas, slopes)
    expected = model.START_INERTIA * 0.1j - model.START_SIZE * 0.2 / (light + model.SOFTENING)
    assert torch.allclose(moved.obj_move, expected)
    assert torch.allclose(moved.obj, 1 + expected)
    assert torch.allclose(
        moved.probe, torch.tensor(2 + model.START_INERTIA * 0.3j - model.START_SIZE * 0.4 / 4)
    )
    assert torch.equal(step(canvas, slopes, probe_moves=False).probe, canvas.probe)


def test_a_large_misfit_makes_dim_pixels_move_less():
    """They hold more of what the model does not explain; bright pixels lose less."""
    step, light = Step(), torch.tensor([[0.01, 1.0]])
    canvas = Canvas(*(torch.zeros(1, 2, dtype=torch.complex64) for _ in range(4)))
    moves = []
    for misfit in (0.0, 0.01, 1e9):
        slopes = Slopes(light + 0j, torch.zeros(1, 2) + 0j, light, torch.tensor(1.0), torch.tensor(misfit))
        moves.append(step(canvas, slopes).obj_move[0].abs().detach())
    shares = torch.stack(moves[1:]) / moves[0]  # (2, pixels)
    assert (shares[0] < 1).all()
    assert (shares[:, 0] < shares[:, 1]).all()
    assert shares[1, 1] == pytest.approx((1 + model.SOFTENING) / (1 + model.MOST_SOFTENING))


@pytest.mark.parametrize("logit", [-1e9, 1e9])
def test_weights_cannot_leave_the_stable_range(logit):
    """Sizes and inertias stay between 0 and 1 whatever training does."""
    step = Step()
    with torch.no_grad():
        for weight in step.parameters():
            weight.fill_(logit)
    assert ((step.sizes.sigmoid() >= 0) & (step.sizes.sigmoid() <= 1)).all()
    assert ((step.inertias.sigmoid() >= 0) & (step.inertias.sigmoid() <= 1)).all()


def test_the_slopes_agree_with_automatic_differentiation(experiment, everything, monkeypatch):
    """They have the direction and the size of the misfit's gradients by object and probe."""
    monkeypatch.setattr(model, "PHASE_FLOOR", 1e-12)  # automatic differentiation has no floor
    start = Canvas.start(experiment, experiment.probe)
    obj = (start.obj + 0.1 * torch.randn_like(start.obj)).requires_grad_()
    probe = start.probe.clone().requires_grad_()
    slopes = find_slopes(experiment, replace(start, obj=obj, probe=probe), everything)
    (experiment.amplitude.numel() / 2 * slopes.misfit).backward()
    for slope, leaf in ((slopes.obj, obj), (slopes.probe, probe)):
        assert (slope - leaf.grad).norm() < 1e-3 * leaf.grad.norm()


def test_a_canvas_that_explains_the_patterns_stays(experiment, everything):
    """With any weights, neither object nor probe moves."""
    network = Network(experiment.probe)
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_()
    canvas = Canvas.start(experiment, experiment.probe)
    exact = replace(experiment, amplitude=predicted_amplitudes(experiment, canvas))
    states, misfit = network(exact, canvas, [everything] * 3)
    assert misfit.item() < 1e-10
    assert torch.allclose(states[-1].obj, canvas.obj, atol=1e-5)
    assert torch.allclose(states[-1].probe, canvas.probe, atol=1e-5)


def test_masked_pixels_do_not_count(experiment, everything):
    """The predictions of a pixel that does not count change neither misfit nor slopes."""
    mask = torch.ones(experiment.amplitude.shape[1:])
    mask[3:5] = 0
    canvas = Canvas.start(experiment, experiment.probe)
    exact = predicted_amplitudes(experiment, canvas)
    slopes = find_slopes(replace(experiment, amplitude=mask * exact, mask=mask), canvas, everything)
    assert slopes.misfit < 1e-10
    assert slopes.obj.norm() < 1e-3 * find_slopes(experiment, canvas, everything).obj.norm()
    unmasked = find_slopes(replace(experiment, amplitude=mask * exact), canvas, everything)
    assert unmasked.misfit > 1e-4


def test_the_loss_is_the_misfit_before_each_step(experiment, quick):
    """For a single step it is the misfit of the flat object."""
    network = train.untrained_network(experiment, quick)
    positions, canvas = torch.arange(4), Canvas.start(experiment, network.probe)
    states, loss = network(experiment, canvas, [positions])
    excess = (predicted_amplitudes(experiment, canvas) - experiment.amplitude)[positions]
    assert len(states) == 1
    assert loss.item() == pytest.approx(excess.square().mean().item())


def test_a_canvas_knows_whether_it_is_finite(experiment):
    """One NaN in the object or one infinity in the probe is seen."""
    canvas = Canvas.start(experiment, experiment.probe)
    assert canvas.is_finite()
    for name, value in (("obj", torch.nan), ("probe", torch.inf)):
        damaged = getattr(canvas, name).clone()
        damaged[1, 2] = value
        assert not replace(canvas, **{name: damaged}).is_finite()
