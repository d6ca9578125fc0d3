"""Points over a picture."""

from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")

from harness.report.drawing.clouds import Cloud, draw_cloud
from harness.report.drawing.colours import Scale
from harness.report.drawing.pictures import Picture
from harness.report.drawing.reduction import block_means


def count(data: bytes, colour: tuple[int, int, int]) -> int:
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    return int((abs(pixels - colour) <= 3).all(axis=-1).sum())


def test_points_have_the_colours_of_their_values():
    scale = Scale("sequential", 0.0, 1.0)
    first, last = (tuple(map(int, colour)) for colour in scale.colours(63)[[0, -1]])
    x = np.arange(5.0)
    high = draw_cloud(Cloud(x, x, values=np.ones(5), scale=scale))[0]
    low = draw_cloud(Cloud(x, x, values=np.zeros(5), scale=scale))[0]
    assert count(high, last) > count(low, last)
    assert count(low, first) > count(high, first)


def test_a_picture_below_sets_the_axes_and_is_grey():
    values = np.arange(100.0).reshape(10, 10)
    below = Picture("", block_means(values), (10, 10), Scale("grey", 0.0, 99.0))
    data, width, height = draw_cloud(Cloud(np.array([5.0]), np.array([5.0]), below=below))
    assert width > 200
    assert height > 200
    assert count(data, (213, 94, 0)) > 10
    assert draw_cloud(Cloud(np.array([5.0]), np.array([5.0]), below=below))[0] == data


@pytest.mark.parametrize("points", [0, 1, 3000])
def test_any_number_of_points_is_drawn(points):
    x = np.random.default_rng(0).normal(size=points)
    assert len(draw_cloud(Cloud(x, x))[0]) < 60_000
