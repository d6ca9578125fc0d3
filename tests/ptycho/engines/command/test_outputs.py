"""What a program left is read as carefully as any file from elsewhere."""

from __future__ import annotations

import os

import numpy as np
import pytest

from harness.core.errors import HarnessError, RefusedError, UnreadableError
from harness.ptycho.engines.command.outputs import contrast, place_of, read_output, require_not_flat
from harness.ptycho.files.library import Options, all_formats, convert
from harness.ptycho.quality.metrics import illuminated
from harness.ptycho.scan.residual import Dataset

SHAPE = (4, 6)
OBJECT = np.arange(24).reshape(SHAPE) * (1 + 1j)


@pytest.fixture
def read(tmp_path):
    """Write a file, and read it back as the place that the text names."""

    def _read(text="{}/o.npz:object", *, part="object", shape=SHAPE, **arrays):
        if arrays:
            np.savez(tmp_path / "o.npz", **arrays)
        return read_output(part, place_of(text.replace("{}", str(tmp_path))), tmp_path, shape)

    return _read


@pytest.mark.parametrize("axes", [0, 1, 2])
def test_leading_axes_of_length_one_are_dropped(read, axes):
    assert np.array_equal(read(object=OBJECT.reshape((1,) * axes + SHAPE)), OBJECT)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (OBJECT.T, r"an array of shape \(4, 6\), found shape \(6, 4\)"),
        (np.stack([OBJECT, OBJECT]), r"shape \(2, 4, 6\)"),
        (OBJECT.real, "complex values, found float64"),
        (np.where(OBJECT == 0, np.nan, OBJECT), "1 of 24 that are NaN"),
        (np.full(SHAPE, np.inf + 0j), "24 of 24"),
        (np.full(SHAPE, "x"), "complex values, found <U1"),
    ],
)
def test_an_array_that_is_not_usable_is_refused(read, array, found):
    with pytest.raises(RefusedError, match=found):
        read(object=array)


def test_an_array_that_is_not_there_is_refused_with_those_that_are(read):
    with pytest.raises(RefusedError, match="an array 'object', found amplitude, phase"):
        read(amplitude=OBJECT, phase=OBJECT)


def test_objects_that_would_have_to_be_unpickled_are_refused(read):
    with pytest.raises(UnreadableError):
        read(object=np.array([{}], dtype=object))


def test_a_truncated_file_is_refused(read, tmp_path):
    np.savez(tmp_path / "o.npz", object=OBJECT)
    whole = (tmp_path / "o.npz").read_bytes()
    for size in (1, 40, len(whole) // 2, len(whole) - 1):
        (tmp_path / "o.npz").write_bytes(whole[:size])
        with pytest.raises(HarnessError):
            read()


def test_a_file_that_is_missing_empty_or_no_file_is_refused(read, tmp_path):
    with pytest.raises(RefusedError, match="a file, found none"):
        read()
    (tmp_path / "o.npz").touch()
    with pytest.raises(RefusedError, match="found an empty one"):
        read()
    (tmp_path / "o.npz").unlink()
    os.mkfifo(tmp_path / "o.npz")
    with pytest.raises(RefusedError, match="something that is not a file"):
        read()
    (tmp_path / "o.npz").unlink()
    (tmp_path / "o.npz").mkdir()
    with pytest.raises(RefusedError, match=r"an \.npz or HDF5 file"):
        read()


def test_a_link_out_of_the_programs_folder_is_refused(read, tmp_path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "o.npz"
    np.savez(elsewhere, object=OBJECT)
    (tmp_path / "o.npz").symlink_to(elsewhere)
    with pytest.raises(RefusedError, match="a link to a place outside"):
        read()


def test_a_path_out_of_the_programs_folder_is_refused(read, tmp_path):
    np.savez(tmp_path.parent / "o.npz", object=OBJECT)
    with pytest.raises(RefusedError, match="outside of the program's folder"):
        read("{}/../o.npz:object")


def test_an_array_of_an_hdf5_file_is_read_by_its_path(read, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "o.h5", "w") as file:
        file["run/object"] = OBJECT
    assert np.array_equal(read("{}/o.h5:run/object"), OBJECT)
    with pytest.raises(RefusedError, match="an array 'object', found run"):
        read("{}/o.h5:object")
    with pytest.raises(RefusedError, match="an array 'run', found run"):
        read("{}/o.h5:run")


def test_an_external_link_in_an_hdf5_file_is_not_followed(read, tmp_path, tmp_path_factory):
    h5py = pytest.importorskip("h5py")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "o.h5"
    with h5py.File(elsewhere, "w") as file:
        file["object"] = OBJECT
    with h5py.File(tmp_path / "o.h5", "w") as file:
        file["object"] = h5py.ExternalLink(str(elsewhere), "/object")
    with pytest.raises(HarnessError):
        read("{}/o.h5:object")


def test_a_file_of_a_known_format_needs_no_name(read, small):
    assert np.array_equal(read("{}/o.npz", shape=small["objectGuess"].shape, **small), small["objectGuess"])
    probe = read("{}/o.npz", part="probe", shape=small["probeGuess"].shape)
    assert np.array_equal(probe, small["probeGuess"])


def test_a_file_of_a_known_format_without_the_part_is_refused(read, small):
    rest = {key: array for key, array in small.items() if key != "probeGuess"}
    with pytest.raises(HarnessError):
        read("{}/o.npz", part="probe", shape=small["probeGuess"].shape, **rest)


@pytest.mark.parametrize("form", [f for f in all_formats() if f.write and {"object", "probe"} <= f.holds])
def test_every_format_that_holds_object_and_probe_is_read(tmp_path, small, form):
    """As the program's own reader or writer leaves it, found by its content."""
    if form.name == "npz":
        pytest.skip("tested above")
    np.savez(tmp_path / "o.npz", **small)
    convert(tmp_path / "o.npz", tmp_path / "other", to=form.name, options=Options(pixel_size=1e-8))
    for part, key in (("object", "objectGuess"), ("probe", "probeGuess")):
        found = read_output(part, place_of(str(tmp_path / "other")), tmp_path, small[key].shape)
        scale = np.linalg.norm(small[key]) / np.linalg.norm(found)  # some store amplitudes below 10
        assert np.allclose(scale * found, small[key], rtol=1e-5, atol=1e-6)


def test_an_array_alone_is_read_without_a_name(read, tmp_path):
    np.save(tmp_path / "o.npy", OBJECT)
    assert np.array_equal(read("{}/o.npy"), OBJECT)
    whole = (tmp_path / "o.npy").read_bytes()
    (tmp_path / "o.npy").write_bytes(whole[:-1])
    with pytest.raises(RefusedError, match=r"a \.npy file of plain numbers"):
        read("{}/o.npy")
    (tmp_path / "o.npy").write_bytes(whole.replace(b"(4, 6)", b"(4, 6000000000)".replace(b"00000", b"")))
    with pytest.raises(RefusedError):
        read("{}/o.npy")
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object))
    with pytest.raises(RefusedError, match=r"a \.npy file of plain numbers"):
        read("{}/o.npy")


def test_text_is_not_a_result(read, tmp_path):
    (tmp_path / "o.txt").write_text("done")
    with pytest.raises(RefusedError, match="a file of another kind"):
        read("{}/o.txt:object")
    with pytest.raises(UnreadableError):
        read("{}/o.txt")


def test_a_prediction_may_be_complex_or_real(read):
    assert np.array_equal(read(part="diffraction", object=OBJECT), np.abs(OBJECT))
    assert np.array_equal(read(part="diffraction", object=OBJECT.real), OBJECT.real)


@pytest.mark.parametrize(("share", "flat"), [(0.0, True), (0.0099, True), (0.0101, False), (1.0, False)])
def test_an_object_is_flat_below_a_hundredth_of_the_stored_contrast(small, share, flat):
    """Just inside and just outside; its level, and what lies outside the scan, do not matter."""
    data = Dataset.of(small)
    inside = illuminated(data.probe, data.x, data.y, data.object.shape)
    stored = data.object.astype(complex)
    level = stored[inside].mean()
    # About 1, so that the contrast is the share of the stored one: its root mean square is 1, too.
    structure = (stored - level) / np.sqrt(np.mean(np.abs(stored[inside]) ** 2))
    found = np.where(inside, 7 * (1 + share * structure), 50 * stored)
    if flat:
        with pytest.raises(RefusedError, match="a flat one, with a contrast of"):
            require_not_flat(found, data)
    else:
        require_not_flat(found, data)


def test_an_object_of_zeros_is_flat(small):
    assert contrast(np.zeros(4)) == 0
    with pytest.raises(RefusedError, match="a flat one"):
        require_not_flat(np.zeros_like(small["objectGuess"]), Dataset.of(small))
