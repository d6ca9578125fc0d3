"""Steps are those of torch's optimiser classes, without the slow import that these need."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from harness.ptycho.pipeline.model.optimisers import Adam, clear_gradients


def descended(parameter, step, count: int = 5):
    """Return *parameter* after *count* steps down a parabola that is steeper along some axes."""
    for _ in range(count):
        clear_gradients([parameter])
        (parameter.abs() ** 2 * torch.arange(1, 4)).sum().backward()
        step()
    return parameter.detach().clone()


@pytest.fixture(params=[torch.float32, torch.complex64], ids=str)
def start(request):
    values = torch.tensor([1.0, -2.0, 0.5]).to(request.param)
    return lambda: values.clone().requires_grad_()


def test_adam_agrees_with_torch(start):
    one, other = start(), start()
    theirs = torch.optim.Adam([other], lr=0.1, betas=(0.9, 0.99))
    ours = Adam([one], 0.1)
    assert torch.equal(descended(one, ours.step), descended(other, theirs.step))


def test_a_factor_scales_the_rate(start):
    one, other = start(), start()
    whole, half = Adam([one], 0.05), Adam([other], 0.1)
    assert torch.equal(descended(one, whole.step), descended(other, lambda: half.step(0.5)))


def test_a_restored_adam_continues_to_the_same_bits(start):
    one, other = start(), start()
    whole, first = Adam([one], 0.1), Adam([other], 0.1)
    descended(one, whole.step, 6)
    descended(other, first.step, 3)
    second = Adam([other], 0.1)
    second.restore(first.state())
    descended(other, second.step, 3)
    assert torch.equal(one, other)


def test_a_state_of_another_shape_is_refused():
    adam = Adam([torch.zeros(3, requires_grad=True)], 0.1)
    with pytest.raises(ValueError, match="means of"):
        adam.restore(Adam([torch.zeros(4, requires_grad=True)], 0.1).state())


def test_a_parameter_without_a_gradient_does_not_move(start):
    parameter = start()
    before = parameter.detach().clone()
    Adam([parameter], 0.1).step()
    assert torch.equal(parameter.detach(), before)


def test_the_compiler_of_torch_is_not_imported():
    """Its import takes as long as that of torch itself."""
    code = (
        "import sys, torch\n"
        "from harness.ptycho.pipeline.model.optimisers import Adam\n"
        "p = torch.ones(3, requires_grad=True); p.sum().backward()\n"
        "Adam([p], 0.1).step()\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
