"""The detector's orientation, axes and centre are found, and their remedies do what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts import detector
from harness.ptycho.check.parts.detector import AXES, FLIPS, Reading, described, flipped, ramped
from harness.ptycho.check.search import chosen
from harness.ptycho.check.trial import execute, execute_blindly
from harness.ptycho.scan.forward import amplitude
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate

FEW = {"positions": 25, "detector": 32, "step": 6.0}


@pytest.fixture(scope="module", params=[None, 1e6, 1e4], ids=["noise-free", "1e6", "1e4"])
def data(request):
    return Dataset.of(simulate(photons=request.param, **FEW).arrays())


def accepted(stored):
    """Return the correction that the detector part makes, if it is accepted."""
    evidence = Evidence.of(stored)
    corrections = [*detector.quick(evidence), *detector.slow(evidence)]
    found = chosen([t for one in corrections if (t := execute(one, evidence)) is not None])
    return None if found is None else found.correction


def expression(remedy):
    """Return the expression that a remedy tells the user to store."""
    return remedy.removeprefix("Store ").split(", or ")[0].rstrip(".")


def about_zero(stack, *axes):
    """Return the stack with q as -q, by indices: pixel k holds what was at 2 c - k."""
    for axis in axes:
        n = stack.shape[axis]
        stack = np.take(stack, (2 * (n // 2) - np.arange(n)) % n, axis)
    return stack


STORED = {
    "detector rows flipped as arrays": lambda s: s[:, ::-1],
    "detector columns flipped as arrays": lambda s: s[:, :, ::-1],
    "the detector rotated by 180 degrees as arrays": lambda s: s[:, ::-1, ::-1],
    "detector rows and columns exchanged": lambda s: s.swapaxes(1, 2),
    "the detector rotated by 90 degrees as arrays": lambda s: np.rot90(s, 1, (1, 2)),
    "the detector rotated by -90 degrees as arrays": lambda s: np.rot90(s, -1, (1, 2)),
    "the detector mirrored at its other diagonal as arrays": lambda s: s[:, ::-1, ::-1].swapaxes(1, 2),
    "detector rows flipped about the zero frequency": lambda s: about_zero(s, 1),
    "detector columns flipped about the zero frequency": lambda s: about_zero(s, 2),
    "the detector rotated by 180 degrees about the zero frequency (or probe and object both conjugated)": (
        lambda s: about_zero(s, 1, 2)
    ),
    "the zero frequency at the corner": lambda s: np.fft.ifftshift(s, axes=(1, 2)),
    "the zero frequency at the edge of the rows (one axis not shifted)": lambda s: np.fft.ifftshift(s, 1),
    "the zero frequency at the edge of the columns (one axis not shifted)": lambda s: np.fft.ifftshift(s, 2),
    "the zero frequency off the centre by (+1, +0) px in (rows, columns)": lambda s: np.roll(s, 1, 1),
    "the zero frequency off the centre by (-2, +3) px in (rows, columns)": (
        lambda s: np.roll(s, (-2, 3), (1, 2))
    ),
}


@pytest.mark.parametrize("name", STORED)
def test_each_mistake_is_named_and_its_remedy_restores_the_stack(data, name):
    stored = replace(data, diffraction=STORED[name](data.diffraction).copy())
    found = accepted(stored)
    assert found.name == name
    np.testing.assert_array_equal(found.apply(stored).diffraction, data.diffraction)


@pytest.mark.parametrize("axes", [None, *AXES], ids=lambda a: "as stored" if a is None else a.name)
@pytest.mark.parametrize("flips", FLIPS)
@pytest.mark.parametrize("size", [6, 5])
def test_a_remedy_says_what_is_done(axes, flips, size):
    """The expression in the text, evaluated, is the corrected stack."""
    stack = np.random.default_rng(0).random((size, size, size))
    for roll in [(0, 0), (1, 0), (0, 3), (-1, -1), (2, 1)]:
        reading = Reading(axes, flips, *roll)
        _, remedy = described(reading, (size, size))
        stored = eval(expression(remedy), {"np": np, "diffraction": stack})  # noqa: S307 - our own text
        np.testing.assert_array_equal(stored, reading.undo(stack))


def test_a_sound_stack_has_no_better_reading(data):
    """Without noise, and with it: nothing is even tried."""
    assert list(detector.quick(Evidence.of(data))) == []


def test_a_flip_keeps_the_zero_frequency_of_even_and_odd_sizes():
    stack = np.random.default_rng(0).random((2, 6, 5))
    turned = flipped(stack, 1, 2)
    np.testing.assert_array_equal(turned, about_zero(stack, 1, 2))
    np.testing.assert_array_equal(turned[:, 3, 2], stack[:, 3, 2])


@pytest.mark.parametrize("axes", AXES, ids=lambda a: a.name)
def test_orders_of_axes_are_found_where_shapes_do_not_tell(axes):
    """N = H = W: only the physics can decide."""
    scan = Dataset.of(simulate(positions=36, detector=36, step=6.0).arrays())
    forward = np.argsort(axes.undo(np.empty((1, 2, 3))).shape)
    stored = replace(scan, diffraction=scan.diffraction.transpose(forward).copy())
    found = accepted(stored)
    assert found.name == axes.name
    np.testing.assert_array_equal(found.apply(stored).diffraction, scan.diffraction)


@pytest.mark.parametrize("axes", AXES[:4], ids=lambda a: a.name)
def test_orders_of_axes_are_found_blindly_where_shapes_differ(data, axes):
    forward = np.argsort(axes.undo(np.empty((1, 2, 3))).shape)
    stored = replace(data, diffraction=data.diffraction.transpose(forward).copy())
    found = chosen([t for one in detector.blind(stored) if (t := execute_blindly(one, stored)) is not None])
    np.testing.assert_array_equal(found.correction.apply(stored).diffraction, data.diffraction)


@pytest.mark.parametrize("turns", [1, -1])
def test_an_oblong_detector_that_was_turned_is_found_blindly(turns):
    """Rows and columns are exchanged, so shapes do not match, and one axis is flipped."""
    scan = simulate(positions=25, detector=32, step=6.0, photons=None)
    probe = scan.probe[:, 4:-4]
    stack = amplitude(probe, scan.object, scan.x, scan.y).astype(np.float32)
    right = Dataset(stack, probe, scan.object, scan.x, scan.y)
    stored = replace(right, diffraction=np.rot90(stack, turns, (1, 2)).copy())
    found = chosen([t for one in detector.blind(stored) if (t := execute_blindly(one, stored)) is not None])
    assert f"rotated by {90 * turns} degrees" in found.correction.name
    np.testing.assert_array_equal(found.correction.apply(stored).diffraction, stack)


@pytest.mark.parametrize("shift", [(0.5, 0.0), (0.0, -0.3), (1.5, 2.4)])
def test_a_shift_by_a_part_of_a_pixel_is_measured(data, shift):
    """The remedy gives the probe the same shift: the residual of the sound data comes back."""
    moved = ramped(data.probe.astype(np.complex128), -np.array(shift))
    stored = replace(data, probe=moved.astype(np.complex64))
    found = accepted(stored)
    for size, true in zip(found.sizes, shift, strict=True):
        assert size.value == pytest.approx(true, abs=max(5 * size.uncertainty, 0.01))
    after = Evidence.of(found.apply(stored)).fit
    assert after.residual == pytest.approx(Evidence.of(data).fit.residual, abs=2e-3)


def test_a_ramp_moves_the_far_field():
    """By whole pixels it is a roll, on even and odd sizes."""
    rng = np.random.default_rng(0)
    for shape in ((8, 8), (7, 9)):
        probe = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
        flat, place = np.ones((20, 20)), np.array([10.0])
        still = amplitude(probe, flat, place + shape[1] % 2 / 2, place + shape[0] % 2 / 2)
        moved = amplitude(
            ramped(probe, np.array([1, -2])), flat, place + shape[1] % 2 / 2, place + shape[0] % 2 / 2
        )
        np.testing.assert_allclose(moved, np.roll(still, (1, -2), (1, 2)), atol=1e-9)


def test_the_remedy_of_a_part_of_a_pixel_says_what_is_done(data):
    """The ramp in the text, evaluated, is that of the corrected probe."""
    stored = replace(data, probe=ramped(data.probe, np.array([-0.4, 0.6])))
    found = accepted(stored)
    r, c = (np.arange(n) - n // 2 for n in stored.probe.shape)
    text = found.remedy.partition("multiply probeGuess by ")[2].rstrip(".")
    names = {"np": np, "r": r[:, None], "c": c[None], "H": len(r), "W": len(c)}
    factor = eval(text, names)  # noqa: S307 - our own text
    np.testing.assert_allclose(found.apply(stored).probe, stored.probe * factor, rtol=1e-5)


@pytest.mark.parametrize("per_pattern", [False, True])
def test_a_mask_is_turned_with_its_patterns(data, per_pattern):
    """What was masked in a stored pixel is masked where the pixel comes to lie."""
    mask = np.ones(data.diffraction.shape if per_pattern else data.diffraction.shape[1:], dtype=bool)
    mask[..., 3, 7] = False
    stored = replace(data, diffraction=data.diffraction[:, ::-1].copy(), mask=mask)
    corrected = accepted(stored).apply(stored)
    assert np.argwhere(~corrected.mask)[0, -2:].tolist() == [32 - 1 - 3, 7]


def test_a_measured_star_is_centred(star):
    """0.02 px are found, which do not matter."""
    stored = Dataset(star.diffraction, star.probe, star.object, star.x, star.y)
    assert list(detector.quick(Evidence.of(stored))) == []
