"""Intensities become amplitudes and come back; a mask says which pixels count."""

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.ptycho.files.arrays.intensity import amplitude_of, intensity_of
from harness.ptycho.files.content import Content


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_root_of_a_square_is_the_amplitude(dtype):
    """Bit for bit for single precision; to one rounding for double."""
    stack = np.random.default_rng(0).gamma(1, 3, (5, 7, 8)).astype(dtype)
    back, _ = amplitude_of(intensity_of(Content(diffraction=stack)), None, "a")
    if dtype == "f4":
        np.testing.assert_array_equal(back, stack)
    else:
        np.testing.assert_allclose(back, stack, rtol=3e-16)


def test_integers_do_not_overflow():
    back, notes = amplitude_of(np.full((1, 2, 2), 2**16 - 1, np.uint16), None, "a")
    assert back.max() == np.sqrt(2**16 - 1)
    assert notes == ("diffraction: uint16 intensity -> float64 amplitude (square root)",)


@pytest.mark.parametrize("axes", [2, 3])
def test_pixels_that_do_not_count_are_0_whatever_they_hold(axes):
    mask = np.array([[True, False], [True, True]])
    stack = np.array([[[4.0, np.nan], [9.0, -1.0]], [[1.0, -7.0], [0.0, 0.0]]])
    back, notes = amplitude_of(stack, mask if axes == 2 else np.array([mask, mask]), "a")
    np.testing.assert_array_equal(back, [[[2, 0], [3, 0]], [[1, 0], [0, 0]]])
    assert notes[1:] == (
        "diffraction: 1 negative value set to 0",
        "diffraction: 2 values set to 0 where mask is False",
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_pixels_that_count_are_numbers(bad):
    with pytest.raises(
        RefusedError, match="file: key: expected finite values, found 1 NaN or infinite value"
    ):
        amplitude_of(np.array([[[1.0, bad]]]), np.ones((1, 2), bool), "file: key")


def test_a_mask_has_the_shape_of_the_patterns():
    with pytest.raises(RefusedError, match="like the patterns, found shape"):
        amplitude_of(np.ones((3, 4, 5)), np.ones((5, 4), bool), "a")


def test_masked_pixels_are_written_as_0():
    mask = np.array([[True, False]])
    assert intensity_of(Content(diffraction=np.full((2, 1, 2), 3.0), mask=mask)).tolist() == [[[9, 0]]] * 2


def test_no_patterns_no_intensities():
    with pytest.raises(RefusedError, match="expected patterns"):
        intensity_of(Content())
