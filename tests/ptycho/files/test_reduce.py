"""Several modes, layers or masks: refused unless somebody asks, and then reduced with what is lost."""

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.ptycho.files.content import MODES, Content
from harness.ptycho.files.reduce import CHOICES, reduced, require_single

SEVERAL = Content(
    diffraction=np.ones((2, 4, 4)),
    probe=np.stack([np.full((4, 4), 1), np.full((4, 4), 3j), np.full((4, 4), 1)]).astype("c8"),
    object=np.stack([np.full((9, 9), 2), np.full((9, 9), 0.5j)]).astype("c8"),
    mask=np.array([[[True] * 4] * 4, [[True] * 4] * 3 + [[False] * 4]]),
)


def test_nothing_is_reduced_unasked():
    assert reduced(SEVERAL, ()) is SEVERAL


def test_the_strongest_mode_is_kept_with_its_share_of_the_light():
    made = reduced(SEVERAL, ["modes"])
    np.testing.assert_array_equal(made.probe, SEVERAL.probe[1:2])
    assert made.transformations == ("probeGuess: mode 2 of 3 kept, with 81.8 % of the light",)


def test_layers_are_multiplied_in_their_own_precision():
    made = reduced(SEVERAL, ["layers"])
    np.testing.assert_array_equal(made.object, np.full((1, 9, 9), 1j, "c8"))
    assert made.object.dtype == np.complex64


def test_a_pixel_counts_where_it_counts_in_every_pattern():
    """The patterns are 0 where it does not."""
    made = reduced(SEVERAL, ["mask"])
    assert made.mask.shape == (4, 4)
    assert not made.mask[3].any()
    assert made.mask[:3].all()
    assert not made.diffraction[:, 3].any()


def test_one_of_each_is_left_as_it_is():
    one = Content(probe=np.ones((1, 4, 4)), mask=np.ones((4, 4), bool))
    assert reduced(one, CHOICES) is one


@pytest.mark.parametrize(("choice", "found"), [("modes", "3"), ("layers", "2"), ("mask", "2")])
def test_several_are_refused_with_the_option_that_reduces_them(choice, found):
    others = [one for one in CHOICES if one != choice]
    with pytest.raises(
        RefusedError, match=f"scan.h5: {choice}: expected one .*, found {found}.*--reduce {choice}"
    ):
        require_single("scan.h5", reduced(SEVERAL, others))


def test_what_the_other_file_holds_is_not_refused():
    require_single("scan.h5", reduced(SEVERAL, ["layers", "mask"]), {MODES})


def test_a_dark_probe_can_be_reduced():
    assert reduced(Content(probe=np.zeros((2, 4, 4))), ["modes"]).probe.shape == (1, 4, 4)
