"""Single patterns that do not fit are named, their remedies restore the data, and sound scans have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts import pattern
from harness.ptycho.check.search import chosen
from harness.ptycho.check.trial import execute
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.select import stratified
from harness.ptycho.scan.simulate import simulate

COUNT = 36
FEW = {"positions": COUNT, "detector": 32, "step": 6.0}


@pytest.fixture(scope="module", params=[None, 1e6, 1e4], ids=["noise-free", "1e6", "1e4"])
def data(request):
    scan = Dataset.of(simulate(photons=request.param, **FEW).arrays())
    return replace(scan, diffraction=scan.diffraction.astype(np.float32))


def accepted(stored):
    """Return the trial that the pattern part makes, if it is accepted."""
    evidence = Evidence.of(stored)
    return chosen([t for one in pattern.quick(evidence) if (t := execute(one, evidence)) is not None])


def broken(data, change):
    stack = data.diffraction.copy()
    changed = change(stack)
    return replace(data, diffraction=(stack if changed is None else changed).astype(np.float32))


def assert_restored(found, data):
    """The executed remedy leaves hardly more than noise does."""
    sound = Evidence.of(data).fit
    assert found.after.residual < 1.6 * sound.residual + 1e-3


def put(patterns, value):
    def change(stack):
        stack[patterns] = value(stack)

    return change


REMOVED = {
    "pattern 5: empty": put([5], lambda _: 0),
    "18 of 36 patterns empty (0, 2, 4, ": put(slice(0, COUNT, 2), lambda _: 0),
    "pattern 8: same bytes as pattern 7": put([8], lambda s: s[7]),
    "pattern 9: exposed twice": put([9], lambda s: np.hypot(s[9], s[10])),
    "pattern 30: fits no position": put(
        [30], lambda s: np.random.default_rng(0).permutation(s[30].ravel()).reshape(s[30].shape)
    ),
}


@pytest.mark.parametrize("name", REMOVED)
def test_patterns_that_are_lost_are_named_and_removed(data, name):
    stored = broken(data, REMOVED[name])
    found = accepted(stored)
    assert name in found.correction.name
    assert len(found.correction.apply(stored).x) == len(found.correction.kept) < COUNT
    assert_restored(found, data)


BEAMS = {
    "from pattern 18 on: 0.": np.where(np.arange(COUNT) < 18, 1.0, 0.5),
    "decays along the scan, to 0.": 0.6 ** np.linspace(0, 1, COUNT),
    "varies by": 1 + 0.12 * np.sin(np.arange(COUNT) ** 2),
    "pattern 9: 0.25 times as bright": np.where(np.arange(COUNT) == 9, 0.25, 1.0),
}


@pytest.mark.parametrize("name", BEAMS)
def test_the_brightness_of_patterns_is_described_and_divided_out(data, name):
    """The dose is known again after the division, pattern by pattern."""
    factors = np.sqrt(BEAMS[name])[:, None, None]
    stored = broken(data, lambda stack: stack * factors)
    found = accepted(stored)
    assert name in found.correction.name
    stack = found.correction.apply(stored).diffraction
    ratio = stack.sum(axis=(1, 2)) / data.diffraction.sum(axis=(1, 2))
    np.testing.assert_allclose(ratio / np.median(ratio), 1, atol=0.02)
    assert_restored(found, data)


@pytest.mark.parametrize("kind", ["maximum", "energy"])
def test_patterns_that_were_normalised_one_by_one_are_named(data, kind):
    norm = (lambda s: s.max(axis=(1, 2))) if kind == "maximum" else (lambda s: np.linalg.norm(s, axis=(1, 2)))
    stored = broken(data, lambda stack: stack / norm(stack)[:, None, None])
    found = accepted(stored)
    assert f"each pattern normalised by its own {kind}" in found.correction.name
    assert_restored(found, data)


def test_a_little_flicker_does_not_matter(data):
    """2 % (rms), as in a measured scan."""
    factors = np.sqrt(1 + 0.02 * np.random.default_rng(0).standard_normal(COUNT))[:, None, None]
    assert accepted(broken(data, lambda stack: stack * factors)) is None


@pytest.mark.parametrize("share", [0.05, 1.0])
def test_patterns_that_moved_on_the_detector_are_rolled_back(data, share):
    rng = np.random.default_rng(0)
    some = rng.permutation(COUNT)[: max(1, int(share * COUNT))]
    shifts = {int(j): tuple(rng.integers(-2, 3, 2).tolist()) for j in some}

    def move(stack):
        for j, shift in shifts.items():
            stack[j] = np.roll(stack[j], shift, (0, 1))

    stored = broken(data, move)
    found = accepted(stored)
    assert "shifted on the detector" in found.correction.name
    np.testing.assert_array_equal(found.correction.apply(stored).diffraction, data.diffraction)


def test_hit_pixels_are_masked_in_their_patterns_alone(data):
    def hit(stack):
        stack[9, [5, 6], 6] = 0.8 * stack.max()
        stack[20, 3, 3] = stack.max()

    stored = broken(data, hit)
    found = accepted(stored)
    assert "pattern 9: 2 pixels hit by a cosmic ray" in found.correction.name
    mask = found.correction.apply(stored).mask
    assert np.argwhere(~mask).tolist() == [[9, 5, 6], [9, 6, 6], [20, 3, 3]]
    assert_restored(found, data)


def test_a_mask_that_was_stored_is_kept(data):
    mask = np.ones((32, 32), dtype=bool)
    mask[1, 1] = False

    def hit(stack):
        stack[9, 5, 6] = stack.max()

    stored = replace(broken(data, hit), mask=mask)
    corrected = accepted(stored).correction.apply(stored)
    assert not corrected.mask[:, 1, 1].any()
    assert np.count_nonzero(~corrected.mask) == COUNT + 1


def test_a_sound_scan_has_nothing_to_correct(data):
    assert list(pattern.quick(Evidence.of(data))) == []


@pytest.mark.parametrize("photons", [50.0, 200.0, 1e3])
def test_a_dim_scan_has_nothing_to_correct(photons):
    """The fluctuations of few photons are no beam current."""
    for seed in range(3):
        dim = Dataset.of(simulate(photons=photons, seed=seed, **FEW).arrays())
        assert accepted(dim) is None


def test_places_that_are_visited_twice_are_no_copies(data):
    """Without noise, two visits give the same bytes, and neither is wrong."""
    clean = Dataset.of(simulate(photons=None, **FEW).arrays())
    assert list(pattern.quick(Evidence.of(clean.take(np.r_[np.arange(COUNT), 3, 9])))) == []


def test_one_of_many_patterns_is_found_beyond_the_sample():
    sound = Dataset.of(simulate(positions=196, detector=16, step=3.0, photons=1e5).arrays())
    outside = int(np.setdiff1d(np.arange(196), Evidence.of(sound).sample)[7])
    found = accepted(broken(sound, put([outside], lambda _: 0)))
    assert found.correction.name == f"pattern {outside}: empty"


def test_a_single_pattern_has_no_rest_of_the_scan(data):
    assert list(pattern.quick(Evidence.of(data.take(np.arange(1))))) == []


def test_a_measured_scan_has_nothing_to_correct(star):
    """Its beam varies by 2 %, some positions are 1.6 px apart, and its reconstruction is imperfect."""
    stored = Dataset(star.diffraction, star.probe, star.object, star.x, star.y)
    assert list(pattern.quick(Evidence.of(stored))) == []
    few = stored.take(stratified(star.x, star.y, 64))
    assert list(pattern.quick(Evidence.of(few))) == []
