"""What a picture shows, pixel by pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")

from harness.report.drawing import canvas
from harness.report.drawing.colours import BLANK, ONE_SIDED, Scale
from harness.report.drawing.pictures import Picture, draw_pictures, frame_size, shades
from harness.report.drawing.reduction import block_extremes, block_means


def picture(values: np.ndarray, scale: Scale, **parts) -> Picture:
    return Picture("", block_means(values), values.shape, scale, **parts)


def decoded(data: bytes) -> np.ndarray:
    from PIL import Image

    image = Image.open(io.BytesIO(data))
    assert image.mode == "P"
    return np.asarray(image.convert("RGB"))


def test_blank_one_sided_and_pale_elements_have_their_colours():
    values = np.array([[0.0, np.nan], [1.0, 1.0]])
    flags = np.array([[False, False], [True, False]])
    outside = np.array([[False, False], [False, True]])
    scale = Scale("sequential", 0.0, 1.0)
    shown = shades(picture(values, scale, one_sided=flags, outside=outside), 63)
    colours = scale.colours(63)
    assert tuple(shown[0, 0]) == tuple(colours[0])
    assert tuple(shown[0, 1]) == BLANK
    assert tuple(shown[1, 0]) == ONE_SIDED
    assert shown[1, 1].min() > colours[-1].min()


def test_values_that_have_no_logarithm_are_blank():
    shown = shades(picture(np.array([[0.0, 10.0]]), Scale("log", 1.0, 10.0)), 63)
    assert tuple(shown[0, 0]) == BLANK
    assert tuple(shown[0, 1]) != BLANK


def test_one_differing_element_of_many_is_seen_in_the_file():
    """Its colour, the end of the scale, is in the picture; without the difference it is not there."""
    scale = Scale("symmetric", -1.0, 1.0)
    red = scale.colours(63)[-1]
    seen = {}
    for name, height in (("one", 1.0), ("none", 0.0)):
        values = np.zeros((516, 516))
        values[100, 200] = height
        shown = Picture("", block_extremes(values), values.shape, scale)
        pixels = decoded(draw_pictures([shown])[0])
        frame = pixels[:, 42 * canvas.DENSITY + 4 : 600 - 4]
        seen[name] = int((abs(frame.astype(int) - red) <= 2).all(axis=-1).sum())
    assert seen["one"] >= 4
    assert seen["none"] == 0


def test_the_file_is_small_and_the_same_twice():
    values = np.random.default_rng(0).normal(size=(192, 192))
    parts = [picture(values, Scale("sequential", -3.0, 3.0))]
    data, width, height = draw_pictures(parts)
    assert len(data) < 50_000
    assert draw_pictures(parts)[0] == data
    assert decoded(data).shape == (height * canvas.DENSITY, width * canvas.DENSITY, 3)


@pytest.mark.parametrize("shape", [(1, 1), (192, 192), (192, 1), (3, 192), (101, 57)])
def test_every_element_has_whole_pixels(shape):
    tall, wide = frame_size(shape)
    assert max(tall, wide) <= 800
    assert min(tall, wide) >= 96
    assert tall - tall % shape[0] >= shape[0]
    assert wide - wide % shape[1] >= shape[1]


def test_a_picture_of_an_odd_size_is_not_cut():
    """101 rows of 5 device pixels are not a whole number of CSS pixels: the last row is still there."""
    values = np.zeros((101, 57))
    values[-1, -1] = 1
    scale = Scale("sequential", 0.0, 1.0)
    data, _, height = draw_pictures([picture(values, scale)])
    assert height * canvas.DENSITY >= 44 + frame_size(values.shape)[0] + 48
    yellow = scale.colours(63)[-1].astype(int)
    frame = decoded(data)[44:-40, 84 : 84 + frame_size(values.shape)[1]].astype(int)
    assert (abs(frame - yellow) <= 2).all(axis=-1).sum() == 25


def test_two_pictures_are_below_each_other():
    one = picture(np.ones((8, 8)), Scale("sequential", 0.0, 1.0))
    assert draw_pictures([one, one])[2] == 2 * draw_pictures([one])[2]


def test_a_ring_marks_an_element():
    values = np.zeros((8, 8))
    scale = Scale("symmetric", -1.0, 1.0)
    plain, ringed = (draw_pictures([picture(values, scale, ring=ring)])[0] for ring in (None, (3, 3)))
    dark = [int((decoded(data)[100:400, 100:500].sum(axis=-1) < 100).sum()) for data in (plain, ringed)]
    assert dark[0] == 0
    assert dark[1] > 20
