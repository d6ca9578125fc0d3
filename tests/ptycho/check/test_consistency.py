"""Physics accepts what it explains, at any honest dose, and refuses the faults that really happened."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.ptycho.check.consistency import LEAST_CONTRAST, check, require_explained
from harness.ptycho.scan.select import stratified
from harness.ptycho.scan.simulate import simulate

STORED = ("diffraction", "probeGuess", "objectGuess", "xcoords", "ycoords")


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
    "F02 reversed axes": (lambda a: {**a, "diffraction": a["diffraction"].T}, "axes reversed"),
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
    """At high and at low dose the finding names what the numbers really are."""
    break_it, named = FAULTS[fault]
    (finding,) = check(break_it(simulate(photons=photons).arrays())).findings
    assert f"best explained as {named}" in finding.found.replace("as the ", "as ")
    assert "so read" in finding.remedy


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_measured_data_is_refused_and_named(star, fault):
    """The same on 64 measured patterns."""
    break_it, named = FAULTS[fault]
    arrays = star.take(stratified(star.x, star.y, 64)).arrays()
    (finding,) = check(break_it(arrays)).findings
    assert named in finding.found


def test_patterns_of_other_positions_are_refused():
    """Fault F01, simulated: shapes, dtypes and values all valid, and no physics in it."""
    report = check(first_with_others_coordinates(simulate(positions=256)))
    assert report.measures["contrast"] == pytest.approx(1, abs=0.1)
    assert len(report.findings) == 1


def test_measured_patterns_of_other_positions_are_refused(star):
    """Fault F01, measured: the contrast falls from 3.1 to 1."""
    report = check(first_with_others_coordinates(star))
    assert report.measures["contrast"] == pytest.approx(1, abs=0.1)
    with pytest.raises(RefusedError, match="one index array"):
        require_explained("star", first_with_others_coordinates(star))


@pytest.mark.parametrize("shift", [4.0, -6.0])
def test_a_wrong_frame_is_refused(scan, shift):
    """Coordinates some pixels off (as top-left ones clipped into the object are, F09) are not explained."""
    assert check({**scan.arrays(), "xcoords": scan.x + shift, "ycoords": scan.y + shift}).findings


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("positions", [16, 64])
@pytest.mark.parametrize("photons", [None, 1e6, 1e5, 1e4])
def test_honest_data_are_accepted(photons, positions, seed):
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
    """Below the dose at which the plain contrast speaks, photon noise is known from the counts."""
    scan = simulate(photons=photons)
    report = check(scan.arrays())
    assert report.findings == ()
    assert report.measures["contrast"] < LEAST_CONTRAST
    assert report.measures["photon_residual"] == pytest.approx(report.measures["forward_residual"], rel=0.01)
    assert report.measures["photons_per_pattern"] == pytest.approx(photons, rel=0.05)
    dealt = np.random.default_rng(1).permutation(scan.positions)
    (finding,) = check({**scan.arrays(), "diffraction": scan.diffraction[dealt]}).findings
    assert "another order" in finding.found


def test_a_dose_that_tells_nothing_is_refused_as_such():
    """Fifty photons per pattern: no evidence is no acceptance, and no false accusation either."""
    (finding,) = check(simulate(photons=50).arrays()).findings
    assert "more photons" in finding.remedy
    assert "belong together" not in finding.remedy


@pytest.mark.parametrize("offset", [1.0, -0.6])
def test_a_frame_a_pixel_off_is_refused_and_measured(scan, offset):
    """The contrast is still 4: what tells is that another frame explains the data better."""
    report = check({**scan.arrays(), "xcoords": scan.x + offset})
    assert report.measures["contrast"] > 2 * LEAST_CONTRAST
    assert f"a frame off by ({offset:+.2f}, " in report.findings[0].found
    assert f"Add ({-offset:+.2f}, " in report.findings[0].remedy


def test_a_fault_that_nothing_explains_is_told_honestly(star):
    """Fault F01, measured: no suspect is named where none explains the data."""
    (finding,) = check(first_with_others_coordinates(star)).findings
    assert "best explained" not in finding.found
    assert "do not belong together" in finding.remedy


@pytest.mark.parametrize("key", STORED)
def test_what_cannot_be_computed_is_not_judged(arrays, key):
    """A missing array is no fault of physics: a note says that physics was not checked."""
    del arrays[key]
    report = check(arrays)
    assert report.findings == ()
    assert report.measures == {}
    assert "physics not checked" in report.notes[0]


def test_without_an_object_the_note_says_so(arrays):
    """The words that a user reads."""
    del arrays["objectGuess"]
    assert check(arrays).notes == ("no object: physics not checked",)


def test_without_an_object_dead_and_copied_patterns_are_still_found(arrays):
    """They need no physics to be told."""
    del arrays["objectGuess"]
    arrays["diffraction"][5] = 0
    arrays["diffraction"][40] = arrays["diffraction"][41]
    (finding,) = check(arrays).findings
    assert finding.found == "pattern 5 is dead; patterns 40 and 41 are the same, byte for byte"


def test_a_stack_of_other_axes_is_named_where_its_shape_does_not_fit():
    """Fault F02 with N other than H: the contract refuses the shape, and physics says what it is."""
    arrays = simulate(positions=36).arrays()
    (finding,) = check({**arrays, "diffraction": np.moveaxis(arrays["diffraction"], 0, -1)}).findings
    assert "axes (H, W, N) stored as (N, H, W)" in finding.found
    assert "Residual not computable as stored" in finding.remedy


@pytest.mark.parametrize(
    "breaking",
    [
        lambda a: {**a, "diffraction": a["diffraction"].astype(complex)},
        lambda a: {**a, "diffraction": a["diffraction"][:-1]},
        lambda a: {**a, "xcoords": a["xcoords"][:-1]},
        lambda a: {**a, "probeGuess": a["probeGuess"] * np.nan},
        lambda a: {**a, "objectGuess": a["objectGuess"][:40]},
        lambda a: {**a, "ycoords": a["ycoords"].astype(str)},
        lambda a: {**a, "probeGuess": a["probeGuess"][:, :0]},
    ],
)
def test_what_no_reading_can_mend_is_left_to_the_contract(arrays, breaking):
    """Numbers that physics cannot use are a note here, and never a crash."""
    report = check(breaking(arrays))
    assert report.findings == ()
    assert "not judged" in report.notes[0]


@pytest.mark.parametrize("key", ["probeGuess", "objectGuess"])
def test_a_dark_probe_or_object_explains_nothing(arrays, key):
    """A prediction without light is refused, without a warning on the way."""
    assert check({**arrays, key: 0 * arrays[key]}).findings


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_dark_or_flat_patterns_are_refused(arrays, level):
    """Data without information are not explained by anything."""
    assert check({**arrays, "diffraction": np.full((64, 64, 64), level, dtype=np.float32)}).findings
