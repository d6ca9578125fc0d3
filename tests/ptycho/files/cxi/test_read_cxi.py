"""CXI files of other programs: units, signs, masks, links, and what is missing."""

import numpy as np
import pytest
from hdf5_harms import h5py

from harness.core.errors import RefusedError, UnreadableError
from harness.ptycho.files.cxi.cxi import FORMAT
from harness.ptycho.files.format import Reading
from harness.ptycho.files.geometry import ELECTRONVOLT

N, H, W = 5, 6, 8
SHIFTS = np.random.default_rng(0).uniform(-3e-6, 3e-6, (N, 3)) * [1, 1, 0]
COUNTS = np.random.default_rng(1).integers(0, 1000, (N, H, W), "u2")
SOURCE, DETECTOR = "entry_1/instrument_1/source_1", "entry_1/instrument_1/detector_1"
TRANSLATION = "entry_1/sample_1/geometry_1/translation"
RAW = {
    f"{SOURCE}/energy": 8000 * ELECTRONVOLT,
    f"{DETECTOR}/distance": 2.0,
    f"{DETECTOR}/x_pixel_size": 7.5e-5,
    f"{DETECTOR}/y_pixel_size": 5e-5,
    f"{DETECTOR}/data": COUNTS,
    TRANSLATION: SHIFTS,
}
PIXEL_X = 1.549802e-10 * 2.0 / (W * 7.5e-5)
PIXEL_Y = 1.549802e-10 * 2.0 / (H * 5e-5)


def written(path, **changes):
    """Write a raw file; None leaves a dataset out, and keys are the last parts of paths."""
    values = dict(RAW)
    for name, value in changes.items():
        key = next((key for key in RAW if key.endswith(f"/{name}")), f"{DETECTOR}/{name}")
        values[key] = value
    with h5py.File(path, "w") as new:
        new["cxi_version"] = 160
        for key, value in values.items():
            if value is not None:
                new[key] = value
    return path


def read(path):
    return FORMAT.read(path, Reading())


def moved(values):
    """Return values from their smallest on."""
    return values - values.min()


def test_lengths_give_the_pixel_of_the_object(tmp_path):
    """That is dx = wavelength * distance / (W * pixel), with the energy in joules."""
    content = read(written(tmp_path / "raw.cxi"))
    assert content.object is None
    assert content.probe is None
    np.testing.assert_allclose(content.geometry.object_pixel, (PIXEL_Y, PIXEL_X), rtol=1e-6)
    np.testing.assert_allclose(content.geometry.wavelength, 1.549802e-10, rtol=1e-6)
    np.testing.assert_array_equal(content.diffraction, np.sqrt(COUNTS.astype(float)))


def test_x_goes_to_columns_and_y_to_rows(tmp_path):
    """The first window begins at the edge of the smallest canvas."""
    content = read(written(tmp_path / "raw.cxi"))
    np.testing.assert_allclose(moved(content.x), moved(SHIFTS[:, 0]) / PIXEL_X, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(moved(content.y), moved(SHIFTS[:, 1]) / PIXEL_Y, rtol=1e-6, atol=1e-6)
    assert content.x.min() == pytest.approx(W / 2)
    assert content.y.min() == pytest.approx(H / 2)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("basis", "moves"),
    [
        ([(0, -5e-5, 0), (-7.5e-5, 0, 0)], (SHIFTS[:, 1], SHIFTS[:, 0])),  # what is meant without a basis
        ([(0, 5e-5, 0), (-7.5e-5, 0, 0)], (-SHIFTS[:, 1], SHIFTS[:, 0])),
        ([(0, -5e-5, 0), (7.5e-5, 0, 0)], (SHIFTS[:, 1], -SHIFTS[:, 0])),
        ([(-5e-5, 0, 0), (0, -7.5e-5, 0)], (SHIFTS[:, 0], SHIFTS[:, 1])),  # a detector turned by 90 degrees
        ([(0, -3e-5, 4e-5), (-7.5e-5, 0, 0)], (0.6 * SHIFTS[:, 1], SHIFTS[:, 0])),  # and a tilted one
    ],
)
def test_the_basis_of_the_detector_says_where_axes_go(tmp_path, basis, moves, transposed):
    """Stored as (2, 3) or (3, 2); its lengths are those of a pixel."""
    y, x = moves
    stored = np.array(basis).T if transposed else np.array(basis)
    content = read(written(tmp_path / "raw.cxi", basis_vectors=stored))
    np.testing.assert_allclose(content.geometry.detector_pixel, (5e-5, 7.5e-5), rtol=1e-12)
    np.testing.assert_allclose(moved(content.y), moved(y) / PIXEL_Y, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(moved(content.x), moved(x) / PIXEL_X, rtol=1e-6, atol=1e-6)
    is_default = np.array_equal(y, SHIFTS[:, 1]) and np.array_equal(x, SHIFTS[:, 0])
    assert any("basis_vectors" in note for note in content.transformations) is not is_default


def test_a_wavelength_stands_for_the_energy(tmp_path):
    with h5py.File(written(tmp_path / "raw.cxi", energy=None), "r+") as opened:
        opened[f"{SOURCE}/wavelength"] = np.float32(1e-10)
    assert read(tmp_path / "raw.cxi").geometry.wavelength == pytest.approx(1e-10)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("energy", 8000.0, "an energy in joules, found 8000"),
        ("energy", -1e-15, "greater than 0"),
        ("energy", np.nan, "greater than 0"),
        ("distance", 0.0, "greater than 0"),
        ("distance", np.array([1.0, 2.0]), "greater than 0, found shape"),
        ("basis_vectors", np.eye(3), r"shape \(2, 3\) or \(3, 2\)"),
        ("basis_vectors", np.ones((2, 3)), "vectors in two directions"),
        ("translation", SHIFTS[1:], "5 positions, like patterns, found 4"),
        ("translation", SHIFTS[:, :1], r"shape \(N, 3\)"),
        ("translation", SHIFTS * np.nan, "15 NaN or infinite"),
        ("data", COUNTS[0], r"patterns \(N, H, W\)"),
        ("data", COUNTS * 1j, r"patterns \(N, H, W\)"),
        ("mask", np.zeros((H, W)), r"bits \(H, W\)"),
        ("mask", np.ones((W, H), "u4"), "a mask of shape"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, name, value, message):
    with pytest.raises(RefusedError, match=message):
        read(written(tmp_path / "raw.cxi", **{name: value}))


def test_a_wavelength_in_another_unit_is_refused(tmp_path):
    with h5py.File(written(tmp_path / "raw.cxi"), "r+") as opened:
        opened[f"{SOURCE}/wavelength"] = 1.24
    with pytest.raises(RefusedError, match=r"a wavelength in metres, found 1\.24"):
        read(tmp_path / "raw.cxi")


def test_a_mask_has_bits_of_which_one_is_no_fault(tmp_path):
    """0x1000 says that there is signal; any other bit makes a pixel bad, alone or with it."""
    mask = np.zeros((H, W), np.uint32)
    mask[0, :4] = [0x1, 0x1000, 0x1001, 0x200]
    content = read(written(tmp_path / "raw.cxi", mask=mask))
    assert content.mask[0, :4].tolist() == [False, True, False, False]
    assert content.mask[1:].all()
    assert (content.diffraction[:, ~content.mask] == 0).all()


def test_a_mask_without_a_bad_pixel_is_none(tmp_path):
    assert read(written(tmp_path / "raw.cxi", mask=np.full((H, W), 0x1000, np.uint32))).mask is None


def test_each_pattern_may_have_a_mask(tmp_path):
    mask = np.zeros((N, H, W), np.uint32)
    mask[2, 1, 1] = 1
    assert read(written(tmp_path / "raw.cxi", mask=mask)).mask.shape == (N, H, W)


def test_links_that_cxi_files_have_are_followed(tmp_path):
    """data_1/data is a link to the detector's, and comes first."""
    with h5py.File(written(tmp_path / "raw.cxi"), "r+") as opened:
        opened["entry_1/data_1/data"] = h5py.SoftLink(f"/{DETECTOR}/data")
        opened["entry_1/data_1/translation"] = h5py.SoftLink(f"/{TRANSLATION}")
        opened.move(f"{DETECTOR}/data", f"{DETECTOR}/frames")
        opened[f"{DETECTOR}/data"] = h5py.SoftLink("frames")
    assert read(tmp_path / "raw.cxi").diffraction.shape == (N, H, W)


def test_a_corner_gives_the_distance(tmp_path):
    """As far from the detector's plane, whatever its direction."""
    basis = np.array([[0, -5e-5, 0], [-7.5e-5, 0, 0]])
    path = written(tmp_path / "raw.cxi", distance=None, basis_vectors=basis, corner_position=[0.1, 0.2, -2.0])
    assert read(path).geometry.distance == pytest.approx(2.0)


def test_one_pixel_size_is_enough(tmp_path):
    assert read(written(tmp_path / "raw.cxi", y_pixel_size=None)).geometry.detector_pixel == (7.5e-5, 7.5e-5)


def test_without_lengths_patterns_are_read_and_positions_left_out(tmp_path):
    """What can be said of them is said."""
    content = read(written(tmp_path / "raw.cxi", energy=None))
    assert content.diffraction is not None
    assert content.x is None
    assert any("translation: in metres, but" in line for line in content.left_out)


def test_an_illumination_is_a_probe(tmp_path):
    probe = np.ones((H, W), np.complex64)
    with h5py.File(written(tmp_path / "raw.cxi"), "r+") as opened:
        opened[f"{SOURCE}/illumination"] = probe
    np.testing.assert_array_equal(read(tmp_path / "raw.cxi").probe, probe[None])


def test_images_of_other_programs_are_no_reconstruction(tmp_path):
    """Only the extension of ptychodus says which image is what."""
    with h5py.File(written(tmp_path / "raw.cxi"), "r+") as opened:
        opened["entry_1/image_1/data"] = opened["entry_1/image_2/data"] = np.ones((3, H, W), np.complex64)
    content = read(tmp_path / "raw.cxi")
    assert content.probe is None
    assert content.object is None


def test_patterns_follow_the_indexes_of_a_reconstruction(tmp_path):
    """In a file of both, ptychodus's positions say which row of the patterns is theirs."""
    with h5py.File(written(tmp_path / "both.cxi", translation=SHIFTS[:3]), "r+") as opened:
        opened["entry_1/ptychodus/probe_position_indexes"] = [4, 0, 2]
    content = read(tmp_path / "both.cxi")
    np.testing.assert_array_equal(content.diffraction, np.sqrt(COUNTS[[4, 0, 2]].astype(float)))
    assert content.scan_index.tolist() == [4, 0, 2]


@pytest.mark.parametrize("index", [[4, 0, 5], [-1, 0, 1], [1, 1, 2]])
def test_indexes_without_a_pattern_are_refused(tmp_path, index):
    with h5py.File(written(tmp_path / "both.cxi", translation=SHIFTS[:3]), "r+") as opened:
        opened["entry_1/ptychodus/probe_position_indexes"] = index
    with pytest.raises(RefusedError, match="indexes of 5 patterns, each once at most"):
        read(tmp_path / "both.cxi")


def test_what_else_is_there_is_listed(tmp_path):
    with h5py.File(written(tmp_path / "raw.cxi", data_dark=COUNTS), "r+") as opened:
        opened.create_group("entry_2")
        opened["entry_1/data_1/intensities"] = np.ones(N)
    assert set(read(tmp_path / "raw.cxi").left_out) == {
        f"{DETECTOR}/data_dark: not part of a scan",
        "entry_1/data_1/intensities: not part of a scan",
        "entry_2: only the first entry is read",
    }


def test_a_file_of_nothing_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.cxi", "w") as new:
        new.create_group("entry_1/instrument_1")
    assert FORMAT.recognise(tmp_path / "a.cxi")
    with pytest.raises(RefusedError, match="patterns, a probe or an object, found none of them"):
        read(tmp_path / "a.cxi")


def test_a_group_in_the_place_of_a_dataset_is_refused(tmp_path):
    with h5py.File(written(tmp_path / "raw.cxi", mask=None), "r+") as opened:
        opened.create_group(f"{DETECTOR}/mask")
    with pytest.raises(UnreadableError, match="found a group"):
        read(tmp_path / "raw.cxi")
