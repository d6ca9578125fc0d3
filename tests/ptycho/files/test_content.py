"""The parts of a content: what is there, and what there is more than one of."""

import numpy as np

from harness.ptycho.files.content import LAYERS, MASKS, MODES, Content
from harness.ptycho.files.geometry import Geometry


def test_nothing_has_no_parts():
    assert Content().parts() == frozenset()


def test_arrays_and_lengths_are_parts():
    content = Content(x=np.zeros(3), geometry=Geometry(wavelength=1e-10))
    assert content.parts() == {"x", "geometry.wavelength"}


def test_one_mode_layer_or_mask_is_nothing_special():
    one = Content(probe=np.ones((1, 4, 4)), object=np.ones((1, 9, 9)), mask=np.ones((4, 4), bool))
    assert one.parts() == {"probe", "object", "mask"}


def test_several_are_parts_of_their_own():
    """A format that stores a probe need not store its modes."""
    several = Content(probe=np.ones((2, 4, 4)), object=np.ones((3, 9, 9)), mask=np.ones((5, 4, 4), bool))
    assert several.parts() >= {MODES, LAYERS, MASKS}


def test_notes_are_added_in_order():
    assert Content(transformations=("one",)).noted("two", "three").transformations == ("one", "two", "three")
