"""The same seed gives the same numbers, and an operation that could differ is an error."""

from __future__ import annotations

import pytest
import torch

from harness.ptycho.pipeline.model.determinism import make_deterministic


@pytest.fixture(autouse=True)
def _restored():
    """Restore torch's global state."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    fill = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)
    torch.utils.deterministic.fill_uninitialized_memory = fill


def test_the_seed_decides_the_numbers():
    """Equal for equal seeds, and different for different ones."""
    drawn = []
    for seed in (0, 0, 1):
        make_deterministic(seed=seed, threads=1)
        drawn.append(torch.rand(4))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads(threads):
    make_deterministic(seed=0, threads=threads)
    assert torch.get_num_threads() == threads


def test_an_operation_that_is_not_deterministic_is_an_error():
    """Writing to one element twice depends on the order of threads, so torch refuses it."""
    make_deterministic(seed=0, threads=1)
    assert torch.are_deterministic_algorithms_enabled()
    with pytest.raises(RuntimeError, match="deterministic"):
        torch.zeros(3).put_(torch.tensor([0, 0]), torch.ones(2), accumulate=False)


def test_new_tensors_are_not_filled():
    """Filling each new tensor with NaN would cost time."""
    make_deterministic(seed=0, threads=1)
    assert not torch.utils.deterministic.fill_uninitialized_memory
