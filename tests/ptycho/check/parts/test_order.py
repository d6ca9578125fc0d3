"""The order of the patterns is found, named and restored; sound scans have the right one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts import order
from harness.ptycho.check.search import chosen
from harness.ptycho.check.trial import execute, execute_blindly
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate

COUNT = 25


@pytest.fixture(scope="module", params=[None, 1e6, 1e4], ids=["noise-free", "1e6", "1e4"])
def data(request):
    return Dataset.of(simulate(positions=COUNT, detector=32, step=6.0, photons=request.param).arrays())


def accepted(stored):
    """Return the trial that the order part makes, if it is accepted."""
    evidence = Evidence.of(stored)
    corrections = [*order.quick(evidence), *order.slow(evidence)]
    return chosen([t for one in corrections if (t := execute(one, evidence)) is not None])


def accepted_blindly(stored):
    return chosen([t for one in order.blind(stored) if (t := execute_blindly(one, stored)) is not None])


def reordered(data, places):
    return replace(data, diffraction=data.diffraction[np.asarray(places)])


ORDERS = {
    "shifted by 1 position in": np.roll(np.arange(COUNT), 1),
    "shifted by -3 positions in": np.roll(np.arange(COUNT), -3),
    "reversed": np.arange(COUNT)[::-1],
    "column-major": np.arange(COUNT).reshape(5, 5).T.ravel(),
    "every second line of 5": np.where(
        np.arange(COUNT) // 5 % 2, 5 * (np.arange(COUNT) // 5) + 4 - np.arange(COUNT) % 5, np.arange(COUNT)
    ),
    "sorted as text": np.array(sorted(range(COUNT), key=str)),
    "even patterns stored before odd ones": np.r_[0:COUNT:2, 1:COUNT:2],
    "neighbouring patterns exchanged": np.minimum(np.arange(COUNT) ^ 1, COUNT - 1),
    "patterns in a different order (pattern 0 belongs to": np.random.default_rng(1).permutation(COUNT),
    "pattern 3 belongs to position 9, pattern 9 belongs to position 3": np.r_[0:3, 9, 4:9, 3, 10:COUNT],
}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_named_and_restored(data, name):
    stored = reordered(data, ORDERS[name])
    found = accepted(stored)
    assert name in found.correction.name
    np.testing.assert_array_equal(found.correction.apply(stored).diffraction, data.diffraction)


def test_patterns_in_their_own_order_have_no_correction(data):
    assert list(order.quick(Evidence.of(data))) == []


def lost(data, *frames):
    """Return the scan with frames that were not written, and as many positions as patterns."""
    stack = np.delete(data.diffraction, frames, axis=0)
    return replace(data, diffraction=stack, x=data.x[: len(stack)], y=data.y[: len(stack)])


@pytest.mark.parametrize(
    ("stored", "name", "remedy"),
    [
        (lambda d: lost(d, 10), "a frame lost at 10 ", "position 10, which has no pattern and pattern 23"),
        (lambda d: lost(d, 0), "the first frame missing", "position 0, which has no pattern and pattern 23"),
        (lambda d: lost(d, 6, 17), "a frame lost at 6 (", "position 6, 17, which"),
        (
            lambda d: reordered(d, np.sort(np.append(np.arange(COUNT - 1), 12))),
            "a frame doubled at 13 ",
            "position 24, which has no pattern and pattern 13",
        ),
    ],
    ids=["lost", "first", "two", "doubled"],
)
def test_a_lost_or_doubled_frame_is_named_with_its_place(data, stored, name, remedy):
    """The remedy keeps the pairs that belong together."""
    faulty = stored(data)
    found = accepted(faulty)
    assert name in found.correction.name
    assert remedy in found.correction.remedy
    assert not found.corrected.has_excess
    assert len(found.correction.apply(faulty).x) >= COUNT - 4


@pytest.mark.parametrize(
    ("patterns", "positions", "name", "kept"),
    [
        (np.delete(np.arange(COUNT), 8), np.arange(COUNT), "a frame lost at 8 ", COUNT - 1),
        (np.arange(1, COUNT), np.arange(COUNT), "the first frame missing", COUNT - 1),
        (np.arange(COUNT - 1), np.arange(COUNT), "the last frame missing", COUNT - 1),
        (np.arange(COUNT), np.arange(COUNT - 2), "2 frames too many at the end", COUNT - 2),
        (np.arange(COUNT), np.arange(1, COUNT), "a frame too many at the start", COUNT - 1),
        (np.delete(np.arange(COUNT), [5, 12, 13]), np.arange(COUNT), "a frame lost at 5 ", COUNT - 3),
    ],
)
def test_missing_frames_are_found_where_shapes_do_not_match(data, patterns, positions, name, kept):
    stored = replace(data, diffraction=data.diffraction[patterns], x=data.x[positions], y=data.y[positions])
    found = accepted_blindly(stored)
    assert name in found.correction.name
    assert len(found.corrected.data.x) == kept
    assert not found.corrected.has_excess


def test_numbers_that_match_have_nothing_to_correct_blindly(data):
    assert list(order.blind(data)) == []
    assert list(order.blind(replace(data, diffraction=data.diffraction[:-1, 1:]))) == []


def test_patterns_that_are_all_alike_are_left_where_they_are():
    """A small particle in vacuum: only a few patterns differ, and those decide."""
    scan = simulate(positions=COUNT, detector=32, step=6.0, photons=1e5)
    obj = np.ones_like(scan.object)
    middle = tuple(slice(n // 2 - 4, n // 2 + 4) for n in obj.shape)
    obj[middle] = scan.object[middle]
    sound = replace(Dataset.of(scan.arrays()), object=obj)
    rng = np.random.default_rng(0)
    one = sound.diffraction[sound.diffraction > 0].min()
    counts = rng.poisson((sound.predict() / one) ** 2)
    sound = replace(sound, diffraction=(one * np.sqrt(counts)).astype(np.float32))
    assert accepted(sound) is None
    found = accepted(reordered(sound, np.roll(np.arange(COUNT), 2)))
    assert "shifted by 2 positions" in found.correction.name
    shuffled = reordered(sound, rng.permutation(COUNT))
    assert not accepted(shuffled).corrected.has_excess


def test_two_of_many_patterns_are_found_beyond_the_sample():
    """More patterns than are sampled: the two are compared all the same."""
    sound = Dataset.of(simulate(positions=196, detector=16, step=3.0, photons=1e5).arrays())
    outside = np.setdiff1d(np.arange(196), Evidence.of(sound).sample)
    one, other = outside[[5, 40]]
    places = np.arange(196)
    places[[one, other]] = other, one
    stored = reordered(sound, places)
    found = accepted(stored)
    assert f"pattern {one} belongs to position {other}" in found.correction.name
    np.testing.assert_array_equal(found.correction.apply(stored).diffraction, sound.diffraction)


def test_a_mask_of_each_pattern_moves_with_it(data):
    mask = np.random.default_rng(0).random(data.diffraction.shape) > 0.05
    stored = replace(data, mask=mask[::-1], diffraction=np.where(mask, data.diffraction, 0)[::-1])
    np.testing.assert_array_equal(accepted(stored).correction.apply(stored).mask, mask)


def test_a_measured_star_is_in_order(star):
    """516 positions, some 1.6 px apart: neighbours are nearly as good, and none is called better."""
    stored = Dataset(star.diffraction, star.probe, star.object, star.x, star.y)
    assert accepted(stored) is None
