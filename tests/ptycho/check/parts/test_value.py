"""Numbers that are not amplitudes are named by their curve or limit; the remedy leads back to the noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from second_simulator import UNUSUAL, Variant, drawn_variant, make_scan
from second_simulator.faults import FAULTS

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts import value
from harness.ptycho.check.search import chosen
from harness.ptycho.check.trial import Trial, execute
from harness.ptycho.scan.residual import Dataset

BY_NAME = {fault.name: fault for fault in FAULTS}
SAYS = {
    "intensity stored": "intensity stored where amplitude is expected",
    "the root taken twice": "the square root taken twice",
    "amplitude to a power": "amplitudes to the power 0.7",
    "logarithm of counts": "the logarithm of",
    "log1p of counts": "(log1p)",
    "root of log10": "the square root of the logarithm of 1 + counts stored",
    "counts wrapped around at 2^16": "whose intensities wrapped around",
    "counts wrapped around at 2^8": "whose intensities wrapped around",
    "squares wrapped around in uint16": "whose intensities wrapped around",
    "bright counts negative in int16": "overflowed bright pixels, stored as 0",
    "amplitudes clipped": "saturated pixels",
    "saturated pixels": "saturated pixels",
    "few levels": "amplitudes rounded to about 33 levels",
    "faint counts cut off": "faint counts cut off: no value of fewer than 5 photons",
    "an offset left in": "left in the amplitudes",
}
LOST = (
    "bright counts",
    "amplitudes clipped",
    "saturated",
    "few levels",
    "faint counts",
    "logarithm of counts",
)
"""Faults that lose what they change: a remedy can only leave it out."""


def trials_of(arrays) -> list[Trial]:
    """Return the accepted trials of all corrections of values."""
    evidence = Evidence.of(Dataset.of(arrays))
    found = [execute(one, evidence) for one in value.quick(evidence)]
    return [trial for trial in found if trial is not None and trial.is_accepted]


@pytest.mark.parametrize("photons", [1e4, 1e6])
@pytest.mark.parametrize("name", SAYS)
def test_every_fault_of_values_is_named_and_its_remedy_accounts_for_it(name, photons):
    fault = BY_NAME[name]
    sound = make_scan(replace(fault.variant(Variant()), photons=photons), 0)
    found = chosen(trials_of(fault.of(sound, 0)))
    assert found is not None
    assert SAYS[name] in found.correction.name
    if not name.startswith(LOST):
        right = Evidence.of(Dataset.of(sound)).fit
        assert found.after.residual == pytest.approx(right.residual, rel=0.05)


@pytest.mark.parametrize("exponent", [2.0, 0.5, 0.7, 1.3])
def test_a_power_of_noise_free_amplitudes_is_fitted(exponent):
    sound = make_scan(Variant(photons=None), 1)
    stack = (sound["diffraction"].astype(np.float64) ** exponent).astype(np.float32)
    found = chosen(trials_of({**sound, "diffraction": stack}))
    assert found is not None
    assert found.after.residual < 0.01


def test_the_remedy_is_what_it_says():
    fault = BY_NAME["amplitude to a power"]
    faulty = fault.of(make_scan(Variant(), 1), 1)
    found = chosen(trials_of(faulty))
    said = float(found.correction.remedy.split()[-1].rstrip("."))
    mended = found.correction.apply(Dataset.of(faulty)).diffraction
    assert mended == pytest.approx(faulty["diffraction"].astype(np.float64) ** said, rel=1e-4)


@pytest.mark.parametrize("name", ["small particle, raster", "50 photons", "200 photons", "beam stop"])
def test_unusual_sound_scans_gain_nothing(name):
    assert not trials_of(make_scan(UNUSUAL[name], 0))


@pytest.mark.parametrize("seed", range(20, 24))
def test_drawn_sound_scans_gain_nothing(seed):
    variant = drawn_variant(seed)
    assert not trials_of(make_scan(replace(variant, positions=min(variant.positions, 64)), seed))


@pytest.mark.parametrize(
    "change",
    [
        lambda a: {"xcoords": a["xcoords"] + 2.0},
        lambda a: {"objectGuess": a["objectGuess"].conj()},
        lambda a: {"probeGuess": a["probeGuess"].T},
    ],
    ids=["offset positions", "conjugated object", "transposed probe"],
)
def test_other_faults_are_not_blamed_on_the_values(change):
    sound = make_scan(Variant(), 2)
    assert not trials_of({**sound, **change(sound)})


def test_a_measured_scan_gains_nothing(star):
    evidence = Evidence.of(Dataset(star.diffraction, star.probe, star.object, star.x, star.y))
    found = [execute(one, evidence) for one in value.quick(evidence)]
    assert not any(trial.is_accepted for trial in found if trial is not None)


def test_dark_data_have_no_curve():
    sound = make_scan(Variant(), 2)
    assert not trials_of({**sound, "diffraction": np.zeros_like(sound["diffraction"])})
