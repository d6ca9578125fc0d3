"""A wrong object is named, and its remedy, executed, explains the patterns; a right one is left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from second_simulator import Variant, make_scan
from second_simulator.objects import spokes

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts import stored_object
from harness.ptycho.check.search import account_for, chosen
from harness.ptycho.check.trial import execute, needs_search
from harness.ptycho.scan.forward import first_pixels, fourier_shift
from harness.ptycho.scan.residual import Dataset

VARIANT = Variant("voronoi", "jittered", (48, 48), 49)


@pytest.fixture(scope="module", params=[1e6, 1e4], ids=["1e6", "1e4"])
def data(request):
    return Dataset.of(make_scan(replace(VARIANT, photons=request.param), 3))


def trials(stored):
    evidence = Evidence.of(stored)
    found = list(stored_object.quick(evidence))
    if needs_search(evidence):
        found += stored_object.slow(evidence)
    return [trial for one in found if (trial := execute(one, evidence)) is not None]


def with_phase(factor):
    return lambda o: np.abs(o) * np.exp(1j * factor * np.angle(o))


STORED = {
    "a conjugated object": np.conj,
    "an object transposed": np.transpose,
    "an object conjugated and transposed": lambda o: o.conj().T,
    "an object mirrored left to right": lambda o: o[:, ::-1],
    "an object mirrored top to bottom": lambda o: o[::-1],
    "an object turned by 180 degrees": lambda o: o[::-1, ::-1],
    "an object turned by 90 degrees": np.rot90,
    "the phase of the object in turns": with_phase(1 / (2 * np.pi)),
    "half of the object's phase": with_phase(0.5),
    "the logarithm of the object": np.log,
    "the exponent of the object": lambda o: -1j * np.log(o),
    "the inverse of the object": lambda o: 1 / o,
    "the object less 1": lambda o: o - 1,
    "an object without its phase": np.abs,
    "the phase of the object alone": lambda o: np.exp(1j * np.angle(o)),
    "a flat object": np.ones_like,
    "an object that is not the object of these patterns": lambda o: spokes(np.random.default_rng(8), o.shape),
}


@pytest.mark.parametrize("name", STORED)
def test_a_wrong_object_is_named_and_its_remedy_explains_the_patterns(data, name):
    found = chosen(trials(replace(data, object=STORED[name](data.object).astype(np.complex64))))
    assert found is not None
    assert found.correction.name.startswith(name)
    assert found.after.residual**2 < 2 * Evidence.of(data).fit.residual ** 2


def test_a_sound_object_is_left_alone(data):
    assert chosen(trials(data)) is None


@pytest.mark.parametrize("order", [np.random.default_rng(0).permutation(49), np.roll(np.arange(49), 3)])
def test_patterns_of_other_positions_are_no_fault_of_the_object(data, order):
    """An object fitted to all of them explains most of the excess; held-out patterns say that it does not."""
    assert chosen(trials(replace(data, diffraction=data.diffraction[order]))) is None


def test_positions_that_are_wrong_are_no_fault_of_the_object(data):
    rng = np.random.default_rng(0)
    assert chosen(trials(replace(data, x=data.x + rng.normal(0, 1.5, len(data.x))))) is None


def test_an_object_of_a_large_scan_is_fitted_everywhere():
    """The fit is judged in the middle; what is stored holds for all patterns."""
    stored = Dataset.of(make_scan(replace(VARIANT, positions=225, shape=(32, 32)), 3))
    found = chosen(trials(replace(stored, object=np.abs(stored.object).astype(np.complex64))))
    assert found.after.residual**2 < 2 * Evidence.of(stored).fit.residual ** 2


def test_the_measured_stars_object_is_no_finding(star):
    found = trials(Dataset(star.diffraction, star.probe, star.object, star.x, star.y))
    assert chosen(found) is None


def test_an_object_without_its_amplitude_is_not_taken_for_a_beam_that_flickers(data):
    """It is too bright in some patterns: a factor for each explains a part, and more is searched for."""
    stored = replace(data, object=np.exp(1j * np.angle(data.object)).astype(np.complex64))
    (found,) = account_for(stored).findings
    assert found.correction.name.startswith("the phase of the object alone")


def reconstructed(data, rounds=30):
    """Return *data* with object and probe after *rounds* of the ptychographic iterative engine, from flat."""
    obj, wave = np.ones_like(data.object, dtype=np.complex128), data.probe.astype(np.complex128)
    (top, down), (left, right) = (
        first_pixels(c, n) for c, n in zip((data.y, data.x), wave.shape, strict=True)
    )
    measured, rng = np.fft.ifftshift(data.diffraction, axes=(1, 2)).astype(float), np.random.default_rng(0)
    for number, j in ((k, j) for k in range(rounds) for j in rng.permutation(len(measured))):
        place = np.s_[top[j] : top[j] + wave.shape[0], left[j] : left[j] + wave.shape[1]]
        moved, patch = fourier_shift(wave[None], -down[[j]], -right[[j]])[0], obj[place].copy()
        field = np.fft.fft2(moved * patch, norm="ortho")
        missing = np.fft.ifft2((measured[j] / np.maximum(np.abs(field), 1e-12) - 1) * field, norm="ortho")
        obj[place] += 0.9 * moved.conj() * missing / np.max(np.abs(moved) ** 2)
        if number > 1:
            step = 0.9 * patch.conj() * missing / np.max(np.abs(patch) ** 2)
            wave += fourier_shift(step[None], down[[j]], right[[j]])[0]
    return replace(data, probe=wave, object=obj)


def test_a_reconstruction_that_is_not_finished_is_accepted(data):
    """Its excess is spread over probe and object: neither alone accounts for it."""
    account = account_for(reconstructed(data))
    assert account.findings == ()
    assert account.best["object"].share < 0.4
    assert account.evidence.has_excess
