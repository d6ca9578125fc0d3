"""Two sets of arrays -> what differs, where, and by how much."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from hypothesis.extra.numpy import arrays as any_arrays

from harness.core import compare as room
from harness.core.archive import map_archive, write_archive
from harness.core.compare import Aspect, Difference, compare, compare_arrays
from harness.core.errors import UsageError
from harness.core.tolerance import Tolerance

CODES = ["?", "u1", "i2", "i8", "f2", "f4", "f8", "c8", "c16", "S2", "U2", "M8[s]"]


def array_drift(expected, found, tolerance=None):
    """Drift of one array, with the tolerance of its dtype or another."""
    return compare_arrays("a", np.asarray(expected), np.asarray(found), tolerance)


@st.composite
def pairs(draw):
    """Two arrays of one dtype and shape that are equal in most places, of any bits in the others."""
    dtype = np.dtype(draw(st.sampled_from(CODES)))
    one = draw(any_arrays(dtype, draw(array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))))
    other = draw(any_arrays(dtype, one.shape))
    return one, np.where(draw(any_arrays(bool, one.shape)), one, other).astype(dtype)


# Aspects: the first that differs is named, before any tolerance


def test_a_name_on_one_side_is_drift():
    drift = compare({"a": np.zeros(3), "b": np.zeros(2)}, {"a": np.zeros(3), "c": np.zeros(2, "i4")})
    assert [(array.name, array.aspect) for array in drift.arrays] == [
        ("a", None),
        ("b", Aspect.NAME),
        ("c", Aspect.NAME),
    ]
    assert (drift.arrays[1].expected, drift.arrays[1].found) == ("float64 (2,)", "nothing")
    assert (drift.arrays[2].expected, drift.arrays[2].found) == ("nothing", "int32 (2,)")
    assert not drift.accepted
    assert not drift.identical


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(["f4", "f8", "c8", "i8", "u8"], 2)))
def test_dtypes_are_compared_exactly(one, other):
    """float32 is no float64, though every value is equal and the tolerance is wide."""
    drift = array_drift(np.zeros(3, one), np.zeros(3, other), Tolerance(atol=10))
    assert drift.aspect is Aspect.DTYPE
    assert (drift.expected, drift.found) == (f"{np.dtype(one)} (3,)", f"{np.dtype(other)} (3,)")
    assert list(drift.differences()) == []


@pytest.mark.parametrize("shape", [(6,), (3, 2), (2, 3, 1), (2, 4), ()])
def test_shapes_are_compared_exactly(shape):
    """Nothing is broadcast: a scalar is no array of equal values."""
    drift = array_drift(np.zeros((2, 3)), np.zeros(shape), Tolerance(atol=10))
    assert drift.aspect is Aspect.SHAPE
    assert drift.found == f"float64 {shape}"


@pytest.mark.parametrize("code", ["f2", "f4", "f8"])
@pytest.mark.parametrize(("value", "other"), list(itertools.permutations([np.nan, np.inf, -np.inf, 1.0], 2)))
def test_positions_of_nan_and_infinity_come_before_any_tolerance(code, value, other):
    tolerance = Tolerance(atol=1e308, rtol=1e308, ulp=2**62)
    drift = array_drift(np.array([0, value], code), np.array([0, other], code), tolerance)
    assert drift.aspect is Aspect.NONFINITE
    assert (drift.differing, drift.worst) == (1, (1,))
    assert [difference.index for difference in drift.differences()] == [(1,)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_in_the_same_place_are_equal(value):
    drift = array_drift([0, value], [0, value])
    assert drift.accepted
    assert (drift.differing, drift.unequal_bits, drift.max_absolute) == (0, 0, 0.0)


def test_complex_numbers_that_are_half_nan_are_compared_by_parts():
    """NaN in the same part is equal, in the other part is not, and does not hide the other part's value."""
    half = np.array([complex(np.nan, 3)], "c8")
    assert array_drift(half, half.copy()).accepted
    other_part = array_drift(half, np.array([complex(3, np.nan)], "c8"), Tolerance(atol=1e9))
    assert other_part.aspect is Aspect.NONFINITE
    moved = array_drift(half, np.array([complex(np.nan, 7)], "c8"))
    assert (moved.aspect, moved.max_absolute) == (Aspect.VALUES, 4.0)
    assert array_drift(half, np.array([complex(np.nan, 7)], "c8"), Tolerance(atol=4)).accepted


# Tolerances: just inside, just outside


@pytest.mark.parametrize(
    ("tolerance", "expected", "inside", "outside"),
    [
        (Tolerance(atol=0.25), 1.0, 1.25, np.nextafter(1.25, 2)),
        (Tolerance(atol=0.25), 1.0, 0.75, np.nextafter(0.75, 0)),
        (Tolerance(rtol=0.25), -2.0, -2.5, np.nextafter(-2.5, -3)),
        (Tolerance(rtol=0.25), 2.0, 1.5, np.nextafter(1.5, 0)),
        (Tolerance(atol=0.25, rtol=0.25), 2.0, 2.75, np.nextafter(2.75, 3)),
        (Tolerance(ulp=1), 1.0, 1 + 2**-52, 1 + 2**-51),
        (Tolerance(ulp=3), 1.0, 1 - 3 * 2**-53, 1 - 4 * 2**-53),
        (Tolerance(ulp=2), -5e-324, 5e-324, 1e-323),
        (Tolerance(), 1.0, 1.0, np.nextafter(1.0, 2)),
        (None, 1.0, 1 + 1.9e-7, 1 + 2.1e-7),
    ],
)
def test_a_value_just_inside_passes_and_one_just_outside_does_not(tolerance, expected, inside, outside):
    assert array_drift([expected], [inside], tolerance).accepted
    drift = array_drift([expected], [outside], tolerance)
    assert drift.aspect is Aspect.VALUES
    assert (drift.differing, drift.worst) == (1, (0,))


@pytest.mark.parametrize(
    ("code", "inside", "outside"),
    [
        ("f2", 1.0009765625, 1.001953125),
        ("f4", 1 + 1.12e-5, 1 + 1.14e-5),
        ("c8", 1 + 1.12e-5j, 1 + 1.14e-5j),
        ("f8", 1 + 1.9e-7, 1 + 2.1e-7),
        ("c16", 1 + 1.9e-7j, 1 + 2.1e-7j),
        ("i4", 1, 2),
        ("u1", 1, 0),
    ],
)
def test_the_default_tolerance_is_that_of_the_dtype(code, inside, outside):
    ones = np.ones(2, code)
    assert array_drift(ones, np.array([1, inside], code)).accepted
    assert not array_drift(ones, np.array([1, outside], code)).accepted


def test_relative_tolerance_is_of_the_golden_value():
    """The two sides are not alike: 10 % of the golden value, whichever side is larger."""
    assert array_drift([100.0], [110.0], Tolerance(rtol=0.1)).accepted
    assert not array_drift([110.0], [98.9], Tolerance(rtol=0.1)).accepted
    assert not array_drift([0.0], [1e-300], Tolerance(rtol=0.5)).accepted


@pytest.mark.parametrize(
    ("expected", "found"),
    [(np.array([4], "u1"), np.array([5], "u1")), ([True], [False]), (["a"], ["b"]), ([10**6], [10**6 + 1])],
)
def test_a_tolerance_in_ulps_passes_no_integer_and_no_text(expected, found):
    """They have no ULPs: with a distance of 0 of them, any would pass."""
    assert not array_drift(expected, found, Tolerance(ulp=1000)).accepted


def test_unsigned_integers_do_not_wrap_around():
    """uint8 4 - 5 is 1, within an absolute tolerance of 1 and not of 0; so is 5 - 4."""
    for one, other in ((4, 5), (5, 4)):
        pair = np.array([one], "u1"), np.array([other], "u1")
        assert array_drift(*pair, Tolerance(atol=1)).accepted
        assert array_drift(*pair).max_absolute == 1.0
    assert not array_drift(np.array([0], "u1"), np.array([255], "u1"), Tolerance(atol=254)).accepted


def test_int64_extremes_are_far_apart():
    drift = array_drift([-(2**63)], [2**63 - 1], Tolerance(atol=1e19))
    assert (drift.aspect, drift.max_absolute) == (Aspect.VALUES, 2.0**64)


def test_opposite_ends_of_the_floats_differ():
    """Their distance is no float; it is beyond every tolerance all the same."""
    most = np.finfo("f8").max
    drift = array_drift([most, 0.0], [-most, 0.0], Tolerance(atol=most))
    assert (drift.aspect, drift.differing, drift.worst) == (Aspect.VALUES, 1, (0,))


def test_booleans_are_counted():
    drift = array_drift([True, False, True], [True, True, False])
    assert (drift.differing, drift.max_absolute) == (2, 1.0)
    assert list(drift.differences()) == [Difference((1,), False, True), Difference((2,), True, False)]


def test_text_and_dates_are_equal_or_not():
    drift = array_drift(["probe", "object"], ["probe", "Object"], Tolerance(atol=1e9))
    assert list(drift.differences()) == [Difference((1,), "object", "Object")]
    dates = np.array(["2020-01-01", "NaT"], "M8[D]")
    assert array_drift(dates, dates.copy()).accepted
    assert not array_drift(dates, dates[::-1]).accepted


# Figures


def test_every_difference_is_listed_with_its_index_and_both_values():
    expected = np.arange(6, dtype="f4").reshape(2, 3)
    found = expected.copy()
    found[0, 2] += 0.5
    found[1, 0] -= 1
    found[1, 1] += 1e-6
    drift = array_drift(expected, found)
    assert list(drift.differences()) == [Difference((0, 2), 2.0, 2.5), Difference((1, 0), 3.0, 2.0)]
    assert (drift.size, drift.differing, drift.unequal_bits) == (6, 2, 3)
    assert (drift.max_absolute, drift.max_relative, drift.worst) == (1.0, 1 / 3, (1, 0))
    assert drift.max_ulp == 0x40400000 - 0x40000000


def test_bits_count_apart_from_values():
    """-0.0 passes for 0.0, and is reported: accepted, not identical, and the element is named."""
    drift = compare({"a": np.array([1.0, 0.0])}, {"a": np.array([1.0, -0.0])}, {"a": Tolerance()})
    assert drift.accepted
    assert not drift.identical
    assert (drift.arrays[0].unequal_bits, drift.arrays[0].worst) == (1, (1,))


def test_identical_means_bit_by_bit(arrays):
    again = {name: array.byteswap().view(array.dtype.newbyteorder()) for name, array in arrays.items()}
    drift = compare(arrays, again)
    assert drift.identical
    assert all(array.worst is None for array in drift.arrays)


def test_the_worst_element_is_one_beyond_the_tolerance():
    """A relative tolerance accepts 10 in 1000; 1 in 2 is beyond it, and is the one to look at."""
    drift = array_drift([1000.0, 2.0, 2.0], [1010.0, 3.0, 3.0], Tolerance(rtol=0.1))
    assert (drift.worst, drift.max_absolute, drift.max_relative) == ((1,), 10.0, 0.5)


def test_a_nan_is_worse_than_any_number():
    drift = array_drift([1.0, 1.0, 1.0], [9.0, np.nan, np.nan])
    assert (drift.worst, drift.max_absolute, drift.differing) == ((1,), 8.0, 3)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3)])
def test_empty_arrays_are_equal(shape):
    assert array_drift(np.zeros(shape), np.zeros(shape)).accepted


def test_scalars_have_the_empty_index():
    drift = array_drift(np.float32(1), np.float32(2))
    assert (drift.worst, list(drift.differences())) == ((), [Difference((), 1.0, 2.0)])
    assert array_drift(np.float32(1), np.float32(1)).accepted


@given(pairs())
def test_an_array_equals_itself_and_is_as_far_as_the_other_way_round(pair):
    """Whatever its bits: no tolerance is needed for a copy, and distance is mutual."""
    one, other = pair
    assert array_drift(one, one.copy(), Tolerance()).accepted
    there, back = array_drift(one, other, Tolerance()), array_drift(other, one, Tolerance())
    assert (there.differing, there.max_absolute, there.max_ulp) == (
        back.differing,
        back.max_absolute,
        back.max_ulp,
    )
    assert there.differing == len(list(there.differences())) <= there.unequal_bits


@given(pairs())
def test_byte_order_is_no_difference(pair):
    """A golden array that was written big-endian compares as its little-endian copy."""
    one, other = pair
    swapped = one.byteswap().view(one.dtype.newbyteorder())
    assert figures(array_drift(swapped, other)) == figures(array_drift(one, other))


def figures(drift):
    """All that a drift says, with NaN made equal to itself."""
    listed = [(d.index, repr(d.expected), repr(d.found)) for d in drift.differences()]
    return repr(drift), listed


# Blocks


@given(pair=pairs(), block=st.sampled_from([1, 2, 3, 5, 16]))
def test_blocks_do_not_show_in_a_result(pair, block):
    """Any block size gives every figure and every difference of a single block."""
    whole = figures(array_drift(*pair))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_BLOCK_ELEMENTS", block)
        assert figures(array_drift(*pair)) == whole


@given(shape=array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=9), block=st.integers(1, 12))
def test_no_block_is_larger_than_the_limit(shape, block):
    """One long row is cut as a long column is: every element is in one block, in C order."""
    array = np.arange(np.prod(shape)).reshape(shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_BLOCK_ELEMENTS", block)
        cut = list(room.blocks(array, array))
    assert all(one.size <= block for _, one, _ in cut)
    assert np.array_equal(np.concatenate([one.reshape(-1) for _, one, _ in cut]), array.reshape(-1))
    assert all(array[start].flat[0] == one.flat[0] for start, one, _ in cut)


def test_mapped_arrays_are_compared_block_by_block(tmp_path, monkeypatch):
    """What a mapped archive holds compares as it does in memory, never more than a block of it at once."""
    monkeypatch.setattr(room, "_BLOCK_ELEMENTS", 10)
    expected, found = {"a": np.arange(1000.0).reshape(10, 100)}, {"a": np.arange(1000.0).reshape(10, 100)}
    found["a"][7, 93] += 1
    for name, arrays in (("one", expected), ("other", found)):
        write_archive(tmp_path / f"{name}.npz", arrays)
    sizes = []
    measure = room._measure
    monkeypatch.setattr(room, "_measure", lambda *args: sizes.append(args[0].size) or measure(*args))
    drift = compare(map_archive(tmp_path / "one.npz"), map_archive(tmp_path / "other.npz"))
    assert max(sizes) == 10
    assert list(drift.arrays[0].differences()) == [Difference((7, 93), 793.0, 794.0)]


def test_mapped_pages_are_given_back_while_their_array_is_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "_BLOCK_ELEMENTS", 10)
    monkeypatch.setattr(room, "_RELEASED_BYTES", 1000)
    released = []
    monkeypatch.setattr(room, "release", released.append)
    found = {"a": np.arange(1000.0)}
    write_archive(tmp_path / "one.npz", found)
    assert compare(map_archive(tmp_path / "one.npz"), found).accepted
    assert len(released) == 2 * (8000 // 1040)  # 13 blocks of 80 bytes are the first that exceed 1,000


# Refusals


def test_a_tolerance_for_no_array_or_with_an_unknown_key_is_refused(arrays):
    for tolerances in ({"imgae": {"atol": 1}}, {"image": {"atoll": 1}}):
        with pytest.raises(UsageError, match="tolerance for"):
            compare(arrays, arrays, tolerances)


def test_a_tolerance_may_name_an_array_of_either_side(arrays):
    """A new array's tolerance is no typing error, though the golden side lacks the array."""
    rest = {name: arrays[name] for name in ("image", "phase")}
    assert not compare(rest, arrays, {"index": {"atol": 1}}).accepted


@pytest.mark.parametrize("dtype", [np.longdouble, object, [("x", "f4")]], ids=str)
def test_dtypes_without_canonical_bytes_are_refused_by_the_arrays_name(dtype):
    odd = {"odd": np.zeros(2, dtype)}
    for expected, found in ((odd, odd), (odd, {}), ({"odd": np.zeros(2)}, odd)):
        with pytest.raises(UsageError, match="array 'odd'"):
            compare(expected, found)
