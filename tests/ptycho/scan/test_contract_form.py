"""The form of the dataset contract: scaled by a power of two, rounded once, and every change noted."""

import numpy as np
import pytest

from harness.ptycho.scan.contract import violations
from harness.ptycho.scan.contract_form import contract_form
from harness.ptycho.scan.simulate import simulate


@pytest.fixture
def arrays():
    """A small simulated dataset, in double precision and in photons."""
    made = simulate(positions=16, detector=32, step=6.0, photons=1e8).arrays()
    return {**made, "diffraction": made["diffraction"] * 16, "probeGuess": made["probeGuess"] * 16}


def test_scaling_changes_no_digit_and_leaves_the_physics_alone(arrays):
    """Probe and diffraction keep their relation: both are multiplied by the same power of two."""
    made, notes = contract_form(arrays)
    factor = 2.0 ** int(notes[0].rpartition("-")[2])
    assert 5 <= made["diffraction"].max() < 10
    np.testing.assert_array_equal(made["diffraction"], (arrays["diffraction"] / factor).astype("f4"))
    np.testing.assert_array_equal(made["probeGuess"], (arrays["probeGuess"] / factor).astype("c8"))
    assert not violations(made)


def test_what_has_the_form_is_not_changed(arrays):
    """A second time nothing is changed, and nothing noted."""
    once, _ = contract_form(arrays)
    twice, notes = contract_form(once)
    assert notes == ()
    assert all(twice[key] is once[key] for key in once)


@pytest.mark.parametrize("most", [9.9999999, 10.0, 10.000001, 19.9999999999, 1e9, 1e-9, 0.0])
def test_scaling_ends_below_ten_after_rounding(arrays, most):
    """Also where the rounding to float32 alone would reach 10."""
    stack = np.zeros_like(arrays["diffraction"])
    stack[0, 0, 0] = most
    made, _ = contract_form({**arrays, "diffraction": stack})
    assert made["diffraction"].max() < 10


def test_every_rounding_is_noted(arrays):
    """A note for each array whose dtype changed, after the scaling's."""
    _, notes = contract_form(
        {**arrays, "mask": np.ones((32, 32), bool), "scan_index": np.arange(16, dtype="u2")}
    )
    assert notes[0].startswith("diffraction, probeGuess: scaled by 2**-")
    assert set(notes[1:]) == {
        "diffraction: float64 -> float32",
        "objectGuess: complex128 -> complex64",
        "probeGuess: complex128 -> complex64",
        "scan_index: uint16 -> int64",
    }


def test_a_scan_without_patterns_or_with_infinite_ones_is_only_rounded(arrays):
    """The contract's check says what is wrong with them."""
    assert contract_form({"xcoords": arrays["xcoords"]})[1] == ()
    endless = {**arrays, "diffraction": np.full_like(arrays["diffraction"], np.inf)}
    assert not any("scaled" in note for note in contract_form(endless)[1])
