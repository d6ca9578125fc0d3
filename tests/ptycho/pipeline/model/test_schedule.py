"""The learning rate falls smoothly to zero, and a loss that is not finite stops the training."""

from __future__ import annotations

import itertools
import math

import pytest

from harness.core.errors import RefusedError
from harness.ptycho.pipeline.model.schedule import cosine_decay, require_finite


def test_cosine_decay():
    """From 1 over 1/2 to 0, falling all the way, and flat at both ends."""
    assert [cosine_decay(f) for f in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    values = [cosine_decay(i / 100) for i in range(101)]
    assert all(a > b for a, b in itertools.pairwise(values))
    assert values[0] - values[1] < 0.01 * (values[50] - values[51]) * 2
    assert values[99] < 1e-3


@pytest.mark.parametrize("loss", [0.0, 1e30, -1.0])
def test_a_finite_loss_passes(loss):
    require_finite(loss)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_refused(loss):
    """The error says that training diverged, and what to change."""
    with pytest.raises(RefusedError, match=r"^training diverged: the loss is .* Use lower"):
        require_finite(loss)
