"""Units and centres: energies, pixel sizes, and the half pixels of positions in metres."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.ptycho.files.geometry import (
    ELECTRONVOLT,
    Geometry,
    completed,
    energy_of,
    metres_of,
    object_pixel_of,
    pixels_of,
    wavelength_of,
)


def test_eight_kiloelectronvolt():
    """The CXI file's joules and the textbook's angstroms are the same photons."""
    energy = 8000 * ELECTRONVOLT
    assert energy == pytest.approx(1.2817e-15, rel=1e-4)
    assert wavelength_of(energy) == pytest.approx(1.5498e-10, rel=1e-4)
    assert energy_of(wavelength_of(energy)) == pytest.approx(energy, rel=1e-15)


def test_an_object_pixel_is_the_wavelength_over_the_detectors_angle():
    """Rows and columns have pixels of their own: height first."""
    geometry = Geometry(wavelength=1e-10, distance=2.0, detector_pixel=(5e-5, 1e-4))
    assert object_pixel_of(geometry, (100, 100)) == pytest.approx((4e-8, 2e-8))


def test_a_stored_object_pixel_is_not_computed_again():
    geometry = Geometry(
        wavelength=1e-10, distance=2.0, detector_pixel=(1e-4, 1e-4), object_pixel=(3e-9, 4e-9)
    )
    assert object_pixel_of(geometry, (64, 64)) == (3e-9, 4e-9)


@pytest.mark.parametrize("lacking", ["wavelength", "distance", "detector_pixel"])
def test_without_one_length_there_is_no_object_pixel(lacking):
    lengths = {"wavelength": 1e-10, "distance": 2.0, "detector_pixel": (1e-4, 1e-4), lacking: None}
    assert object_pixel_of(Geometry(**lengths), (64, 64)) is None


@given(
    count=st.integers(1, 4096),
    center=st.floats(-1e-3, 1e-3),
    pixel=st.floats(1e-10, 1e-5),
    place=st.floats(-100, 5000),
)
def test_pixels_and_metres_are_inverse(count, center, pixel, place):
    """To better than a thousandth of what a check can see, wherever the stage's zero is."""
    metres = metres_of(np.array([place]), center=center, pixel=pixel, count=count)
    back = pixels_of(metres, center=center, pixel=pixel, count=count)
    assert abs(back[0] - place) <= 1e-15 * (abs(center) / pixel + count + abs(place)) * 4


def test_the_centre_of_the_canvas_is_half_its_pixels():
    """An odd canvas has its centre in the middle of a pixel, an even one between two."""
    zero = np.zeros(1)
    assert pixels_of(zero, center=0.0, pixel=1e-8, count=101)[0] == 50.5
    assert pixels_of(zero, center=0.0, pixel=1e-8, count=100)[0] == 50.0


WHOLE = Geometry(
    wavelength=1e-10, distance=2.0, detector_pixel=(5e-5, 1e-4), object_pixel=(1e-10 * 2 / (40 * 5e-5), 4e-8)
)
"""Of patterns of 40 x 50 pixels."""


@pytest.mark.parametrize("lacking", ["wavelength", "distance", "detector_pixel", "object_pixel"])
def test_one_missing_length_follows_from_the_others(lacking):
    """Nothing is assumed then."""
    geometry, assumed = completed(replace(WHOLE, **{lacking: None}), (40, 50))
    assert getattr(geometry, lacking) == pytest.approx(getattr(WHOLE, lacking))
    assert assumed == ()


@pytest.mark.parametrize(
    "given", [{}, {"object_pixel": (1e-8, 2e-8)}, {"distance": 3.0}, {"wavelength": 1e-9}]
)
def test_what_is_given_is_kept_and_the_rest_assumed(given):
    """Afterwards the lengths fit each other."""
    geometry, assumed = completed(Geometry(**given), (40, 50))
    assert all(getattr(geometry, name) == value for name, value in given.items())
    # The object's pixel follows from three others, unless it is given.
    assert len(assumed) == (2 if "object_pixel" in given else 4 - len(given))
    rows, columns = geometry.object_pixel
    assert geometry.wavelength * geometry.distance / (50 * geometry.detector_pixel[1]) == pytest.approx(
        columns
    )
    assert geometry.wavelength * geometry.distance / (40 * geometry.detector_pixel[0]) == pytest.approx(rows)
    assert geometry.object_center is None


def test_lengths_that_contradict_each_other_are_left():
    """They are the file's: none is corrected."""
    odd = replace(WHOLE, distance=5.0)
    assert completed(odd, (40, 50)) == (odd, ())
