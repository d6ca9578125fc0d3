"""Histograms and maps say in words what they show."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")

from harness.core.fixtures.tolerance import Tolerance
from harness.report.array_figures.distributions import histograms, ulp_step, where
from harness.report.array_figures.layout import layout_of
from harness.report.array_figures.spread import measure


def figures(golden, obtained, tolerance=None):
    layout = layout_of(golden.shape)
    spread = measure("a", golden, obtained, tolerance, layout)
    has_ulp = golden.dtype.kind in "fc"
    return histograms(spread, has_ulp=has_ulp), where(spread, golden.shape, layout)


def test_the_histograms_count_elements_by_step():
    obtained = np.array([1.0, 1 + 2**-52, 1 + 3 * 2**-52, 1.5, np.nan])
    (tolerances, ulp), _ = figures(np.ones(5), obtained, Tolerance(atol=0.25))
    assert tolerances.alt == (
        "differences in tolerances: number of elements: 2 (≤ 0.001), 1 (≤ 10), 1 (NaN or inf)."
    )
    assert ulp.alt == "differences in ULP: number of elements: 1 (1), 1 (2 to 3), 1 (2^51)."


def test_integers_have_no_histogram_in_ulp():
    (tolerances,), _ = figures(np.zeros(4, int), np.arange(4))
    assert "3 (exact)" in tolerances.alt
    assert tolerances.note == "exact: no difference is allowed."


def test_the_names_of_steps_fit_side_by_side():
    (tolerances, _), _ = figures(np.ones(5), np.full(5, 2.0))
    root = ET.fromstring(tolerances.data)  # noqa: S314 - our own
    texts = [node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"0.001", "1", "more", "within the tolerance", "beyond"} <= set(texts)


def test_a_map_shows_where_and_the_other_axes_which_slice():
    golden = np.ones((5, 30, 20))
    obtained = golden.copy()
    obtained[3, 7, 11] = 2
    _, (over_rows, over_slices) = figures(golden, obtained)
    assert "1 of 600 elements have a difference" in over_rows.alt
    assert "The largest, at [3, 7, 11], has a ring." in over_rows.alt
    assert "1 of 5 places have a difference" in over_slices.alt


def test_a_large_map_says_its_blocks():
    golden = np.ones((516, 516))
    obtained = golden.copy()
    obtained[500, 3] = np.nan
    _, (over_rows,) = figures(golden, obtained)
    assert over_rows.note == "Each pixel is a block of 3 x 3 elements."
    assert "Black: a finite value on one side only (1)." in over_rows.alt


def test_a_curve_has_its_places_along_the_index():
    _, (along,) = figures(np.zeros(5000), np.eye(1, 5000, 4321)[0])
    assert along.suffix == ".svg"
    assert "1 of 715 places have a difference" in along.alt
    assert along.note == "Each point is the largest difference of 7."


@pytest.mark.parametrize(
    ("step", "text"), [(0, "0"), (1, "1"), (2, "2 to 3"), (7, "64 to 127"), (64, "2^63")]
)
def test_steps_have_names(step, text):
    assert ulp_step(step) == text
