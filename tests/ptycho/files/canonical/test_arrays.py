"""Named arrays become contents: the axis order is decided, and every change is recorded."""

from __future__ import annotations

import numpy as np
import pytest
from contract import Sizes, made

from harness.core.errors import RefusedError, UsageError
from harness.ptycho.files.canonical.arrays import arrays_of, content_of, is_canonical
from harness.ptycho.files.content import Content
from harness.ptycho.files.format import Reading
from harness.ptycho.files.geometry import Geometry
from harness.ptycho.scan.simulate import simulate

RAW = ("diffraction", "xcoords", "ycoords")


def hwn(arrays):
    return {**arrays, "diffraction": np.moveaxis(arrays["diffraction"], 0, -1)}


@pytest.fixture(scope="module")
def square():
    """16 positions of 16 x 16, of three modes: no shape decides the axis order."""
    return arrays_of(made(Sizes(positions=16, height=16, width=16, layers=1, mask="one")))


def test_one_mode_needs_no_axis():
    """(H, W) where there is one, (modes, H, W) where there are several."""
    arrays = arrays_of(made(Sizes(modes=1, layers=1)))
    assert (arrays["probeGuess"].ndim, arrays["objectGuess"].ndim) == (2, 2)
    arrays = arrays_of(made(Sizes(modes=2, layers=3)))
    assert (arrays["probeGuess"].shape[0], arrays["objectGuess"].shape[0]) == (2, 3)


def test_an_axis_for_one_mode_is_dropped_and_recorded():
    """Others write (1, H, W)."""
    arrays = arrays_of(made(Sizes(modes=1, layers=1)))
    content = content_of("a", arrays | {"probeGuess": arrays["probeGuess"][None]}, Reading())
    assert content.probe.shape[0] == 1
    assert "probeGuess: axes (1, H, W) -> (H, W)" in content.transformations


def test_nothing_is_canonical_without_patterns_or_object():
    assert not is_canonical({"xcoords", "ycoords", "probeGuess"})
    with pytest.raises(RefusedError, match="patterns, or an object with its probe"):
        arrays_of(Content(probe=np.ones((1, 2, 2)), geometry=Geometry(distance=1.0)))


def test_a_reconstruction_needs_no_patterns():
    """What an engine returns."""
    content = content_of("a", {"objectGuess": np.ones((9, 8)), "probeGuess": np.ones((4, 4))}, Reading())
    assert content.parts() == {"object", "probe"}


@pytest.mark.parametrize("move", [dict, hwn])
def test_all_modes_together_decide_the_axis_order(square, move):
    """Shapes allow both; the forward model of one mode alone would explain neither."""
    content = content_of("a", move(square), Reading())
    np.testing.assert_array_equal(content.diffraction, square["diffraction"])
    assert "by the forward model" in content.transformations[-1]


def test_an_order_that_nothing_explains_is_refused(square):
    """With what to add."""
    shuffled = square | {"diffraction": square["diffraction"][np.random.default_rng(1).permutation(16)]}
    with pytest.raises(RefusedError, match="--axes nhw or --axes hwn"):
        content_of("a", shuffled, Reading())
    assert content_of("a", shuffled, Reading(axes="nhw")).probe.shape[0] == 3


@pytest.mark.parametrize("move", [dict, hwn])
def test_a_raw_scan_is_ordered_by_its_sums(move):
    """Patterns are equally bright, and their middle is brighter than their edge."""
    arrays = {key: simulate(positions=32, detector=32).arrays()[key] for key in RAW}
    content = content_of("a", move(arrays), Reading())
    np.testing.assert_array_equal(content.diffraction, arrays["diffraction"])
    assert "sums vary by" in content.transformations[-1]


def test_flat_patterns_stay_as_the_contract_has_them():
    content = content_of("a", {"diffraction": np.ones((8, 8, 8))}, Reading())
    assert "nothing decides" in content.transformations[-1]


def test_an_unknown_axis_order_is_refused():
    with pytest.raises(UsageError, match="nhw or hwn"):
        content_of("a", {"diffraction": np.ones((8, 8, 8))}, Reading(axes="nwh"))


def test_a_raw_scan_in_counts_becomes_amplitudes():
    """Square root in float64, 0 where the mask is False."""
    counts = np.full((3, 4, 5), 16, np.uint16)
    mask = np.ones((4, 5), bool)
    mask[0, 0] = False
    places = np.arange(3.0)
    stored = {"diffraction": counts, "mask": mask, "xcoords": places, "ycoords": places}
    content = content_of("a", stored, Reading())
    assert content.diffraction.dtype == np.float64
    assert content.diffraction[0, 0, 0] == 0
    assert content.diffraction[0, 1, 1] == 4
    assert content.transformations == (
        "diffraction: 3 values set to 0 where mask is False",
        "diffraction: uint16 intensity -> float64 amplitude (square root)",
    )


def test_bad_values_of_pixels_that_do_not_count_are_no_matter():
    stack = np.ones((3, 4, 5))
    stack[:, 0, 0] = np.nan
    bad = np.isnan(stack[0])
    content = content_of("a", {"diffraction": stack, "bad_pixels": bad}, Reading())
    assert content.mask.sum() == 19
    assert np.isfinite(content.diffraction).all()
    with pytest.raises(RefusedError, match="diffraction"):
        content_of("a", {"diffraction": stack}, Reading())


def test_an_index_that_was_never_filled_is_left_out():
    places = np.arange(3.0)
    arrays = {"diffraction": np.ones((3, 4, 5)), "xcoords": places, "ycoords": places}
    arrays |= {"scan_index": np.zeros(3, int)}
    content = content_of("a", arrays, Reading())
    assert content.scan_index is None
    assert content.transformations == ("scan_index: left out, 0 for every position",)


def test_other_arrays_are_listed():
    content = content_of("a", {"diffraction": np.ones((3, 4, 5)), "dark": np.ones(2)}, Reading())
    assert content.left_out == ("dark",)
