"""Each step of conjugate gradients explains the patterns at least as well, up to the truth."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import pytest

from harness.ptycho.check.refit.screen import misfit
from harness.ptycho.check.refit.solver import descend
from harness.ptycho.check.refit.waves import ObjectWaves, ProbeWaves, Target
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module")
def data():
    return Dataset.of(simulate(positions=36, detector=32, step=4.0, photons=None).arrays())


@pytest.mark.parametrize(("kind", "left"), [(ProbeWaves, 1e-6), (ObjectWaves, 1e-3)])
def test_a_flat_start_reaches_the_truth(data, kind, left):
    """The object's waves are approximate, so that what is left does not vanish."""
    waves, target = kind.of(data), Target.of(data, 1.0, None)
    start = np.full_like(waves.start, np.abs(waves.start).mean())
    if kind is ProbeWaves:
        start = np.conj(waves.start)
    found = [misfit(value, waves, target) for value in islice(descend(waves, start, target), 60)]
    assert found[-1] < left
    assert found[-1] < 0.05 * misfit(start, waves, target)


def test_steps_hardly_ever_explain_less(data):
    waves, target = ProbeWaves.of(data), Target.of(data, 1.0, None)
    found = [misfit(v, waves, target) for v in islice(descend(waves, waves.start.T.copy(), target), 30)]
    assert all(later < 1.05 * earlier + 1e-7 for earlier, later in pairwise(found[3:]))
