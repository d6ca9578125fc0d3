"""Samples on a line: places, the band of what is accepted, and the same in words."""

from __future__ import annotations

import math

import pytest

from harness.report.page.strips import WIDTH, make_strip


def test_places_follow_the_values():
    strip = make_strip(1.0, 0.5, [1.0, 1.25], seeds=[0.75], today=1.5)
    assert strip.golden == WIDTH / 2
    assert strip.samples[0] == strip.golden < strip.samples[1] < strip.today
    assert strip.seeds[0] < strip.golden
    assert strip.band[0] < strip.seeds[0]
    assert strip.band[0] + strip.band[1] == pytest.approx(strip.today)


@pytest.mark.parametrize(("today", "inside"), [(1.5, True), (1.51, False), (None, True), (math.nan, False)])
def test_inside_is_what_the_tolerance_accepts(today, inside):
    assert make_strip(1.0, 0.5, [1.0], today=today).inside is inside


def test_what_is_far_away_is_at_the_edge_and_the_band_stays_visible():
    strip = make_strip(1.0, 0.5, [1.0], today=1e9)
    assert WIDTH - 10 < strip.today < WIDTH
    assert strip.band[1] > WIDTH / 8


@pytest.mark.parametrize(
    ("golden", "tolerance", "samples"),
    [(1.0, 0.5, []), (1.0, 0.0, [1.0]), (math.inf, 0.5, [1.0]), (1.0, math.inf, [1.0])],
)
def test_what_cannot_be_drawn_is_none(golden, tolerance, samples):
    assert make_strip(golden, tolerance, samples) is None


def test_the_text_has_the_numbers():
    assert make_strip(1.0, 0.5, [1.0, 1.25], seeds=[2.0], today=3.0).alt == (
        "golden value 1, accepted from 0.5 to 1.5; 2 samples from 1 to 1.25; "
        "1 other seed from 2 to 2; last session 3, outside"
    )
