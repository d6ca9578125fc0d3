"""A defocus is found with its size, at either dose, and its standard error is that of repeated scans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.refit.defocus import Defocus, fit_defocus, refocused
from harness.ptycho.check.refit.waves import ProbeWaves, Target
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


def scan(photons=1e6, seed=0):
    return Dataset.of(simulate(positions=25, detector=32, step=5.0, photons=photons, seed=seed).arrays())


def fitted(data, start=0.0):
    evidence = Evidence.of(data)
    target = Target.of(data, evidence.fit.scale, evidence.one_photon)
    return fit_defocus(ProbeWaves.of(data), target, start)


@pytest.mark.parametrize("photons", [None, 1e6, 1e4, 300.0])
@pytest.mark.parametrize("radians", [-0.3, 0.05])
def test_a_defocus_is_found_with_its_size(photons, radians):
    data = scan(photons)
    found = fitted(replace(data, probe=refocused(data.probe, -radians)))
    assert found.radians == pytest.approx(radians, abs=max(4 * found.uncertainty, 1e-3))


def test_the_standard_error_is_that_of_repeated_scans():
    """Between 0.6 and 1.6 times, of 12 scans."""
    found = [fitted(scan(1e4, seed)) for seed in range(12)]
    spread = np.std([one.radians for one in found], ddof=1)
    assert 0.6 < spread / np.mean([one.uncertainty for one in found]) < 1.6


def test_a_dim_sound_scan_is_in_focus():
    """Dark pixels' amplitudes lie below their mean's root: without that, it would seem out of focus."""
    found = [fitted(scan(100.0, seed)) for seed in range(6)]
    assert max(one.deviations for one in found) < 4


def test_refocusing_keeps_the_energy_and_the_dtype():
    probe = scan().probe.astype(np.complex64)
    moved = refocused(probe, 1.5)
    assert moved.dtype == np.complex64
    assert np.linalg.norm(moved) == pytest.approx(np.linalg.norm(probe), rel=1e-5)


def test_a_number_without_an_uncertainty_does_not_differ_from_zero():
    assert Defocus(0.3, 0.0).deviations == 0
    assert Defocus(-0.3, 0.1).deviations == pytest.approx(3)
