"""The waves on the detector are those of the forward model, and their adjoint is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.refit.waves import ObjectWaves, ProbeWaves, Target
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module")
def data():
    return Dataset.of(simulate(positions=9, detector=32, step=5.0, photons=None).arrays())


def centred(fields):
    return np.fft.fftshift(np.abs(fields), axes=(1, 2))


def test_the_probes_waves_are_those_of_the_forward_model(data):
    waves = ProbeWaves.of(data)
    assert centred(waves.fields(waves.start)) == pytest.approx(data.predict(), rel=1e-4, abs=1e-3)


def test_the_objects_waves_are_nearly_those_of_the_forward_model(data):
    """The probe is moved instead of the patch, which differs where an exit wave is not band-limited."""
    waves, exact = ObjectWaves.of(data), data.predict()
    assert np.linalg.norm(centred(waves.fields(waves.start)) - exact) < 0.02 * np.linalg.norm(exact)


@pytest.mark.parametrize("kind", [ProbeWaves, ObjectWaves])
def test_the_gradient_is_the_adjoint_of_the_fields(data, kind):
    """<L u, f> = <u, L* f>."""
    waves, rng = kind.of(data), np.random.default_rng(0)
    u, f = (rng.standard_normal((2, *a.shape)) for a in (waves.start, waves.fields(waves.start)))
    u, f = ((part[0] + 1j * part[1]).astype(np.complex64) for part in (u, f))
    assert np.vdot(waves.fields(u), f) == pytest.approx(np.vdot(u, waves.gradient(f)), rel=1e-4)


def test_only_pixels_with_light_are_counted_as_fitted(data):
    assert ProbeWaves.of(data).parameters == 2 * 32 * 32
    assert 0 < ObjectWaves.of(data).parameters < 2 * data.object.size


@pytest.mark.parametrize("kind", [ProbeWaves, ObjectWaves])
def test_an_array_without_room_for_the_windows_is_not_held(data, kind):
    waves = kind.of(data)
    assert waves.holds(waves.start)
    assert not waves.holds(waves.start[:20, :20])


def test_a_target_is_in_units_of_the_prediction_and_zero_where_pixels_do_not_count(data):
    mask = np.ones((32, 32), dtype=bool)
    mask[16, 16] = False
    target = Target.of(replace(data, mask=mask), scale=2.0, one_photon=0.5)
    assert target.one_photon == 0.25
    assert not target.amplitude[:, 0, 0].any()
    assert target.amplitude[:, 0, 1] == pytest.approx(data.diffraction[:, 16, 17] / 2, rel=1e-6)
    assert not target.left(np.ones_like(target.amplitude, dtype=np.complex64))[:, 0, 0].any()
