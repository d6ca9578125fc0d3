"""Every broken rule of the contract is reported with key, expected and found."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.ptycho.scan.contract import (
    LARGEST_MAGNITUDE,
    ContractError,
    check,
    layout_violations,
    outside,
    require_contract,
    unusable_arrays,
    usable_mask,
    violations,
)
from harness.ptycho.scan.rules import PER_POSITION, RULES


def _set(key, change):
    def broken(arrays):
        return {**arrays, key: change(arrays[key])}

    return broken


def _with(key, make):
    def broken(arrays):
        return {**arrays, key: make(arrays)}

    return broken


def _without(key):
    return lambda arrays: {k: v for k, v in arrays.items() if k != key}


def _put(value, index=0):
    def change(array):
        array = array.copy()
        array.flat[index] = value
        return array

    return change


def _first(count):
    """Take the first *count* positions of everything."""
    return lambda arrays: {k: v[:count] if k in PER_POSITION else v for k, v in arrays.items()}


BREAKS = {
    "no diffraction": (_without("diffraction"), "diffraction", "no such key"),
    "no object": (_without("objectGuess"), "objectGuess", "no such key"),
    "no probe": (_without("probeGuess"), "probeGuess", "no such key"),
    "no x": (_without("xcoords"), "xcoords", "no such key"),
    "no y": (_without("ycoords"), "ycoords", "no such key"),
    "unknown key": (_with("metadata", lambda _: np.zeros(3)), "metadata", "unknown key"),
    "float64 diffraction (F07)": (_set("diffraction", np.float64), "diffraction", "float64"),
    "complex128 object (F07)": (_set("objectGuess", np.complex128), "objectGuess", "complex128"),
    "complex128 probe (F07)": (_set("probeGuess", np.complex128), "probeGuess", "complex128"),
    "float32 coordinates": (_set("xcoords", np.float32), "xcoords", "float32"),
    "float16 diffraction (P20)": (_set("diffraction", np.float16), "diffraction", "float16"),
    "counts": (
        _set("diffraction", lambda a: (a**2).astype(np.uint16)),
        "diffraction",
        "uint16 (integer counts are intensities",
    ),
    "real object": (_set("objectGuess", np.abs), "objectGuess", "float32"),
    "float scan_index": (_set("scan_index", np.float64), "scan_index", "float64"),
    "pickled object array (F08)": (_set("ycoords", lambda a: a.astype(object)), "ycoords", "object"),
    "text": (_set("ycoords", lambda a: a.astype(str)), "ycoords", "<U"),
    "one x too few": (_set("xcoords", lambda a: a[:-1]), "diffraction", "shape (64, 64, 64)"),
    "one y too few": (_set("ycoords", lambda a: a[:-1]), "ycoords", "shape (63,)"),
    "(H, W, N) stack": (
        _set("diffraction", lambda a: np.moveaxis(a[:50], 0, -1)),
        "diffraction",
        "(64, 64, 50)",
    ),
    "probe of three modes": (_set("probeGuess", lambda a: np.stack([a] * 3)), "probeGuess", "(3, 64, 64)"),
    "flat object array": (_set("objectGuess", np.ravel), "objectGuess", "(28224,)"),
    "empty object": (_set("objectGuess", lambda a: a[:0]), "objectGuess", "(0, 168)"),
    "NaN amplitude": (_set("diffraction", _put(np.nan)), "diffraction", "1 NaN"),
    "infinite amplitude": (_set("diffraction", _put(np.inf, 7)), "diffraction", "1 NaN or infinite"),
    "NaN object": (_set("objectGuess", _put(np.nan)), "objectGuess", "1 NaN"),
    "NaN coordinate": (_set("xcoords", _put(np.nan)), "xcoords", "1 NaN"),
    "negative amplitude": (_set("diffraction", _put(-0.25)), "diffraction", "minimum of -0.25"),
    "count-scale amplitudes (F06)": (
        _set("diffraction", lambda a: a * np.float32(16)),
        "diffraction",
        "maximum of 9",
    ),
    "maximum of exactly 10": (_set("diffraction", _put(10.0)), "diffraction", "maximum of 10"),
    "15 positions": (_first(15), "xcoords", "15"),
    "patch left of the object": (
        _set("xcoords", _put(31.99, 3)),
        "xcoords",
        "1 outside this range (first: position 3 at 31.99)",
    ),
    "patch below the object": (
        _set("ycoords", _put(136.01, 5)),
        "ycoords",
        "1 outside this range (first: position 5 at 136.01)",
    ),
    "top-left coordinates (F09)": (_set("ycoords", lambda a: a - 32), "ycoords", "outside"),
    "object of 127 rows": (_set("objectGuess", lambda a: a[:127]), "objectGuess", "127 x 168"),
    "all positions one": (_set("xcoords", lambda a: 0 * a + 84), "xcoords, ycoords", "0 groups"),
    "other alias": (_with("diff3d", lambda a: a["diffraction"] + np.float32(1)), "diff3d", "different bytes"),
    "alias of another sign of zero": (
        _with("diff3d", lambda a: np.where(a["diffraction"] == 0, np.float32(-0.0), a["diffraction"])),
        "diff3d",
        "bytes",
    ),
    "alias of another shape": (
        _with("diff3d", lambda a: a["diffraction"][:-1]),
        "diff3d",
        "shape (63, 64, 64)",
    ),
    "repeated scan_index": (_set("scan_index", _put(1)), "scan_index", "repeated"),
    "negative scan_index": (_set("scan_index", _put(-1)), "scan_index", "negative"),
    "mask of integers": (
        _with("mask", lambda a: np.ones(a["probeGuess"].shape, np.uint8)),
        "mask",
        "dtype uint8",
    ),
    "mask of floats": (_with("mask", lambda a: np.ones(a["probeGuess"].shape)), "mask", "dtype float64"),
    "mask of another detector": (_with("mask", lambda _: np.ones((64, 63), bool)), "mask", "shape (64, 63)"),
    "masks of other positions": (
        _with("mask", lambda a: np.ones((63, *a["probeGuess"].shape), bool)),
        "mask",
        "shape (63, 64, 64)",
    ),
    "mask of one row": (_with("mask", lambda _: np.ones(64, bool)), "mask", "shape (64,)"),
    "mask of text": (_with("mask", lambda _: np.full((64, 64), "x")), "mask", "dtype <U1"),
    "mask without a pixel that counts": (
        _with("mask", lambda _: np.zeros((64, 64), bool)),
        "mask",
        "False everywhere",
    ),
    "pattern without a pixel that counts": (
        _with("mask", lambda a: np.arange(64)[:, None, None] != 5 * np.ones(a["diffraction"].shape)),
        "mask",
        "none in 1 pattern (first: pattern 5)",
    ),
    "NaN in a pixel that counts": (
        lambda a: (
            {**_set("diffraction", _put(np.nan))(a), "mask": np.arange(4096).reshape(64, 64) > 0}
            | {"diffraction": _put(np.nan, 1)(a["diffraction"])}
        ),
        "diffraction",
        "1 NaN",
    ),
    "truth of another shape": (_with("Y", lambda a: a["probeGuess"][None]), "Y", "(1, 64, 64)"),
    "start positions of another length": (
        _with("xcoords_start", lambda a: a["xcoords"][1:]),
        "xcoords_start",
        "(63,)",
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_broken_rule_is_found(arrays, case):
    """Each broken rule gives a finding for its key that says what was expected and found."""
    breaking, key, found = BREAKS[case]
    arrays = breaking(arrays)
    if case == "all positions one":
        arrays = _set("ycoords", lambda a: 0 * a + 84)(arrays)
    findings = [f for f in violations(arrays) if f.key == key and found in f.found]
    assert findings, violations(arrays)
    assert all(f.check == "contract" and f.expected for f in findings)
    assert violations(arrays)


def test_a_generated_fixture_meets_the_contract(arrays):
    """A generated fixture has no violation, and requiring the contract raises nothing."""
    assert violations(arrays) == ()
    require_contract("minimal_v1", arrays)


def test_optional_arrays_are_accepted(arrays):
    """Nominal positions, ground-truth patches, an equal legacy alias and another byte order are accepted."""
    arrays |= {
        "xcoords_start": np.rint(arrays["xcoords"]),
        "ycoords_start": np.rint(arrays["ycoords"]),
        "Y": np.ones((64, 64, 64), dtype=np.complex64),
        "diff3d": arrays["diffraction"].copy(),
        "scan_index": np.arange(64, dtype=np.uint16),
        "probeGuess": arrays["probeGuess"].astype(">c8"),
    }
    assert violations(arrays) == ()


@pytest.mark.parametrize("side", ["xcoords", "ycoords"])
def test_a_patch_at_the_objects_edge_is_inside(arrays, side):
    """A patch that ends exactly at the object's edge is accepted: 32 and 136 for 64 of 168 pixels."""
    arrays[side][:2] = 32.0, 136.0
    assert violations(arrays) == ()


def test_all_violations_are_listed_at_once(arrays):
    """Six broken rules are six findings, and the error carries them all."""
    arrays["diffraction"] = -20 * arrays["diffraction"].astype(np.float64) - 1
    arrays["diffraction"][0] += 400
    arrays["objectGuess"][0, 0] = np.nan
    arrays["note"] = np.zeros(1)
    del arrays["ycoords"]
    with pytest.raises(ContractError) as refusal:
        require_contract("broken", arrays)
    found = [(f.key, f.found) for f in refusal.value.findings]
    assert [key for key, _ in found] == [
        "ycoords", "objectGuess", "note", "diffraction", "diffraction", "diffraction",
    ]  # fmt: skip
    assert all(f"{key}: " in str(refusal.value) and text in str(refusal.value) for key, text in found)
    assert isinstance(refusal.value, RefusedError)
    assert refusal.value.exit_code == 1


def test_an_empty_dataset_misses_every_required_key():
    """No arrays, five violations of a fixture's contract, no crash."""
    required = {key for key, rule in RULES.items() if rule.required}
    assert {f.key for f in violations({})} == required


@pytest.mark.parametrize("key", ["objectGuess", "probeGuess"])
def test_a_dataset_needs_no_reconstruction_but_a_fixture_does(arrays, key):
    """Without object or probe a dataset is accepted with a note, and refused as a fixture."""
    del arrays[key]
    report = check(arrays)
    assert report.findings == ()
    assert any(f"no {key}" in note and "not in a fixture" in note for note in report.notes)
    with pytest.raises(ContractError, match=key):
        require_contract("fixture", arrays)


def test_a_dataset_without_an_object_must_meet_the_other_rules(arrays):
    """A wrong dtype and a missing coordinate are still reported."""
    del arrays["objectGuess"], arrays["xcoords"]
    arrays["diffraction"] = arrays["diffraction"].astype(np.float64)
    assert {f.key for f in check(arrays).findings} == {"xcoords", "diffraction"}


def test_the_report_has_measures_and_says_what_was_not_checked(arrays):
    """Positions, maximum and groups are measured; a note says that coverage was not checked."""
    report = check(arrays)
    assert report.measures["positions"] == 64
    assert report.measures["max_amplitude"] == arrays["diffraction"].max()
    assert report.measures["groups"] >= 2
    assert any("coverage" in note for note in report.notes)


def test_nan_does_not_hide_other_wrong_values(arrays):
    """A NaN, a negative and a large amplitude in one file are three findings."""
    broken = arrays
    for value, index in ((np.nan, 0), (-1.0, 1), (99.0, 2)):
        broken = _set("diffraction", _put(value, index))(broken)
    found = [finding.found for finding in violations(broken) if finding.key == "diffraction"]
    assert found == ["1 NaN or infinite value", "a minimum of -1", "a maximum of 99"]


@pytest.mark.parametrize(("factor", "is_accepted"), [(1, True), (1.01, False)])
def test_magnitudes_are_accepted_up_to_the_largest(arrays, factor, is_accepted):
    """Larger values are damaged or have the wrong unit, and would overflow when squared."""
    arrays["objectGuess"][5, 5] = np.complex64(LARGEST_MAGNITUDE * factor * 0.999)
    assert (violations(arrays) == ()) == is_accepted


@pytest.mark.parametrize("each", [False, True])
def test_a_pixel_that_does_not_count_may_hold_anything(arrays, each):
    """NaN, negative, saturated and infinite values behind the mask break no rule; the note counts them."""
    shape = arrays["diffraction"].shape[0 if each else 1 :]
    mask = np.random.default_rng(0).random(shape) > 0.1
    garbage = np.resize(np.array([np.nan, -1, 65535, np.inf], np.float32), arrays["diffraction"].shape)
    most = np.where(mask, arrays["diffraction"], 0).max()
    arrays |= {"diffraction": np.where(mask, arrays["diffraction"], garbage), "mask": mask}
    assert violations(arrays) == ()
    report = check(arrays)
    assert report.measures["max_amplitude"] == most
    assert f"mask: {np.sum(~mask)} of {mask.size} pixels do not count" in report.notes
    del arrays["mask"]
    assert {f.found.split(" ", 1)[1] for f in violations(arrays)} >= {
        "minimum of -1", "maximum of 65535",
    }  # fmt: skip


def test_a_wrong_mask_is_one_finding(arrays):
    """Values behind a mask of the wrong dtype are no finding of their own."""
    mask = np.arange(4096).reshape(64, 64) % 7 != 0
    arrays["diffraction"] = np.where(mask, arrays["diffraction"], np.float32(np.nan))
    for wrong in (mask.astype(np.uint8), mask.astype(float)):
        (finding,) = violations({**arrays, "mask": wrong})
        assert finding.key == "mask"
        np.testing.assert_array_equal(usable_mask({**arrays, "mask": wrong}), mask)


def test_a_mask_of_a_raw_scan_has_the_patterns_shape(arrays):
    """Without a probe, rows and columns are those of the patterns."""
    del arrays["probeGuess"], arrays["objectGuess"]
    assert check({**arrays, "mask": np.ones((64, 64), bool)}).findings == ()
    (finding,) = check({**arrays, "mask": np.ones((64, 32), bool)}).findings
    assert finding.expected == "a non-empty array of shape (H = 64, W = 64) or (N = 64, H = 64, W = 64)"


def test_a_scan_index_that_was_never_filled_in_is_a_note(arrays):
    """All zeros are accepted; one zero too many among other numbers is not."""
    arrays["scan_index"] = np.zeros(64, dtype=np.int64)
    assert violations(arrays) == ()
    assert any("scan_index is 0 for every position" in note for note in check(arrays).notes)
    arrays["scan_index"][3:] = np.arange(3, 64)
    assert [f.key for f in violations(arrays)] == ["scan_index"]


def test_places_that_were_visited_twice_are_accepted(arrays):
    """Each position and its pattern again, with or without the same number: groups are found."""
    twice = {
        key: np.concatenate([value, value]) if key in PER_POSITION else value for key, value in arrays.items()
    }
    assert violations(twice) == ()
    assert violations({**twice, "scan_index": np.arange(128)}) == ()
    assert check(twice).measures["groups"] == 2 * check(arrays).measures["groups"]


def test_patches_outside_are_told_from_what_stops_everything(arrays):
    """The positions are named; nothing else prevents the forward model of the others."""
    arrays["xcoords"][3], arrays["ycoords"][7], arrays["xcoords"][9] = 2.0, 166.0, np.nan
    np.testing.assert_array_equal(np.flatnonzero(outside(arrays)), [3, 7, 9])
    arrays["xcoords"][9] = 84
    assert {f.key for f in layout_violations(arrays)} == {"xcoords", "ycoords"}
    assert unusable_arrays(arrays) == ()


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"objectGuess": np.ones(5)},
        {"ycoords": np.ones(3)},
        {"xcoords": np.array(["a"] * 64)},
        {"probeGuess": np.ones((2, 64, 64))},
    ],
)
def test_nothing_is_outside_where_shapes_allow_no_answer(arrays, broken):
    """One answer for each x coordinate, or none if there are none."""
    given = {**arrays, **broken} if broken else {}
    assert not outside(given).any()
    assert len(outside(given)) == (64 if broken else 0)


def test_the_remedy_for_another_axis_order_is_a_conversion(arrays):
    """(H, W, N) is recognised by its shape, and the command keeps all positions."""
    short = {key: value[:50] if key in PER_POSITION else value for key, value in arrays.items()}
    (finding,) = violations({**short, "diffraction": np.moveaxis(short["diffraction"], 0, -1)})
    assert "`harness generate --source FILE --positions 50`" in finding.remedy
