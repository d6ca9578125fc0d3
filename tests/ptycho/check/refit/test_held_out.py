"""A refit is judged by patterns that it was not fitted to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.refit.defocus import refocused
from harness.ptycho.check.refit.held_out import finished, refit, split
from harness.ptycho.check.refit.waves import ObjectWaves, ProbeWaves, Target
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module", params=[1e6, 1e4], ids=["1e6", "1e4"])
def data(request):
    return Dataset.of(simulate(positions=49, detector=32, step=4.0, photons=request.param).arrays())


def of(kind, stored):
    evidence = Evidence.of(stored)
    return kind.of(stored), Target.of(stored, evidence.fit.scale, evidence.one_photon)


def test_each_pattern_is_either_fitted_or_held_out():
    fitted, judged = split(20)
    assert sorted([*fitted, *judged]) == list(range(20))
    assert len(judged) == 6


def test_a_wrong_probe_is_explained_by_a_probe_alone(data):
    stored = replace(data, probe=refocused(data.probe, 0.8))
    assert refit(*of(ProbeWaves, stored)).share > 0.9
    assert refit(*of(ObjectWaves, stored)).share < 0.6


def test_a_wrong_object_is_explained_by_an_object_alone(data):
    stored = replace(data, object=np.abs(data.object).astype(data.object.dtype))
    assert refit(*of(ObjectWaves, stored)).share > 0.8
    assert refit(*of(ProbeWaves, stored)).share < 0.6


def test_an_object_that_follows_patterns_of_other_positions_does_not_explain_held_out_ones(data):
    """Fitted to all patterns, it explains most of them: a weak detector."""
    stored = replace(data, diffraction=data.diffraction[np.random.default_rng(0).permutation(49)])
    waves, target = of(ObjectWaves, stored)
    found = refit(waves, target)
    assert found.share < 0.6


def test_more_steps_with_all_patterns_lower_what_is_left(data):
    stored = replace(data, probe=refocused(data.probe, 0.8))
    waves, target = of(ProbeWaves, stored)
    found = finished(waves, target, refit(waves, target))
    after = Evidence.of(replace(stored, probe=found.value))
    assert after.fit.residual < 1.05 * Evidence.of(data).fit.residual


def test_what_a_fit_explains_worse_is_not_kept(data):
    """A sound scan: the stored probe is returned, or one that is no worse."""
    waves, target = of(ProbeWaves, data)
    found = refit(waves, target)
    assert found.share >= 0
    assert found.parameters == 2 * 32 * 32
