"""The torch model is the numpy model, and its adjoint is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.ptycho.pipeline.model import forward as physics
from harness.ptycho.scan import forward


@pytest.fixture
def random():
    return np.random.default_rng(7)


@pytest.fixture
def geometry(random):
    """Nine subpixel positions of a patch that is not square, on an object that is not."""
    return {"x": random.uniform(10, 30, 9), "y": random.uniform(12, 40, 9)}


@pytest.fixture
def windows(geometry):
    return physics.Windows.at(**geometry, patch=(24, 20), shape=(56, 44))


def waves(random, *shape):
    return random.normal(size=shape) + 1j * random.normal(size=shape)


def tensor(values):
    return torch.from_numpy(values.astype(np.complex64))


def test_patches_are_numpys(random, geometry, windows):
    """A patch at a subpixel position holds the values that harness.ptycho.scan.forward reads there."""
    obj = waves(random, 56, 44)
    expected = forward.patches(obj, **geometry, shape=(24, 20))
    np.testing.assert_allclose(physics.patches(tensor(obj), windows).numpy(), expected, atol=2e-5)


def test_amplitude_is_numpys(random, geometry, windows):
    """Probe and object give the amplitudes of harness.ptycho.scan.forward, but for where the zero frequency is."""
    obj, probe = waves(random, 56, 44), waves(random, 24, 20)
    expected = np.fft.ifftshift(forward.amplitude(probe, obj, **geometry), axes=(1, 2))
    np.testing.assert_allclose(
        physics.amplitude(tensor(probe), tensor(obj), windows).numpy(), expected, atol=1e-4
    )


def test_the_comparison_sees_a_flipped_shift(random, geometry, windows):
    """Fault P01: with the sign of the subpixel shift turned, the two models do not agree."""
    obj = waves(random, 56, 44)
    flipped = physics.Windows(windows.index, windows.ramp.conj(), windows.shape)
    expected = forward.patches(obj, **geometry, shape=(24, 20))
    assert np.abs(physics.patches(tensor(obj), flipped).numpy() - expected).max() > 0.1


def test_place_is_the_adjoint_of_patches(random, windows):
    """<patches(obj), w> equals <obj, place(w)> for any obj and w."""
    obj, placed = tensor(waves(random, 56, 44)), tensor(waves(random, 9, 24, 20))
    left = torch.vdot(physics.patches(obj, windows).reshape(-1), placed.reshape(-1))
    right = torch.vdot(obj.reshape(-1), physics.place(placed, windows).reshape(-1))
    assert torch.allclose(left, right, rtol=1e-4, atol=1e-2)


def test_place_is_what_autograd_takes_for_the_adjoint(random, windows):
    """The gradient of a sum of patches by the object is their placement."""
    obj, weight = tensor(waves(random, 56, 44)).requires_grad_(), tensor(waves(random, 9, 24, 20))
    (physics.patches(obj, windows) * weight.conj()).real.sum().backward()
    assert torch.allclose(obj.grad, physics.place(weight, windows), atol=1e-4)


def test_far_field_conserves_energy_and_is_undone(random):
    """The propagation is unitary: energy stays, and near_field brings the wave back."""
    wave = tensor(waves(random, 3, 24, 20))
    far = physics.far_field(wave)
    assert torch.allclose(far.abs().square().sum(), wave.abs().square().sum(), rtol=1e-5)
    assert torch.allclose(physics.near_field(far), wave, atol=1e-5)


def test_defocus_moves_the_probe_and_keeps_its_energy(random):
    """A probe out of focus is another one of the same energy, and the opposite defocus brings it back."""
    probe = tensor(waves(random, 24, 20))
    moved = physics.defocused(probe, 0.3)
    assert (moved - probe).norm() > 0.05 * probe.norm()
    assert torch.allclose(moved.norm(), probe.norm(), rtol=1e-5)
    assert torch.allclose(physics.defocused(moved, -0.3), probe, atol=1e-4)


def test_a_subset_of_windows_reads_the_same_patches(random, windows):
    """Positions taken from the windows read what they read among all of them (fault F01 would not)."""
    obj, positions = tensor(waves(random, 56, 44)), torch.tensor([5, 2])
    expected = physics.patches(obj, windows)[positions]
    assert torch.equal(physics.patches(obj, windows.take(positions)), expected)
