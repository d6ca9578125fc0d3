"""Rules say which shapes and dtypes a key allows, and which arrays are selected together."""

from __future__ import annotations

import numpy as np

from harness.ptycho.scan.rules import FORWARD_KEYS, PER_POSITION, RULES, is_per_position


def test_per_position_arrays_are_those_with_one_entry_for_each_position():
    """A mask is one of them only if there is one for each pattern."""
    assert PER_POSITION == (
        "diffraction", "xcoords", "ycoords", "xcoords_start", "ycoords_start", "scan_index", "Y", "diff3d",
    )  # fmt: skip
    assert all(is_per_position(key, np.ones(3)) for key in PER_POSITION)
    assert is_per_position("mask", np.ones((64, 8, 8)))
    assert not is_per_position("mask", np.ones((8, 8)))
    assert not is_per_position("objectGuess", np.ones((8, 8)))


def test_rules_read_as_words():
    assert RULES["xcoords"].expected == "a float64 array of shape (N,)"
    assert RULES["scan_index"].expected == "an integer array of shape (N,)"
    assert RULES["mask"].expected == "a bool array of shape (H, W) or (N, H, W)"


def test_the_forward_model_needs_what_is_required():
    assert set(FORWARD_KEYS) == {key for key, rule in RULES.items() if rule.required}
