"""Canonical and legacy files are read with every change recorded, and bad files are refused."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import HarnessError, RefusedError, UnreadableError, UsageError
from harness.core.storage.digest import digest_file
from harness.ptycho.files.npz import read_scan
from harness.ptycho.fixture import from_scan
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module")
def many():
    """A scan whose number of positions is not its number of detector pixels."""
    return simulate(positions=100).arrays()


@pytest.fixture(scope="module")
def square():
    """64 positions of 64 x 64: the shape does not decide the axis order."""
    return simulate().arrays()


def hwn(arrays, key="diffraction"):
    return {**arrays, key: np.moveaxis(arrays[key], 0, -1)}


def renamed(arrays, old, new):
    return {(new if key == old else key): value for key, value in arrays.items()}


def test_a_canonical_file_is_read_as_it_is(write, many):
    """Nothing is changed or recorded; the source has a digest, and its folder is not kept."""
    path = write(many)
    scan = read_scan(path)
    for key, array in scan.arrays().items():
        assert array.dtype == many[key].dtype
        np.testing.assert_array_equal(array, many[key])
    assert scan.transformations == ()
    assert (scan.source.name, scan.source.digest) == ("scan.npz", digest_file(path))


def test_the_number_of_positions_decides(write, many):
    """(H, W, N) with N unlike H and W is moved, and that is recorded."""
    scan = read_scan(write(hwn(many)))
    np.testing.assert_array_equal(scan.diffraction, many["diffraction"])
    assert scan.transformations == ("diffraction: axes (H, W, N) -> (N, H, W), by the number of positions",)


@pytest.mark.parametrize("order", ["nhw", "hwn"])
def test_the_forward_model_decides_where_n_equals_h(write, square, order):
    """Fault F02's trap: a shape of (64, 64, 64) is settled by physics, with both residuals on record."""
    scan = read_scan(write(square if order == "nhw" else hwn(square)))
    np.testing.assert_array_equal(scan.diffraction, square["diffraction"])
    (note,) = scan.transformations
    assert "by the forward model" in note
    assert "0.0265" in note
    assert ("->" in note) == (order == "hwn")


@pytest.mark.parametrize("order", ["nhw", "hwn"])
def test_measured_axes_are_settled_by_physics(write, star, order):
    """The same with 64 measured patterns."""
    arrays = star.take(np.arange(0, 512, 8)).arrays()
    scan = read_scan(write(arrays if order == "nhw" else hwn(arrays)))
    np.testing.assert_array_equal(scan.diffraction, arrays["diffraction"])


def test_the_axis_order_given_by_the_caller_decides(write, square):
    """It is used even if physics contradicts it, and recorded; `check` reports it later."""
    scan = read_scan(write(square), axes="hwn")
    np.testing.assert_array_equal(scan.diffraction, np.moveaxis(square["diffraction"], -1, 0))
    assert scan.transformations == ("diffraction: axes (H, W, N) -> (N, H, W), as asked",)


def test_a_wrong_axis_order_does_not_become_a_fixture(write, square):
    """The consistency check refuses it."""
    with pytest.raises(RefusedError, match=r"axes \(W, N, H\) stored"):
        from_scan(source=write(square), axes="hwn")


def test_unexplained_axes_are_refused_with_both_residuals(write, square):
    """If neither order is explained, nothing is guessed: both residuals and the option are named."""
    order = np.random.default_rng(0).permutation(64)
    with pytest.raises(RefusedError) as refusal:
        read_scan(write({**square, "diffraction": square["diffraction"][order]}))
    assert "as (N, H, W)" in refusal.value.found
    assert "as (H, W, N)" in refusal.value.found
    assert "--axes" in refusal.value.remedy


def test_the_legacy_name_is_read(write, many):
    """diff3d alone is the diffraction; beside an equal diffraction it is left out; both are recorded."""
    alone = read_scan(write(renamed(many, "diffraction", "diff3d")))
    np.testing.assert_array_equal(alone.diffraction, many["diffraction"])
    assert alone.transformations == ("diff3d: renamed to diffraction",)
    beside = read_scan(write({**many, "diff3d": many["diffraction"]}))
    assert beside.transformations == ("diff3d: left out, equal to diffraction",)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.uint64])
def test_integers_are_intensities(write, many, dtype):
    """Counts become amplitudes in floating point: 300^2 in uint16 (fault F04) is never computed."""
    counts = np.rint(many["diffraction"] ** 2).astype(dtype)
    counts[0, 0, 0] = 60_000
    scan = read_scan(write({**many, "diffraction": counts}))
    assert scan.diffraction.dtype == np.float64
    assert scan.diffraction[0, 0, 0] == np.sqrt(60_000)
    np.testing.assert_allclose(scan.diffraction[1:], many["diffraction"][1:], atol=1e-6)
    (note,) = scan.transformations
    assert note == f"diffraction: {np.dtype(dtype)} intensity -> float64 amplitude (square root)"


def test_a_legacy_set_of_the_field_becomes_a_fixture(write):
    """diff3d as (H, W, N), float64 and complex128, raster order: every step is named in the manifest."""
    legacy = simulate(positions=225, step=3.0).arrays()
    legacy |= {"metadata": np.arange(3)}
    legacy.pop("scan_index")
    path = write(renamed(hwn(legacy), "diffraction", "diff3d"), name="Legacy set.npz")
    fixture = from_scan(source=path)
    assert fixture.name == "Legacy_set_64"
    assert fixture.manifest.transformations == (
        "diff3d: renamed to diffraction",
        "diffraction: axes (H, W, N) -> (N, H, W), by the number of positions",
        "metadata: left out",
        "positions: 64 of 225, stratified in space",
        "diffraction, probeGuess: scaled by 2**-4",
        "diffraction: float64 -> float32",
        "objectGuess: complex128 -> complex64",
        "probeGuess: complex128 -> complex64",
    )


def test_truth_patches_move_with_the_stack(write, many):
    """Y in (H, W, N) is moved as the diffraction is."""
    truth = many["diffraction"] * 1j
    scan = read_scan(write(hwn(hwn({**many, "Y": truth}), "Y")))
    np.testing.assert_array_equal(scan.truth, truth)


BAD = {
    "missing key": (lambda a: {k: v for k, v in a.items() if k != "ycoords"}, UnreadableError, "ycoords"),
    "no diffraction by any name": (
        lambda a: {k: v for k, v in a.items() if k != "diffraction"},
        UnreadableError,
        "diffraction",
    ),
    "empty archive": (lambda _: {}, UnreadableError, "empty archive"),
    "NaN": (lambda a: {**a, "diffraction": a["diffraction"] * np.nan}, RefusedError, "NaN"),
    "infinite object": (
        lambda a: {**a, "objectGuess": a["objectGuess"] * np.inf},
        RefusedError,
        "objectGuess",
    ),
    "negative counts": (
        lambda a: {**a, "diffraction": -np.ones(a["diffraction"].shape, dtype=int)},
        RefusedError,
        "minimum of -1",
    ),
    "complex diffraction": (
        lambda a: {**a, "diffraction": a["diffraction"] + 0j},
        RefusedError,
        "dtype complex128",
    ),
    "text coordinates": (lambda a: {**a, "xcoords": a["xcoords"].astype(str)}, RefusedError, "xcoords"),
    "probe of two modes": (
        lambda a: {**a, "probeGuess": np.stack([a["probeGuess"]] * 2)},
        RefusedError,
        "(2, 64, 64)",
    ),
    "other number of y": (lambda a: {**a, "ycoords": a["ycoords"][:-1]}, RefusedError, "99"),
    "position outside the object": (lambda a: {**a, "xcoords": a["xcoords"] - 40}, RefusedError, "outside"),
    "neither order": (lambda a: {**a, "diffraction": a["diffraction"][:90]}, RefusedError, "(90, 64, 64)"),
    "other detector": (lambda a: {**a, "probeGuess": a["probeGuess"][:32]}, RefusedError, "32 x 64"),
    "alias at odds": (lambda a: {**a, "diff3d": a["diffraction"] + 1}, RefusedError, "diff3d"),
    "2-d diffraction": (lambda a: {**a, "diffraction": a["diffraction"][0]}, RefusedError, "(64, 64)"),
    "empty stack": (lambda a: {**a, "diffraction": a["diffraction"][:0]}, RefusedError, "(0, 64, 64)"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_source_is_refused_in_one_message(write, many, case):
    """File, key, expected, found and next step; the file by name, without its folder."""
    spoil, kind, words = BAD[case]
    path = write(spoil(many))
    with pytest.raises(kind) as refusal:
        read_scan(path)
    error = refusal.value
    assert words in str(error)
    assert all((error.thing, error.expected, error.found, error.remedy))
    assert "scan.npz" in error.thing


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut off", b"no zip at all"])
def test_a_damaged_file_is_unreadable(tmp_path, content):
    """Missing, empty, truncated and foreign files are the archive's refusals, not tracebacks."""
    path = tmp_path / "scan.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableError):
        read_scan(path)


def test_a_pickled_array_is_never_loaded(write, many):
    """Fault F08: metadata as a pickled object array is refused, not executed."""
    with pytest.raises(HarnessError, match="_metadata"):
        read_scan(write({**many, "_metadata": np.array([{"a": 1}], dtype=object)}))


def test_an_unknown_axis_order_is_refused(write, many):
    """Only nhw and hwn are axis orders."""
    with pytest.raises(UsageError, match="nhw or hwn"):
        read_scan(write(many), axes="whn")


def test_an_axis_order_that_does_not_fit_the_shape_is_refused(write, many):
    """The axis order given must fit the shape."""
    with pytest.raises(RefusedError, match=r"in the order \(H, W, N\)"):
        read_scan(write(many), axes="hwn")


@pytest.fixture(params=["one for all", "one for each"])
def mask(request, many):
    """A tenth of the pixels does not count."""
    shape = many["diffraction"].shape[1 if request.param == "one for all" else 0 :]
    return np.random.default_rng(0).random(shape) > 0.1


def spoiled(stack, mask):
    """Return the stack with values in the pixels that do not count that no amplitude may have."""
    return np.where(mask, stack, np.resize([np.nan, -1, 65535, np.inf], stack.shape))


def test_pixels_that_do_not_count_become_zero(write, many, mask):
    """NaN, infinite, negative and saturated values there are no obstacle, and the change is recorded."""
    stack = spoiled(many["diffraction"], mask)
    scan = read_scan(write({**many, "diffraction": stack, "mask": mask}))
    np.testing.assert_array_equal(scan.mask, mask)
    np.testing.assert_array_equal(scan.diffraction, np.where(mask, many["diffraction"], 0))
    (note,) = scan.transformations
    assert (
        note
        == f"diffraction: {np.sum(~np.broadcast_to(mask, stack.shape))} values set to 0 where mask is False"
    )


def test_values_that_count_must_be_finite(write, many, mask):
    """One NaN beside the mask is refused, however many are behind it."""
    stack = spoiled(many["diffraction"], mask)
    place = tuple(np.argwhere(np.broadcast_to(mask, stack.shape))[7])
    stack[place] = np.nan
    with pytest.raises(RefusedError, match=r"found 1 NaN or infinite value\. Give the file a mask"):
        read_scan(write({**many, "diffraction": stack, "mask": mask}))


def test_counts_behind_a_mask_may_be_anything(write, many, mask):
    """Saturated and negative integers do not count; the others become amplitudes."""
    counts = np.rint(many["diffraction"] ** 2).astype(np.int32)
    stack = np.where(mask, counts, np.resize(np.array([65535, -1], np.int32), counts.shape))
    scan = read_scan(write({**many, "diffraction": stack, "mask": mask}))
    np.testing.assert_array_equal(scan.diffraction, np.where(mask, np.sqrt(counts), 0))
    with pytest.raises(RefusedError, match="a minimum of -1"):
        read_scan(write({**many, "diffraction": stack}))


def test_bad_pixels_are_the_inverse_of_a_mask(write, many, mask):
    """As ptychodus writes them, beside an equal mask, and beside another one."""
    scan = read_scan(write({**many, "bad_pixels": ~mask}))
    np.testing.assert_array_equal(scan.mask, mask)
    assert scan.transformations[0] == "bad_pixels: inverted and renamed to mask"
    both = read_scan(write({**many, "bad_pixels": ~mask, "mask": mask}))
    assert both.transformations[0] == "bad_pixels: left out, the inverse of mask"
    with pytest.raises(RefusedError, match="Remove bad_pixels or mask"):
        read_scan(write({**many, "bad_pixels": mask, "mask": mask}))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_a_mask_of_zero_and_one_is_read(write, many, mask, dtype):
    """Integers of 0 and 1 are legacy, and recorded."""
    scan = read_scan(write({**many, "mask": mask.astype(dtype)}))
    assert scan.mask.dtype == bool
    assert scan.transformations[0] == f"mask: {np.dtype(dtype)} -> bool"


BAD_MASKS = {
    "float": (lambda m: m.astype(float), "expected a bool array, found dtype float64"),
    "flags": (lambda m: m * np.uint32(0x1000), "dtype uint32 with other values than 0 and 1"),
    "text": (lambda m: m.astype(str), "expected a bool array"),
    "another detector": (lambda m: m[..., :-1], "expected shape (64, 64) or (100, 64, 64)"),
    "one row": (lambda m: m.reshape(-1, 64)[0], "found shape (64,)"),
    "nothing counts": (np.zeros_like, "a mask that is False everywhere"),
}


@pytest.mark.parametrize("case", BAD_MASKS)
def test_a_bad_mask_is_refused_in_one_message(write, many, mask, case):
    """Wrong dtype, wrong shape, no pixel that counts."""
    change, words = BAD_MASKS[case]
    with pytest.raises(RefusedError) as refusal:
        read_scan(write({**many, "mask": change(mask)}))
    assert refusal.value.thing == "scan.npz: mask"
    assert words in str(refusal.value)


def test_a_mask_moves_with_its_patterns(write, many, mask):
    """(H, W, N): a mask for each pattern has the same order or the other; one for all has none."""
    stack = spoiled(many["diffraction"], mask)
    masks = [mask] if mask.ndim == 2 else [mask, np.moveaxis(mask, 0, -1)]
    for stored in masks:
        scan = read_scan(write({**hwn({**many, "diffraction": stack}), "mask": stored}))
        np.testing.assert_array_equal(scan.mask, mask)
        np.testing.assert_array_equal(scan.diffraction, np.where(mask, many["diffraction"], 0))


@pytest.mark.parametrize("order", ["nhw", "hwn"])
def test_a_mask_of_bad_values_decides_the_axes_where_n_equals_h(write, square, order):
    """Only in one order are all values that count finite."""
    mask = np.random.default_rng(0).random((64, 64)) > 0.1
    arrays = {**square, "diffraction": np.where(mask, square["diffraction"], np.nan)}
    scan = read_scan(write({**(arrays if order == "nhw" else hwn(arrays)), "mask": mask}))
    np.testing.assert_array_equal(scan.diffraction, np.where(mask, square["diffraction"], 0))
    assert "by the mask" in scan.transformations[-1]


def test_a_scan_index_that_was_never_filled_in_is_left_out(write, many):
    """All zeros, as PtychoPINN and ptychodus write it; the fixture's index points into the file."""
    path = write({**many, "scan_index": np.zeros(100, dtype=np.int64)})
    scan = read_scan(path)
    assert scan.scan_index is None
    assert scan.transformations == ("scan_index: left out, 0 for every position",)
    assert len(np.unique(scan.take(np.arange(16)).scan_index)) == 16


def test_a_raw_scan_needs_a_reconstruction_first(write, many):
    """Without object and probe nothing can be renamed: the error says what a fixture needs."""
    raw = {key: many[key] for key in ("diffraction", "xcoords", "ycoords")}
    with pytest.raises(UnreadableError, match="reconstruct the scan first"):
        read_scan(write(raw))


def test_a_file_of_another_kind_is_refused_with_the_keys_of_a_scan(tmp_path):
    """The message names the kind, a command that converts it, and the keys that a scan has."""
    (tmp_path / "scan.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(UnreadableError) as refusal:
        read_scan(tmp_path / "scan.h5")
    assert refusal.value.found == "an HDF5 file"
    assert "h5py" in refusal.value.remedy
    assert "diffraction, objectGuess, probeGuess, xcoords, ycoords" in refusal.value.remedy
