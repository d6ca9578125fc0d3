"""What a raw scan shows by itself: dose, centre, dead pixels, extent and order, or that nobody knows."""

from __future__ import annotations

import numpy as np
import pytest
from second_simulator import Variant, make_scan

from harness.ptycho.check.consistency import check
from harness.ptycho.check.raw_survey import raw_table

DENSE = Variant("voronoi", "jittered", (48, 48), 81, 1e5, overlap=0.9)


@pytest.fixture(scope="module")
def dense():
    """A scan whose neighbours look alike; no object, no probe."""
    return {
        key: array
        for key, array in make_scan(DENSE, 1).items()
        if key in ("diffraction", "xcoords", "ycoords")
    }


def rows(arrays):
    return dict(raw_table(arrays).rows)


def test_every_quantity_is_measured(dense):
    found = rows(dense)
    assert float(found["photons in a pattern"].split()[0]) == pytest.approx(1e5, rel=0.2)
    row, column = (float(word.strip(",")) for word in found["centre of the light"].split()[1:4:2])
    assert abs(row - 24) < 2
    assert abs(column - 24) < 2
    assert found["dead pixels"] == "none"
    assert found["positions"].startswith("81 over ")
    assert found["order"].startswith("fits: ")


def test_shuffled_patterns_do_not_fit(dense):
    shuffled = {**dense, "diffraction": np.random.default_rng(0).permutation(dense["diffraction"])}
    assert rows(shuffled)["order"].startswith("not known")


def test_numbers_that_are_not_counts_have_no_dose(dense):
    noise = np.random.default_rng(0).random(dense["diffraction"].shape)
    found = rows({**dense, "diffraction": noise})
    assert found["photons in a pattern"] == "not known: the values are not counts or their roots"
    assert "dead pixels" not in found


def test_dead_pixels_are_counted_unless_masked(dense):
    stack = dense["diffraction"].copy()
    stack[:, 24, 20:23] = 0
    assert rows({**dense, "diffraction": stack})["dead pixels"] == "3 pixels"
    mask = np.ones((48, 48), bool)
    mask[24, 20:23] = False
    assert rows({**dense, "diffraction": stack, "mask": mask})["dead pixels"] == "none"


@pytest.mark.parametrize("key", ["diffraction", "xcoords"])
def test_one_half_alone_is_measured(dense, key):
    found = rows({other: array for other, array in dense.items() if other != key})
    assert ("positions" in found) == (key == "diffraction")
    assert "order" not in found


def test_nothing_gives_no_table():
    assert raw_table({}) is None
    assert raw_table({"diffraction": np.full((9, 4, 4), np.nan)}) is None


def test_the_check_shows_the_table_of_a_raw_scan(dense):
    """The verdict stays open: the physics was not checked."""
    report = check(dense)
    assert report.tables[0].title == "What patterns and positions show by themselves"
    assert not report.measures
    assert not report.findings
