"""The consistency check accepts valid data at any dose, and refuses the faults that really happened."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.ptycho.check.consistency import check, require_explained
from harness.ptycho.scan.residual import LEAST_CONTRAST
from harness.ptycho.scan.rules import FORWARD_KEYS
from harness.ptycho.scan.select import stratified
from harness.ptycho.scan.simulate import simulate


def first_with_others_coordinates(scan):
    """Fault F01: the first 64 patterns with the coordinates of 64 stratified positions."""
    index = stratified(scan.x, scan.y, 64)
    return {**scan.take(index).arrays(), "diffraction": scan.diffraction[:64]}


FAULTS = {
    "F02 (H, W, N)": (
        lambda a: {**a, "diffraction": np.moveaxis(a["diffraction"], 0, -1)},
        "axes (H, W, N) stored",
    ),
    "F02 moved again": (
        lambda a: {**a, "diffraction": np.moveaxis(a["diffraction"], -1, 0)},
        "axes (W, N, H) stored",
    ),
    "F02 reversed axes": (lambda a: {**a, "diffraction": a["diffraction"].T}, "axes (W, H, N) stored"),
    "F03 x and y": (lambda a: {**a, "xcoords": a["ycoords"], "ycoords": a["xcoords"]}, "x and y swapped"),
    "F05 intensity": (lambda a: {**a, "diffraction": a["diffraction"] ** 2}, "intensity stored"),
    "F14 corner": (
        lambda a: {**a, "diffraction": np.fft.ifftshift(a["diffraction"], axes=(1, 2))},
        "zero frequency",
    ),
    "rows and columns": (
        lambda a: {**a, "diffraction": a["diffraction"].swapaxes(1, 2)},
        "detector rows and columns",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("photons", [1e4, 1e6])
def test_a_fault_is_refused_and_named(fault, photons):
    """At high and at low dose the finding names the mistake."""
    break_it, named = FAULTS[fault]
    (finding,) = check(break_it(simulate(photons=photons).arrays())).findings
    assert f"best explained by {named}" in finding.found.replace("by the ", "by ")
    assert "after correction" in finding.remedy


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_measured_data_is_refused_and_named(star, fault):
    """The same on 64 measured patterns."""
    break_it, named = FAULTS[fault]
    arrays = star.take(stratified(star.x, star.y, 64)).arrays()
    (finding,) = check(break_it(arrays)).findings
    assert named in finding.found


def test_patterns_of_other_positions_are_refused():
    """Fault F01, simulated: shapes, dtypes and values are valid; patterns and positions do not match."""
    report = check(first_with_others_coordinates(simulate(positions=256)))
    assert report.measures["contrast"] == pytest.approx(1, abs=0.1)
    assert len(report.findings) == 1


def test_measured_patterns_of_other_positions_are_refused(star):
    """Fault F01, measured: the contrast falls from 3.1 to 1."""
    report = check(first_with_others_coordinates(star))
    assert report.measures["contrast"] == pytest.approx(1, abs=0.1)
    with pytest.raises(RefusedError, match="same index array"):
        require_explained("star", first_with_others_coordinates(star))


@pytest.mark.parametrize("shift", [4.0, -6.0])
def test_coordinates_some_pixels_off_are_refused(scan, shift):
    """Coordinates some pixels off (like top-left ones clipped into the object, F09) are not explained."""
    assert check({**scan.arrays(), "xcoords": scan.x + shift, "ycoords": scan.y + shift}).findings


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("positions", [16, 64])
@pytest.mark.parametrize("photons", [None, 1e6, 1e5, 1e4])
def test_valid_data_are_accepted(photons, positions, seed):
    """From noise-free to 10^4 photons per pattern, and with a margin: the contrast is at least 2."""
    report = check(simulate(photons=photons, positions=positions, seed=seed).arrays())
    assert report.findings == ()
    assert report.measures["contrast"] > 2 > LEAST_CONTRAST


def test_measured_data_are_accepted(star):
    """The Siemens star: contrast 3.1 with all positions and with 64 of them."""
    for scan in (star, star.take(stratified(star.x, star.y, 64))):
        report = require_explained("star", scan.arrays())
        assert report.measures["contrast"] == pytest.approx(3.1, abs=0.1)


def test_the_residual_of_the_fixture_is_at_the_rounding_floor(clean):
    """Noise-free data in the contract's dtypes: 2.4e-8 is the field's figure, below 1e-7 here."""
    stored = {key: a.astype(np.float32 if a.dtype == float else a.dtype) for key, a in clean.arrays().items()}
    stored |= {"xcoords": clean.x, "ycoords": clean.y, "objectGuess": clean.object.astype(np.complex64)}
    assert check(stored).measures["forward_residual"] < 1e-7


def test_the_measures_do_not_depend_on_scale_or_run(scan):
    """A global scale is fitted, and the permutations are seeded."""
    arrays = scan.arrays()
    scaled = check({**arrays, "diffraction": 0.125 * arrays["diffraction"]})
    assert scaled.measures == pytest.approx(check(arrays).measures)
    assert check(arrays).measures == check(arrays).measures


@pytest.mark.parametrize("photons", [1e3, 2e2])
def test_dark_scans_are_accepted_and_their_faults_refused(photons):
    """Where the plain contrast is too low to decide, photon noise is known from the counts."""
    scan = simulate(photons=photons)
    report = check(scan.arrays())
    assert report.findings == ()
    assert report.measures["contrast"] < LEAST_CONTRAST
    assert report.measures["photon_residual"] == pytest.approx(report.measures["forward_residual"], rel=0.01)
    assert report.measures["photons_per_pattern"] == pytest.approx(photons, rel=0.05)
    shuffled = np.random.default_rng(1).permutation(scan.positions)
    found = check({**scan.arrays(), "diffraction": scan.diffraction[shuffled]}).findings
    # At 200 photons patterns cannot be matched one by one, but that they do not belong together is seen.
    assert "a different order" in found[0].found or (photons < 1e3 and "do not belong" in found[0].remedy)


@pytest.mark.parametrize("photons", [50, 100, 200])
def test_a_dose_too_low_to_decide_is_not_held_against_the_data(photons):
    """Up to 100 photons per pattern a note says that the data cannot tell; nothing is refused."""
    report = check(simulate(photons=photons).arrays())
    assert report.findings == ()
    assert [note for note in report.notes if "too dim" in note] == list(report.notes)
    assert bool(report.notes) == (photons <= 100)


def test_patterns_outside_the_object_do_not_end_the_judgement(arrays):
    """The contract reports them; physics judges the others, and says how many."""
    moved = arrays["xcoords"].copy()
    moved[[2, 9]] = -1.0
    report = check({**arrays, "xcoords": moved})
    assert report.findings == ()
    assert report.notes == ("physics judged on the 62 of 64 patterns whose patch lies inside the object",)
    swapped = check({**arrays, "xcoords": arrays["ycoords"], "ycoords": moved})
    assert "x and y swapped" in swapped.findings[0].found


@pytest.mark.parametrize("offset", [1.0, -0.6])
def test_coordinates_a_pixel_off_are_refused_and_the_offset_is_measured(scan, offset):
    """The contrast is still 4, but other coordinates explain the data better."""
    report = check({**scan.arrays(), "xcoords": scan.x + offset})
    assert report.measures["contrast"] > 2 * LEAST_CONTRAST
    assert f"off by ({offset:+.2f}, " in report.findings[0].found
    assert f"Add ({-offset:+.2f}, " in report.findings[0].remedy


def test_no_mistake_is_named_if_none_explains_the_data(star):
    """Fault F01, measured: the finding names no mistake."""
    (finding,) = check(first_with_others_coordinates(star)).findings
    assert "best explained" not in finding.found
    assert "do not belong together" in finding.remedy


@pytest.mark.parametrize("key", FORWARD_KEYS)
def test_a_dataset_without_all_arrays_is_not_checked(arrays, key):
    """If an array is missing, a note says that physics was not checked."""
    del arrays[key]
    report = check(arrays)
    assert report.findings == ()
    assert report.measures == {}
    assert "physics not checked" in report.notes[0]


def test_without_an_object_the_note_says_so(arrays):
    """The note that a user reads."""
    del arrays["objectGuess"]
    assert check(arrays).notes == ("no object: physics not checked",)


def test_without_an_object_dead_and_copied_patterns_are_still_found(arrays):
    """They need no physics to be found."""
    del arrays["objectGuess"]
    arrays["diffraction"][5] = 0
    arrays["diffraction"][40] = arrays["diffraction"][41]
    (finding,) = check(arrays).findings
    assert finding.found == "pattern 5: dead; patterns 40 and 41: same bytes"


def test_a_stack_of_other_axes_is_named_where_its_shape_does_not_fit():
    """Fault F02 with N other than H: the contract refuses the shape, and physics says what it is."""
    arrays = simulate(positions=36).arrays()
    (finding,) = check({**arrays, "diffraction": np.moveaxis(arrays["diffraction"], 0, -1)}).findings
    assert "axes (H, W, N) stored as (N, H, W)" in finding.found
    assert "Residual: not computable as stored" in finding.remedy


@pytest.mark.parametrize(
    "breaking",
    [
        lambda a: {**a, "diffraction": a["diffraction"].astype(complex)},
        lambda a: {**a, "xcoords": a["xcoords"][:-1]},
        lambda a: {**a, "probeGuess": a["probeGuess"] * np.nan},
        lambda a: {**a, "objectGuess": a["objectGuess"][:40]},
        lambda a: {**a, "ycoords": a["ycoords"].astype(str)},
        lambda a: {**a, "probeGuess": a["probeGuess"][:, :0]},
    ],
)
def test_unusable_arrays_are_left_to_the_contract(arrays, breaking):
    """Arrays that physics cannot use give a note, not a crash."""
    report = check(breaking(arrays))
    assert report.findings == ()
    assert "not checked" in report.notes[0]


@pytest.mark.parametrize("key", ["probeGuess", "objectGuess"])
def test_a_dark_probe_or_object_explains_nothing(arrays, key):
    """A prediction without light is refused, without a warning on the way."""
    assert check({**arrays, key: 0 * arrays[key]}).findings


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_dark_or_flat_patterns_are_refused(arrays, level):
    """Data without information are not explained."""
    assert check({**arrays, "diffraction": np.full((64, 64, 64), level, dtype=np.float32)}).findings
