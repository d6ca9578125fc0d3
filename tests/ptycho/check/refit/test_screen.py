"""Of many mistakes the likeliest few are kept, in their order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.refit.screen import Change, misfit, most_likely
from harness.ptycho.check.refit.waves import ObjectWaves, ProbeWaves, Target
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate

CHANGES = (
    Change("transposed", "", np.transpose),
    Change("conjugated", "", np.conj),
    Change("dark", "", np.zeros_like),
    Change("too small", "", lambda probe: probe[:4, :4]),
    Change("not finite", "", lambda probe: probe * np.nan),
)


@pytest.fixture(scope="module")
def data():
    return Dataset.of(simulate(positions=16, detector=32, step=5.0, photons=None).arrays())


def test_the_mistake_that_was_made_is_found(data):
    stored = replace(data, probe=data.probe.conj())
    found = most_likely(CHANGES, ProbeWaves.of(stored), Target.of(stored, 1.0, None))
    assert [change.name for left, change in found if left < 0.01] == ["conjugated"]


def test_a_sound_scan_is_explained_better_by_none(data):
    assert most_likely(CHANGES, ProbeWaves.of(data), Target.of(data, 1.0, None)) == []


def test_what_holds_no_windows_explains_nothing(data):
    waves, target = ObjectWaves.of(data), Target.of(data, 1.0, None)
    assert misfit(data.object[:8], waves, target) == np.inf
    assert misfit(np.zeros_like(data.object), waves, target) == 1
