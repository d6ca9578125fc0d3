"""Wrong coordinates are found by a fit or a search, and described by what was done to the right ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check import position_mistakes
from harness.ptycho.check.position_fit import Similarity
from harness.ptycho.check.position_mistakes import (
    LEAST_MOVE,
    local_candidates,
    refined_similarity,
    searched_candidates,
    similarity_candidates,
)
from harness.ptycho.scan.forward import residual
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate

INDEX = np.arange(25)


@pytest.fixture(scope="module")
def data():
    scan = simulate(positions=25, detector=32, step=6.0, photons=1e5)
    return Dataset(scan.diffraction, scan.probe, scan.object, scan.x, scan.y)


def names(candidates):
    return [candidate.name for candidate in candidates]


def test_right_coordinates_give_no_local_candidate(data):
    assert names(local_candidates(data, INDEX)) == []


def test_an_offset_is_found_with_its_remedy(data):
    candidate, *_ = local_candidates(data.moved(1, -2), INDEX)
    assert candidate.name.startswith("coordinates off by (+1.0")
    assert candidate.remedy.startswith("Add (-1.0") or candidate.remedy.startswith("Add (-0.9")
    assert residual(candidate.predicted, data.diffraction) < 0.11


def test_scale_and_rotation_are_found_together(data):
    wrong = Similarity(1.03 * np.exp(0.02j), -2)
    *_, candidate = local_candidates(wrong.move(data), INDEX)
    assert "scaled by 1.03" in candidate.name
    assert "rotated by 1.1" in candidate.name


def test_rounded_coordinates_are_found_and_whole_ones_of_a_whole_scan_are_not(data):
    rounded = replace(data, x=np.rint(data.x), y=np.rint(data.y))
    assert "coordinates rounded to whole pixels" in names(local_candidates(rounded, INDEX))
    whole = replace(rounded, diffraction=rounded.predict())
    assert names(local_candidates(whole, INDEX)) == []


def test_an_offset_beyond_the_reach_of_a_fit_is_searched(data):
    offset, *_ = searched_candidates(data.moved(11, 9), INDEX)
    assert offset.name.startswith("coordinates off by (+1")
    assert residual(offset.predicted, data.diffraction[offset.index]) < 0.11


def test_a_scale_about_zero_is_searched(data):
    halved = replace(data, x=data.x / 2, y=data.y / 2)
    found = {
        c.name: residual(c.predicted, data.diffraction[c.index]) for c in searched_candidates(halved, INDEX)
    }
    best = min(found, key=found.get)
    assert float(best.split()[3]) == pytest.approx(0.5, abs=0.002)
    assert found[best] < 0.11


@pytest.mark.parametrize(("move", "count"), [(LEAST_MOVE - 0.01, 0), (LEAST_MOVE + 0.01, 1)])
def test_a_move_is_a_candidate_from_the_least_move_on(data, move, count):
    found = similarity_candidates(Similarity(offset=move), data, INDEX, offset_only=True)
    assert len(list(found)) == count


def test_a_move_that_takes_most_patches_out_of_the_object_is_not_a_candidate(data):
    far = Similarity(offset=complex(data.object.shape[1], 0))
    assert list(similarity_candidates(far, data, INDEX, offset_only=True)) == []


def test_the_fit_of_a_scale_starts_from_the_fitted_offset(data, monkeypatch):
    """A large offset would lead a fit of scale and rotation astray."""
    starts, ends = [], []

    def recorded(start, data, *, offset_only):
        starts.append(start)
        ends.append(refined_similarity(start, data, offset_only=offset_only))
        return ends[-1]

    monkeypatch.setattr(position_mistakes, "refined_similarity", recorded)
    list(local_candidates(Similarity(1.05, 1).move(data), INDEX))
    assert starts == [Similarity(), ends[0]]
