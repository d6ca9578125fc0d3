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
        "metadata: left out",
        "diffraction: axes (H, W, N) -> (N, H, W), by the number of positions",
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
