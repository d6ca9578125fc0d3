"""The torch model agrees with the numpy model, and its adjoint is the adjoint."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.ptycho.pipeline.model import forward as torch_model
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.scan import forward as numpy_model


@pytest.fixture
def random():
    return np.random.default_rng(7)


@pytest.fixture
def geometry(random):
    """Nine subpixel positions; neither the patch nor the object is square."""
    return {"x": random.uniform(10, 30, 9), "y": random.uniform(12, 40, 9)}


@pytest.fixture
def windows(geometry):
    return torch_model.Windows.centred_at(**geometry, patch=(24, 20), shape=(56, 44))


def waves(random, *shape):
    return random.normal(size=shape) + 1j * random.normal(size=shape)


def tensor(values):
    return torch.from_numpy(values.astype(np.complex64))


def test_patches_agree_with_numpy(random, geometry, windows):
    """Both models read the same values at subpixel positions."""
    obj = waves(random, 56, 44)
    expected = numpy_model.patches(obj, **geometry, shape=(24, 20))
    np.testing.assert_allclose(torch_model.patches(tensor(obj), windows).numpy(), expected, atol=2e-5)


def test_amplitudes_agree_with_numpy(random, geometry, windows):
    """Both models give the same amplitudes, apart from the place of the zero frequency."""
    obj, probe = waves(random, 56, 44), waves(random, 24, 20)
    expected = np.fft.ifftshift(numpy_model.amplitude(probe, obj, **geometry), axes=(1, 2))
    np.testing.assert_allclose(
        torch_model.amplitude(tensor(probe), tensor(obj), windows).numpy(), expected, atol=1e-4
    )


def test_a_flipped_shift_does_not_agree(random, geometry, windows):
    """Fault P01: if the sign of the subpixel shift is flipped, the comparison with numpy fails."""
    obj = waves(random, 56, 44)
    flipped = torch_model.Windows(windows.index, windows.ramp.conj(), windows.shape)
    expected = numpy_model.patches(obj, **geometry, shape=(24, 20))
    assert np.abs(torch_model.patches(tensor(obj), flipped).numpy() - expected).max() > 0.1


def test_place_patches_is_the_adjoint_of_patches(random, windows):
    """<patches(obj), w> equals <obj, place_patches(w)> for any obj and w."""
    obj, placed = tensor(waves(random, 56, 44)), tensor(waves(random, 9, 24, 20))
    left = torch.vdot(torch_model.patches(obj, windows).reshape(-1), placed.reshape(-1))
    right = torch.vdot(obj.reshape(-1), torch_model.place_patches(placed, windows).reshape(-1))
    assert torch.allclose(left, right, rtol=1e-4, atol=1e-2)


def test_place_patches_agrees_with_automatic_differentiation(random, windows):
    """The gradient of a weighted sum of patches, by the object, is the placed weights."""
    obj, weight = tensor(waves(random, 56, 44)).requires_grad_(), tensor(waves(random, 9, 24, 20))
    (torch_model.patches(obj, windows) * weight.conj()).real.sum().backward()
    assert torch.allclose(obj.grad, torch_model.place_patches(weight, windows), atol=1e-4)


def test_placing_whole_patches_is_the_adjoint_of_reading_them(random, windows):
    """<whole_patches(obj), w> equals <obj, place_whole_patches(w)> for any obj and w."""
    obj, placed = tensor(waves(random, 56, 44)), tensor(waves(random, 9, 24, 20))
    left = torch.vdot(torch_model.whole_patches(obj, windows).reshape(-1), placed.reshape(-1))
    right = torch.vdot(obj.reshape(-1), torch_model.place_whole_patches(placed, windows).reshape(-1))
    assert torch.allclose(left, right, rtol=1e-4, atol=1e-2)


def test_collecting_probes_is_the_adjoint_of_moving_them(random, windows):
    """<moved_probes(probe), w> equals <probe, collect_probes(w)> for any probe and w."""
    probe, collected = tensor(waves(random, 24, 20)), tensor(waves(random, 9, 24, 20))
    left = torch.vdot(torch_model.moved_probes(probe, windows).reshape(-1), collected.reshape(-1))
    right = torch.vdot(probe.reshape(-1), torch_model.collect_probes(collected, windows).reshape(-1))
    assert torch.allclose(left, right, rtol=1e-4, atol=1e-2)


def test_moving_the_probe_is_moving_the_patch(random, geometry, windows):
    """The same amplitudes for a probe and an object that hold no frequency above a quarter of a cycle.

    Their product holds none above the Nyquist frequency, so shifting it as a whole is exact, but for what the
    object has beyond the window's edge: the probe is dark there.
    """
    probe = 1e-9 + np.exp(-(np.hypot(*np.ogrid[-12:12, -10:10]) ** 2) / 8)
    obj = np.fft.fft2(waves(random, 56, 44))
    obj[np.hypot(np.fft.fftfreq(56)[:, None], np.fft.fftfreq(44)) > 0.2] = 0
    obj = np.fft.ifft2(obj)
    expected = numpy_model.amplitude(probe, obj, **geometry)
    wave = torch_model.moved_probes(tensor(probe), windows) * torch_model.whole_patches(tensor(obj), windows)
    found = np.fft.fftshift(torch_model.far_field(wave).abs().numpy(), axes=(1, 2))
    assert numpy_model.residual(found, expected) < 0.05
    wrong = torch_model.Windows(windows.index, windows.ramp.conj(), windows.shape)
    wave = torch_model.moved_probes(tensor(probe), wrong) * torch_model.whole_patches(tensor(obj), wrong)
    flipped = np.fft.fftshift(torch_model.far_field(wave).abs().numpy(), axes=(1, 2))
    assert numpy_model.residual(flipped, expected) > 0.1


def test_moving_the_probe_explains_a_fixture_as_well(small):
    """On a simulated scan's truth the two differ by 0.01, where photon noise leaves 0.027."""
    experiment, data = read_experiment(small), np.load(small)
    rows, columns = (
        slice(c, c + n) for c, n in zip(experiment.corner, experiment.windows.shape, strict=True)
    )
    obj = torch.from_numpy(data["objectGuess"][rows, columns] / experiment.object_scale)
    probes = torch_model.moved_probes(experiment.probe, experiment.windows)
    found = torch_model.far_field(probes * torch_model.whole_patches(obj, experiment.windows)).abs()
    patched = torch_model.amplitude(experiment.probe, obj, experiment.windows)
    residuals = [numpy_model.residual(p.numpy(), experiment.amplitude.numpy()) for p in (found, patched)]
    assert numpy_model.residual(found.numpy(), patched.numpy()) < 0.01
    assert residuals[0] < 1.02 * residuals[1]


def test_far_field_conserves_energy_and_near_field_inverts_it(random):
    """The propagation is unitary."""
    wave = tensor(waves(random, 3, 24, 20))
    far = torch_model.far_field(wave)
    assert torch.allclose(far.abs().square().sum(), wave.abs().square().sum(), rtol=1e-5)
    assert torch.allclose(torch_model.near_field(far), wave, atol=1e-5)


def test_defocus_changes_the_probe_and_conserves_its_energy(random):
    """The opposite defocus restores the probe."""
    probe = tensor(waves(random, 24, 20))
    moved = torch_model.defocused(probe, 0.3)
    assert (moved - probe).norm() > 0.05 * probe.norm()
    assert torch.allclose(moved.norm(), probe.norm(), rtol=1e-5)
    assert torch.allclose(torch_model.defocused(moved, -0.3), probe, atol=1e-4)


def test_a_subset_of_windows_reads_the_same_patches(random, windows):
    """The windows of some positions read what they read among all of them."""
    obj, positions = tensor(waves(random, 56, 44)), torch.tensor([5, 2])
    expected = torch_model.patches(obj, windows)[positions]
    assert torch.equal(torch_model.patches(obj, windows.take(positions)), expected)
