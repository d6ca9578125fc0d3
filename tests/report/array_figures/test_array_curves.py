"""Curves of an array and of its differences."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")

from harness.report.array_figures.array_curves import curve_of, difference_curve, overlay


def ticks(data: bytes) -> list[str]:
    root = ET.fromstring(data)  # noqa: S314 - our own
    return [node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_both_figures_have_the_same_axes():
    """Alone, each would have axes of its own: that is the broken variant."""
    golden, obtained = np.linspace(0, 1, 50), np.linspace(0, 40, 50)
    one = curve_of("golden", golden, [obtained])
    other = curve_of("obtained", obtained, [golden], obtained=True)
    assert ticks(one.data) == ticks(other.data)
    assert ticks(curve_of("golden", golden).data) != ticks(one.data)


def test_the_text_has_range_and_largest_index():
    values = np.zeros(2000)
    values[1234] = 9.5
    figure = curve_of("golden", values)
    assert "curve of 2000 values: 0 to 9.5, the largest at [1234]" in figure.alt
    assert figure.note == "2000 elements, shown by the least and the largest of each 5."


def test_a_single_difference_among_many_is_drawn_and_named():
    golden, obtained = np.zeros(500_000), np.zeros(500_000)
    obtained[123_456] = -0.001
    figure = difference_curve("difference", golden, obtained)
    assert "1 of 500000 elements differ, by -0.001 to 0; the largest difference is at [123456]." in figure.alt
    flat = difference_curve("difference", golden, golden)
    assert "No difference." in flat.alt
    assert figure.data != flat.data


def test_gaps_are_said():
    golden, obtained = np.array([0.0, np.nan, 1.0]), np.array([np.inf, np.nan, 1.0])
    assert "1 NaN: not drawn." in curve_of("golden", golden).note
    figure = difference_curve("difference", golden, obtained)
    assert "1 with a finite value on one side only: not drawn." in figure.note
    assert "1 of 3 elements differ; the largest difference is at [0]." in figure.alt


def test_the_overlay_names_both_and_has_the_difference_below():
    figure = overlay("a", np.zeros(9), np.arange(9.0))
    assert {"golden", "obtained", "obtained - golden"} <= set(ticks(figure.data))
    assert "9 elements" in figure.alt


def test_complex_curves_have_amplitude_and_phase():
    values = np.exp(1j * np.arange(9))
    figure = curve_of("golden", values)
    assert {"amplitude", "phase in rad"} <= set(ticks(figure.data))
    assert "|obtained - golden|" in ticks(overlay("a", values, values * 1j).data)
