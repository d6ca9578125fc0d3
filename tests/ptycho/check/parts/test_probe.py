"""A wrong probe is named, and its remedy, executed, explains the patterns; a right one is left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from second_simulator import Variant, make_scan

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts import probe
from harness.ptycho.check.refit.defocus import refocused
from harness.ptycho.check.search import chosen
from harness.ptycho.check.trial import execute, needs_search
from harness.ptycho.scan.residual import Dataset


@pytest.fixture(scope="module", params=[1e6, 1e4], ids=["1e6", "1e4"])
def data(request):
    return Dataset.of(make_scan(Variant(photons=request.param), 3))


def trials(stored):
    evidence = Evidence.of(stored)
    found = list(probe.quick(evidence))
    if needs_search(evidence):
        found += probe.slow(evidence)
    return [trial for one in found if (trial := execute(one, evidence)) is not None]


def cut(wave):
    row, column = np.indices(wave.shape) - wave.shape[0] // 2
    return np.where(np.hypot(row, column) < 9, wave, 0)


STORED = {
    "a conjugated probe": np.conj,
    "a transposed probe": np.transpose,
    "a conjugated and transposed probe": lambda p: p.conj().T,
    "a probe centred at the corner of its array": np.fft.ifftshift,
    "a probe mirrored left to right": lambda p: p[:, ::-1],
    "a probe mirrored top to bottom": lambda p: p[::-1],
    "a probe turned by 90 degrees": np.rot90,
    "the pupil": lambda p: np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(p))),
    "the probe's uncentred Fourier transform": np.fft.fft2,
    "a probe out of focus": lambda p: refocused(p, 1.4),
    "a probe without its phase": np.abs,
    "the phase of the probe alone": lambda p: np.exp(1j * np.angle(p)),
    "a probe that was cut off by a mask": cut,
}


@pytest.mark.parametrize("name", STORED)
def test_a_wrong_probe_is_named_and_its_remedy_explains_the_patterns(data, name):
    found = chosen(trials(replace(data, probe=STORED[name](data.probe).astype(np.complex64))))
    assert found is not None
    assert found.correction.name.startswith(name)
    assert found.after.residual**2 < 2 * Evidence.of(data).fit.residual ** 2


def test_a_defocus_of_five_percent_is_found_with_its_size(data):
    """The probe's own is 2.6 rad at its rms frequency."""
    found = chosen(trials(replace(data, probe=refocused(data.probe, 0.13))))
    assert found.correction.name == "a probe out of focus"
    (size,) = found.correction.sizes
    assert size.value == pytest.approx(0.13, abs=5 * size.uncertainty)


def test_a_beam_of_several_modes_is_named_and_its_remedy_is_partial():
    found = chosen(trials(Dataset.of(make_scan(Variant(incoherent=0.2), 3))))
    assert found.correction.name.startswith("a beam of several modes: 1")
    assert "accounts for a part" in found.correction.remedy
    assert 0.3 < found.share < 1


@pytest.mark.parametrize("light", [0.0, 0.01])
def test_a_sound_probe_is_left_alone(light):
    """One percent of the light in other modes is none of the dataset's faults."""
    assert chosen(trials(Dataset.of(make_scan(Variant(incoherent=light), 3)))) is None


def test_the_scale_of_a_probe_is_free(data):
    assert chosen(trials(replace(data, probe=data.probe / np.linalg.norm(data.probe)))) is None


def test_positions_that_are_wrong_are_no_fault_of_the_probe(data):
    rng = np.random.default_rng(0)
    stored = replace(data, x=data.x + rng.normal(0, 1.5, len(data.x)))
    assert chosen(trials(stored)) is None


def test_the_measured_stars_probe_accounts_for_a_part_but_is_no_finding(star):
    stored = Dataset(star.diffraction, star.probe, star.object, star.x, star.y)
    found = trials(stored)
    assert chosen(found) is None
    assert any(0.1 < one.share < 0.4 for one in found if one.correction.held_out is not None)


def test_probes_that_are_not_square_are_mirrored_but_not_transposed():
    stored = Dataset.of(make_scan(Variant(shape=(48, 64)), 3))
    found = chosen(trials(replace(stored, probe=stored.probe[:, ::-1])))
    assert found.correction.name == "a probe mirrored left to right"


def test_light_that_a_particle_in_vacuum_lets_a_probe_absorb_is_no_fault():
    """Noise-free, a refit explains nearly all of one percent of incoherent light: too little to matter."""
    variant = Variant("particle", "raster", (64, 64), 49, photons=None, incoherent=0.01)
    assert chosen(trials(Dataset.of(make_scan(variant, 0)))) is None
