"""Positions in metres and in pixels, on an object or on the smallest canvas."""

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.ptycho.files.arrays.needed import require_parts
from harness.ptycho.files.arrays.positions import canvas_of, in_pixels, metres, smallest_canvas, window_of
from harness.ptycho.files.content import Content
from harness.ptycho.files.geometry import Geometry

RNG = np.random.default_rng(0)
GEOMETRY = Geometry(object_pixel=(2e-8, 3e-8), object_center=(1e-6, -2e-6))


@pytest.mark.parametrize("shape", [(101, 80), (64, 65)])
def test_metres_come_back_as_pixels(shape):
    x, y = RNG.uniform(5, shape[1] - 5, 9), RNG.uniform(5, shape[0] - 5, 9)
    content = Content(object=np.ones((1, *shape)), x=x, y=y)
    across, down = metres(content, GEOMETRY)
    back = in_pixels(across, down, GEOMETRY, shape)
    np.testing.assert_allclose(back, (x, y), atol=1e-12)
    np.testing.assert_allclose(across, (x - shape[1] / 2) * 3e-8 - 2e-6, rtol=1e-12, atol=1e-20)


def test_without_an_object_the_first_window_is_at_the_edge():
    x, y = RNG.uniform(-1e-6, 1e-6, 9), RNG.uniform(-1e-6, 1e-6, 9)
    canvas, center = smallest_canvas(x, y, (2e-8, 3e-8), (10, 13))
    columns, rows = in_pixels(x, y, Geometry(object_pixel=(2e-8, 3e-8), object_center=center), canvas)
    assert columns.min() == pytest.approx(6.5)
    assert rows.min() == pytest.approx(5)
    assert columns.max() + 6.5 <= canvas[1] < columns.max() + 7.5
    content = Content(probe=np.ones((1, 10, 13)), x=columns, y=rows)
    assert canvas_of(content) == canvas
    np.testing.assert_allclose(
        metres(content, Geometry(object_pixel=(2e-8, 3e-8), object_center=center)), (x, y), atol=1e-18
    )


def test_a_window_is_that_of_probe_or_patterns():
    assert window_of(Content(diffraction=np.ones((2, 3, 4)))) == (3, 4)
    assert window_of(Content(probe=np.ones((1, 5, 6)))) == (5, 6)
    assert window_of(Content()) == (0, 0)


def test_without_positions_or_a_pixel_there_are_no_metres():
    with pytest.raises(RefusedError, match="expected positions"):
        metres(Content(), GEOMETRY)
    with pytest.raises(RefusedError, match="its size in metres"):
        metres(Content(x=np.ones(1), y=np.ones(1)), Geometry())


def test_parts_that_are_needed_are_named():
    with pytest.raises(RefusedError, match=r"a file needs positions\. Convert a file that has them\."):
        require_parts(Content(), ["x"], "a file")
    require_parts(Content(x=np.ones(1)), ["x"], "a file")
