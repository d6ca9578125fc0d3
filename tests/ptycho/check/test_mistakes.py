"""Each known mistake is undone by what its remedy says."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check.mistakes import DATASET_MISTAKES, STACK_MISTAKES, flipped
from harness.ptycho.scan.residual import Dataset

BY_NAME = {mistake.name: mistake for mistake in (*STACK_MISTAKES, *DATASET_MISTAKES)}

STACK_REMEDIES = {
    "intensity stored where amplitude is expected": np.sqrt,
    "the square root taken twice": np.square,
    "the zero frequency at the corner": lambda d: np.fft.fftshift(d, axes=(1, 2)),
    "axes (H, W, N) stored as (N, H, W)": lambda d: np.moveaxis(d, -1, 0),
    "axes (W, N, H) stored as (N, H, W)": lambda d: np.moveaxis(d, 0, -1),
    "axes (W, H, N) stored as (N, H, W)": lambda d: d.transpose(2, 1, 0),
    "detector rows and columns exchanged": lambda d: d.swapaxes(1, 2),
    "detector rows flipped": lambda d: flipped(d, 1),
    "detector columns flipped": lambda d: flipped(d, 2),
    "the detector rotated by 180 degrees (or probe and object both conjugated)": lambda d: flipped(d, 1, 2),
}
"""What each remedy of a stack says, as code."""


@pytest.fixture
def data():
    """A dataset of random numbers whose axes all have different lengths."""
    rng = np.random.default_rng(0)
    probe, obj = rng.random((4, 6)) + 1j, rng.random((20, 30)) + 1j
    return Dataset(rng.random((5, 4, 6)), probe, obj, rng.uniform(3, 27, 5), rng.uniform(2, 18, 5))


def test_every_mistake_of_the_stack_has_a_remedy_here():
    assert STACK_REMEDIES.keys() == {mistake.name for mistake in STACK_MISTAKES}


@pytest.mark.parametrize("name", STACK_REMEDIES)
def test_the_remedy_of_a_stack_gives_the_right_stack_back(name, data):
    stored = BY_NAME[name].make(data.diffraction)
    np.testing.assert_allclose(STACK_REMEDIES[name](stored), data.diffraction)


@pytest.mark.parametrize("shape", [(2, 4, 6), (2, 5, 7), (2, 4, 5)])
def test_a_flip_keeps_the_zero_frequency_at_the_centre(shape):
    """Pixel n // 2 stays where it is, for even and odd n."""
    stack = np.zeros(shape)
    stack[:, shape[1] // 2, shape[2] // 2] = 1
    stack[:, shape[1] // 2 + 1, shape[2] // 2] = 2
    turned = flipped(stack, 1, 2)
    assert (turned[:, shape[1] // 2, shape[2] // 2] == 1).all()
    assert (turned[:, shape[1] // 2 - 1, shape[2] // 2] == 2).all()


def test_every_mistake_is_named_once_and_says_what_to_do():
    assert len(BY_NAME) == len(STACK_MISTAKES) + len(DATASET_MISTAKES)
    assert all(mistake.remedy.endswith(".") for mistake in BY_NAME.values())


def _moved(x, y):
    return lambda a: (a.x + x, a.y + y)


COORDINATES = {
    "x and y swapped": lambda d: (d.y, d.x),
    "top-left coordinates where patch centres are expected": _moved(3, 2),
    "coordinates too large by half a detector": _moved(-3, -2),
    "coordinates measured from the object's centre": _moved(15, 10),
    "x increasing from right to left": lambda d: (30 - d.x, d.y),
    "y increasing upwards": lambda d: (d.x, 20 - d.y),
    "both coordinate axes reversed": lambda d: (30 - d.x, 20 - d.y),
}
"""What undoing each mistake gives, for a detector of 4 x 6 and an object of 20 x 30 pixels."""


@pytest.mark.parametrize("name", COORDINATES)
def test_undoing_a_mistake_of_coordinates_changes_them_alone(name, data):
    right = BY_NAME[name].undo(data)
    x, y = COORDINATES[name](data)
    np.testing.assert_allclose((right.x, right.y), (x, y))
    assert right.probe is data.probe
    assert right.object is data.object


@pytest.mark.parametrize(
    ("name", "key", "change"),
    [
        ("a conjugated probe", "probe", np.conj),
        ("a conjugated object", "object", np.conj),
        ("a transposed probe", "probe", np.transpose),
        ("a transposed object", "object", np.transpose),
        ("a probe centred at the corner of its array", "probe", np.fft.fftshift),
    ],
)
def test_undoing_a_mistake_of_a_wave_changes_it_alone(name, key, change, data):
    right = BY_NAME[name].undo(data)
    np.testing.assert_array_equal(getattr(right, key), change(getattr(data, key)))
    other = {"probe": "object", "object": "probe"}[key]
    assert getattr(right, other) is getattr(data, other)
    assert right.x is data.x
