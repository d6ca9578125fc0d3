"""Arrays that carry nothing are not golden."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.degenerate import DegenerateError, require_informative

GOOD = np.array([1.0, 2.0])
CASES = [
    (np.full(2, np.nan), "NaN everywhere", "allow_nonfinite"),
    (np.full(2, complex(np.nan, 1)), "NaN everywhere", "allow_nonfinite"),
    (np.array([1.0, np.inf]), "1 values that are not finite", "allow_nonfinite"),
    (np.zeros((3, 3), "int32"), "all zero", "allow_constant"),
    (np.zeros(4, bool), "all zero", "allow_constant"),
    (np.full(4, 2.5 + 1j), "one value everywhere", "allow_constant"),
]


@pytest.mark.parametrize(("array", "fault", "word"), CASES)
def test_degenerate_array_is_named_with_its_fault(array, fault, word):
    """The error names fixture, array and fault, and the word that would allow it."""
    with pytest.raises(DegenerateError, match=f"fixture 'f', array 'a': .* found {fault}.*{word}"):
        require_informative("f", {"good": GOOD, "a": array})
    require_informative("f", {"good": GOOD, "a": array}, allow_nonfinite=True, allow_constant=True)
    with pytest.raises(DegenerateError):
        require_informative("f", {"a": array}, **{word: ["other"]})


@pytest.mark.parametrize(
    "array",
    [
        np.array(0.0),
        np.zeros(0),
        np.zeros(1),
        np.array(["x", "x"]),
        np.array([0, 0, 1]),
        np.array([True, False]),
    ],
)
def test_what_carries_something_or_is_a_single_value_passes(array):
    """Scalars, empty arrays and strings are not called constant."""
    require_informative("f", {"a": array})
    assert array.size != 2 or array[0] != array[1] or array.dtype.kind == "U"


def test_golden_array_that_had_nan_may_have_it_again():
    """Where the golden file holds NaN already, NaN is no news; where it does not, it is."""
    new = {"a": np.array([1.0, np.nan])}
    require_informative("f", new, {"a": np.array([np.nan, 2.0])})
    with pytest.raises(DegenerateError):
        require_informative("f", new, {"a": GOOD})
