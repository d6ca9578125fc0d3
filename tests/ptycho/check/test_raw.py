"""Units of length and the zero frequency are seen in patterns and coordinates alone, without false alarms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from second_simulator import UNUSUAL, Variant, drawn_variant, make_scan

from harness.ptycho.check.raw import raw_findings

KEYS = ("diffraction", "xcoords", "ycoords", "mask")
PLAIN = Variant("voronoi", "jittered", (48, 48), 49, 1e5)
SOUND = {
    **UNUSUAL,
    **{f"drawn {seed}": drawn_variant(seed) for seed in range(6)},
    **{
        f"dense, overlap {overlap}": replace(PLAIN, overlap=overlap, positions=100, flicker=flicker)
        for overlap, flicker in ((0.9, 0.0), (0.95, 0.01), (0.97, 0.05), (0.985, 0.0))
    },
}
BRIGHT = {
    "voronoi": PLAIN,
    "spokes": Variant("spokes", "snake", (64, 64), 49, 1e4),
    "every place twice": Variant("strong_phase", "twice", (48, 48), 72),
    "gaps": Variant("voronoi", "fermat", (64, 64), 64, 1e5, mask="gaps"),
}


def raw(variant):
    """Return the raw scan: no object, no probe."""
    return {key: array for key, array in make_scan(variant, 1).items() if key in KEYS}


def scaled(arrays, factor):
    return {**arrays, "xcoords": factor * arrays["xcoords"], "ycoords": factor * arrays["ycoords"]}


@pytest.fixture(scope="module", params=BRIGHT)
def bright(request):
    return raw(BRIGHT[request.param])


@pytest.fixture(scope="module")
def plain():
    return raw(PLAIN)


@pytest.mark.parametrize("name", SOUND)
def test_sound_scans_are_accepted(name):
    """Unusual ones, drawn ones, and dense ones whose beam current flickers."""
    assert raw_findings(raw(SOUND[name])) == ()


UNITS = {
    "metres": (3e-8, "as if in metres"),
    "millimetres": (3e-5, "as if in millimetres"),
    "micrometres, pixels of 20 nm": (0.02, "as if in micrometres"),
    "micrometres, pixels of 40 nm": (0.04, "as if in micrometres"),
    "nanometres": (20.0, "as if in nanometres"),
}


@pytest.mark.parametrize("unit", UNITS)
def test_units_of_length_are_named(bright, unit):
    """Whatever the pixel size: the finding is about both coordinates, and says how to convert them."""
    factor, words = UNITS[unit]
    (finding,) = raw_findings(scaled(bright, factor))
    assert (finding.check, finding.key) == ("consistency", "xcoords, ycoords")
    assert words in finding.found
    assert "divide them by its pixel size" in finding.remedy


@pytest.mark.parametrize("axes", [(1, 2), (1,), (2,)])
def test_zero_frequency_at_the_corners_is_named_with_its_axes(bright, axes):
    """The remedy, applied literally, makes the finding go away."""
    moved = {**bright, "diffraction": np.fft.ifftshift(bright["diffraction"], axes=axes)}
    if "mask" in bright:
        moved["mask"] = np.fft.ifftshift(bright["mask"], axes=tuple(axis - 1 for axis in axes))
    (finding,) = raw_findings(moved)
    assert finding.key == "diffraction"
    assert finding.remedy == f"Apply np.fft.fftshift(diffraction, axes={axes})."
    corrected = np.fft.fftshift(moved["diffraction"], axes=axes)
    assert raw_findings({**bright, "diffraction": corrected}) == ()


def test_both_are_found_at_once(plain):
    stack = np.fft.ifftshift(plain["diffraction"], axes=(1, 2))
    found = raw_findings({**scaled(plain, 1e-8), "diffraction": stack})
    assert [finding.key for finding in found] == ["xcoords, ycoords", "diffraction"]


def ring(shape, radius):
    """Return a stack of one dark-field ring."""
    row, column = np.indices(shape) - np.array(shape)[:, None, None] // 2
    return np.tile(np.exp(-((np.hypot(row, column) - radius) ** 2) / 8), (9, 1, 1))


PATTERNS = {
    "dark field": ring((64, 64), 20),
    "dark field that reaches the edges": ring((64, 64), 29),
    "dark field that is cut off": ring((64, 64), 32),
    "a disc as wide as the detector": 1.0 * (np.tile(np.hypot(*np.indices((64, 64)) - 32.0), (9, 1, 1)) < 31),
    "uniform": np.ones((9, 64, 64)),
    "noise": np.random.default_rng(0).random((9, 64, 64)),
    "a strong background": 1 + 0.2 * ring((64, 64), 0),
    "dark": np.zeros((9, 64, 64)),
    "a quarter of the detector off centre": np.roll(ring((64, 64), 3), 15, axis=2),
    "not finite": np.full((9, 64, 64), np.nan),
    "too large to square": np.full((9, 64, 64), 1e200),
    "one pixel": np.ones((9, 1, 1)),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_that_are_no_spot_raise_no_alarm(name):
    """Dark field, a wide disc, uniform light, background: nothing is said about zero frequency."""
    assert raw_findings({"diffraction": PATTERNS[name]}) == ()


def test_a_background_does_not_hide_the_corner(plain):
    """As much light again, spread evenly."""
    stack = np.fft.ifftshift(plain["diffraction"], axes=(1, 2)).astype(float)
    lit = np.sqrt(stack**2 + np.mean(stack**2))
    assert [finding.key for finding in raw_findings({**plain, "diffraction": lit})] == ["diffraction"]


def test_counts_are_taken_as_intensities(plain):
    counts = np.rint(1e4 * plain["diffraction"] ** 2).astype(np.uint16)
    assert raw_findings({**plain, "diffraction": counts}) == ()
    assert len(raw_findings({**scaled(plain, 0.02), "diffraction": counts})) == 1


UNFIT = {
    "nothing": {},
    "no patterns": {"diffraction": None},
    "no coordinates": {"xcoords": None},
    "few positions": {"xcoords": np.arange(7.0), "ycoords": np.arange(7.0)},
    "other lengths": {"xcoords": np.arange(9.0)},
    "text": {"xcoords": np.full(49, "x")},
    "NaN": {"xcoords": np.full(49, np.nan)},
    "one place": {"xcoords": np.full(49, 20.0), "ycoords": np.full(49, 20.0)},
    "flat patterns": {"diffraction": np.ones((49, 8, 8)), "xcoords": np.arange(49.0) / 40},
    "two axes": {"diffraction": np.ones((49, 8))},
    "text patterns": {"diffraction": np.full((49, 8, 8), "x")},
    "other number of patterns": {"diffraction": np.ones((3, 8, 8)), "xcoords": np.arange(49.0) / 9},
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_allows_no_answer_gets_none(plain, name):
    """The contract reports it; here nothing is said, and nothing is raised."""
    changed = {**plain, **UNFIT[name]} if UNFIT[name] else {}
    assert raw_findings({key: array for key, array in changed.items() if array is not None}) == ()


def test_coordinates_without_patterns_have_a_unit(plain):
    """A scan within a millionth of a pixel needs no pattern to be seen."""
    only = {key: 1e-8 * plain[key] for key in ("xcoords", "ycoords")}
    assert "as if in metres" in raw_findings(only)[0].found


def test_dead_and_copied_patterns_are_listed(plain):
    """By their indices; a copy needs no coordinates to be seen, because chance made each pattern."""
    stack = plain["diffraction"].copy()
    stack[3] = 0
    stack[20] = stack[11]
    for arrays in ({**plain, "diffraction": stack}, {"diffraction": stack}):
        (finding,) = raw_findings(arrays)
        assert finding.found == "pattern 3: dead; patterns 11 and 20: same bytes"


def test_dead_pixels_are_listed_by_row_and_column(plain):
    """Where their neighbours are lit; pixels in the dark, and those that a mask excludes, are no finding."""
    stack = plain["diffraction"].copy()
    stack[:, 24, 20] = stack[:, 25, 30] = stack[:, 0, 0] = 0
    (finding,) = raw_findings({**plain, "diffraction": stack})
    assert finding.found == "0 in every pattern at (row, column) (24, 20), (25, 30)"
    mask = np.ones((48, 48), bool)
    mask[24, 20] = mask[25, 30] = False
    assert raw_findings({**plain, "diffraction": stack, "mask": mask}) == ()
    assert raw_findings({**plain, "diffraction": stack, "mask": np.repeat(mask[None], 49, axis=0)}) == ()


def test_copies_without_noise_are_no_error():
    """An empty part of the object, and a place that was visited twice, give the same pattern again."""
    arrays = raw(replace(PLAIN, obj="particle", route="raster", whole=True, photons=None))
    arrays["diffraction"][20] = arrays["diffraction"][11]
    assert raw_findings(arrays) == ()


def test_copies_are_seen_in_the_pixels_that_count(plain):
    """Garbage behind a mask makes no pattern different."""
    mask = np.random.default_rng(0).random((48, 48)) > 0.1
    stack = np.where(mask, plain["diffraction"], np.random.default_rng(1).random((49, 48, 48)))
    stack[20][mask] = stack[11][mask]
    (finding,) = raw_findings({**plain, "diffraction": stack.astype("f4"), "mask": mask})
    assert finding.found == "patterns 11 and 20: same bytes"
