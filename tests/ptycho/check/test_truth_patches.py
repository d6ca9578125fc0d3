"""Ground-truth patches are accepted if they reproduce the patterns, and illuminated ones are named."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check.truth_patches import truth_findings
from harness.ptycho.scan.forward import BLOCK, patches
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module")
def small():
    """More positions than a block of the forward model."""
    return simulate(positions=BLOCK + 16, detector=16, step=3.0)


@pytest.fixture
def truth(small):
    return patches(small.object, small.x, small.y, small.detector)


def findings(scan, truth):
    return truth_findings("consistency", truth, scan.probe, scan.diffraction, one_photon=1.0)


def test_patches_of_the_object_are_accepted(small, truth):
    assert findings(small, truth) == ()


def test_illuminated_patches_are_named_with_both_residuals(small, truth):
    (finding,) = findings(small, truth * small.probe)
    assert (finding.check, finding.key) == ("consistency", "Y")
    assert "already multiplied by the probe" in finding.found
    assert "patches of the object alone" in finding.remedy
    before, after = finding.remedy.rsplit("Residual: ", 1)[1].split(" as stored, ")
    assert float(after.split()[0]) < 0.2 * float(before)


def test_patches_of_other_positions_are_refused_without_a_cause(small, truth):
    (finding,) = findings(small, truth[::-1])
    assert "already multiplied" not in finding.found
    assert "same index array" in finding.remedy


def test_dark_patches_are_refused(small, truth):
    (finding,) = findings(small, np.zeros_like(truth))
    assert "residual of 1" in finding.found
