"""The steps are those of torch's own optimiser classes, without the import that these bring."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from harness.ptycho.pipeline.model.optimisers import Adam, Momentum, forget


def descended(parameter, step, count: int = 5):
    """Walk down a bowl that is steeper on one side, and return where the walk ended."""
    for _ in range(count):
        forget([parameter])
        (parameter.abs() ** 2 * torch.arange(1, 4)).sum().backward()
        step()
    return parameter.detach().clone()


@pytest.fixture(params=[torch.float32, torch.complex64], ids=str)
def start(request):
    values = torch.tensor([1.0, -2.0, 0.5]).to(request.param)
    return lambda: values.clone().requires_grad_()


def test_adam_is_torchs(start):
    one, other = start(), start()
    theirs = torch.optim.Adam([other], lr=0.1, betas=(0.9, 0.99))
    ours = Adam([one], 0.1)
    assert torch.equal(descended(one, ours.step), descended(other, theirs.step))


def test_a_share_of_the_rate_is_a_smaller_rate(start):
    one, other = start(), start()
    whole, half = Adam([one], 0.05), Adam([other], 0.1)
    assert torch.equal(descended(one, whole.step), descended(other, lambda: half.step(0.5)))


def test_momentum_is_torchs(start):
    one, other = start(), start()
    theirs = torch.optim.SGD([other], lr=0.05, momentum=0.5)
    ours = Momentum(one, 0.05, inertia=0.5)
    assert torch.equal(descended(one, ours.step), descended(other, theirs.step))


def test_adam_goes_on_where_another_stopped(start):
    one, other = start(), start()
    whole, first = Adam([one], 0.1), Adam([other], 0.1)
    descended(one, whole.step, 6)
    descended(other, first.step, 3)
    second = Adam([other], 0.1)
    second.restore(first.state())
    descended(other, second.step, 3)
    assert torch.equal(one, other)


def test_a_memory_of_another_shape_is_refused():
    adam = Adam([torch.zeros(3, requires_grad=True)], 0.1)
    with pytest.raises(ValueError, match="means of"):
        adam.restore(Adam([torch.zeros(4, requires_grad=True)], 0.1).state())


def test_a_parameter_that_nothing_depends_on_stays(start):
    parameter = start()
    before = parameter.detach().clone()
    Adam([parameter], 0.1).step()
    Momentum(parameter, 0.1, inertia=0.5).step()
    assert torch.equal(parameter.detach(), before)


def test_torchs_compiler_is_not_imported():
    """It takes as long as torch itself."""
    code = (
        "import sys, torch\n"
        "from harness.ptycho.pipeline.model.optimisers import Adam, Momentum\n"
        "p = torch.ones(3, requires_grad=True); p.sum().backward()\n"
        "Adam([p], 0.1).step(); Momentum(p, 0.1, inertia=0.5).step()\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
