"""Curves as SVG: what is drawn, and values of any magnitude."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")

from harness.report.drawing.curves import GOLDEN, OBTAINED, Line, Plot, draw_plots, power_of_ten, span


def texts(data: bytes) -> list[str]:
    root = ET.fromstring(data)  # noqa: S314 - our own
    return [node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize(
    "values",
    [
        [1.7e308, -1.7e308],
        [5e-324, 0.0],
        [1.0, 1.0],
        [np.nan, np.nan],
        [0.0, 0.0],
        [1.0, 1.0 + 2e-16],
        [7.0],
        [],
    ],
)
def test_values_of_any_magnitude_are_drawn_without_a_warning(values):
    y = np.array(values, float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data, *_ = draw_plots([Plot((Line(np.arange(len(y)), y),))])
    assert data.startswith(b"<?xml")


def test_the_axis_says_that_huge_values_were_divided():
    data, *_ = draw_plots([Plot((Line(np.arange(2), np.array([0.0, 2e300])),), y_label="value")])
    assert "value in units of 1e+300" in texts(data)
    assert power_of_ten(0.0, 2.0) == 0


def test_legend_names_and_colours_are_there():
    x = np.arange(3)
    lines = (Line(x, x, "obtained", OBTAINED, 4.0), Line(x, x, "golden", GOLDEN))
    data, *_ = draw_plots([Plot(lines, x_label="index")])
    assert {"obtained", "golden", "index"} <= set(texts(data))
    assert data.find(OBTAINED.encode()) < data.find(GOLDEN.encode())  # golden is drawn over obtained


def test_an_index_has_no_fractions():
    data, *_ = draw_plots([Plot((Line(np.arange(3), np.array([5.0, 6.0, 7.0])),))])
    assert not {"0.25", "0.50", "0.5"} & set(texts(data))


def test_bars_have_their_names_and_a_bar_of_one_is_seen():
    plot = Plot((Line(np.arange(2), np.array([1, 1000])),), bars=True, ticks=((0.0, "few"), (1.0, "many")))
    data, *_ = draw_plots([plot])
    assert {"few", "many"} <= set(texts(data))


def test_the_same_curve_has_the_same_bytes_and_height_grows_with_plots():
    plot = Plot((Line(np.arange(100), np.sin(np.arange(100))),), threshold=0.5)
    assert draw_plots([plot]) == draw_plots([plot])
    assert draw_plots([plot, plot])[2] == 2 * draw_plots([plot])[2]


def test_a_long_curve_stays_small():
    from harness.report.drawing.reduction import envelope

    curve = envelope(np.random.default_rng(0).normal(size=500_000))
    assert len(draw_plots([Plot((Line(curve.x, curve.y),))])[0]) < 40_000


def test_the_span_of_no_finite_value_is_unknown():
    assert span(np.array([np.nan])) is None
