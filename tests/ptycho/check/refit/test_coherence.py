"""Light in other modes is measured, and is not seen where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from second_simulator import Variant, make_scan

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.refit.coherence import fit_modes
from harness.ptycho.check.refit.waves import ProbeWaves, Target
from harness.ptycho.scan.residual import Dataset


def fitted(data):
    evidence = Evidence.of(data)
    return fit_modes(ProbeWaves.of(data), Target.of(data, evidence.fit.scale, evidence.one_photon))


@pytest.mark.parametrize("photons", [None, 1e6, 1e4])
@pytest.mark.parametrize("light", [0.02, 0.2])
def test_the_light_of_other_modes_is_measured_to_a_hundredth_or_two(photons, light):
    """Dark pixels of dim patterns seem to hold some more."""
    data = Dataset.of(make_scan(Variant(photons=photons, incoherent=light), 0))
    found = fitted(data)
    assert found.light == pytest.approx(light, abs=0.02)
    assert found.share > 0.4 or light < 0.1


def test_a_scan_at_wrong_positions_is_not_taken_for_one_with_modes():
    data = Dataset.of(make_scan(Variant(), 0))
    rng = np.random.default_rng(0)
    found = fitted(replace(data, x=data.x + rng.normal(0, 1.5, len(data.x))))
    assert found.share < 0.2


def test_a_coherent_scan_has_no_other_modes():
    assert fitted(Dataset.of(make_scan(Variant(), 0))).light < 0.005
