"""A trial executes the remedy, and accepts what explains more than chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.correction import Correction
from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.trial import LEAST_SHARE, execute, execute_blindly
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


def moved_by(dx):
    return Correction("position", f"{dx} px off", "Move them.", lambda d: d.moved(dx, 0), parameters=2)


@pytest.fixture(scope="session")
def off(small_data):
    """The evidence of a scan whose positions are 1 px off."""
    return Evidence.of(small_data.moved(1, 0))


def test_the_right_remedy_accounts_for_the_whole_excess(off):
    trial = execute(moved_by(-1), off)
    assert trial.share == pytest.approx(1, abs=0.01)
    assert trial.is_accepted
    assert trial.after.residual == pytest.approx(trial.after.floor, rel=0.02)


def test_half_of_the_remedy_accounts_for_a_part(off):
    trial = execute(moved_by(-0.3), off)
    assert LEAST_SHARE < trial.share < 0.8
    assert trial.is_accepted


def test_the_opposite_remedy_is_not_accepted(off):
    trial = execute(moved_by(1), off)
    assert trial.share < 0
    assert not trial.is_accepted


def test_sound_data_gain_by_nothing(small_data):
    """Not by a move that noise alone would suggest."""
    sound = Evidence.of(small_data)
    assert not any(execute(moved_by(dx), sound).is_accepted for dx in (-0.01, 0.01, 0.2))


def test_a_small_but_material_share_is_accepted(off):
    """A part may say that its size matters, however little it accounts for."""
    little = moved_by(-0.02)
    assert not execute(little, off).is_accepted
    assert execute(replace(little, is_material=True), off).is_accepted
    assert not execute(replace(moved_by(-1), is_material=False), off).is_accepted


def test_fitted_numbers_must_gain_more_than_chance(off):
    """As many numbers as pixels explain everything, and prove nothing."""
    pixels = off.data.diffraction.size
    assert not execute(replace(moved_by(-0.3), parameters=pixels), off).is_accepted


def test_a_remedy_that_moves_most_patches_outside_is_not_judged(off):
    assert execute(moved_by(500), off) is None


def test_a_remedy_that_breaks_the_shapes_is_not_judged(off):
    turned = Correction("detector", "", "", lambda d: replace(d, diffraction=d.diffraction[:-1]))
    assert execute(turned, off) is None


def test_removed_patterns_are_compared_with_the_rest(small_data):
    """The share is that of the excess of all patterns, though fewer are left."""
    dark = small_data.diffraction.copy()
    dark[5] = 0
    kept = np.setdiff1d(np.arange(36), 5)
    removal = Correction("pattern", "pattern 5: dead", "Remove it.", lambda d: d.take(kept),
                         significance=np.inf, kept=kept)  # fmt: skip
    trial = execute(removal, Evidence.of(replace(small_data, diffraction=dark)))
    assert trial.share == pytest.approx(1, abs=0.02)
    assert trial.is_accepted


def test_a_dataset_that_cannot_be_predicted_is_judged_by_the_corrected_one(small_data):
    """As stored there is nothing to compare with; the corrected data must be explained."""
    turned = replace(small_data, diffraction=np.moveaxis(small_data.diffraction, 0, -1))
    back = Correction("detector", "", "", lambda d: replace(d, diffraction=np.moveaxis(d.diffraction, -1, 0)))
    trial = execute_blindly(back, turned)
    assert trial.before is None
    assert trial.is_accepted
    assert execute_blindly(Correction("detector", "", "", lambda d: d), turned) is None


def test_noise_free_data_gain_nothing_by_what_arithmetic_leaves():
    """A move of a thousandth of a pixel accounts for all of it, surely, and is not worth a finding."""
    data = Dataset.of(simulate(positions=36, detector=32, step=6.0, photons=None).arrays())
    trial = execute(replace(moved_by(-1e-3), is_material=True), Evidence.of(data.moved(1e-3, 0)))
    assert trial.share > 0.9
    assert trial.significance > 5
    assert not trial.is_accepted
