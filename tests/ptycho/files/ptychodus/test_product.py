"""Products of ptychodus: what every format promises, and what is theirs."""

import numpy as np
import pytest
from contract import FormatContract, Sizes, made, only
from hdf5_harms import changed, harmed

from harness.core.errors import HarnessError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.files.content import LAYERS, MODES, Content
from harness.ptycho.files.format import Reading
from harness.ptycho.files.ptychodus import product

INDEX, X = "probe_position_indexes", "probe_position_x_m"


class ProductContract(FormatContract):
    needs = frozenset({"object", "probe", "x", "y"})
    always = frozenset({"scan_index"})
    changes = ("probe: axes (variations, modes, H, W)", "x, y: metres", f"{INDEX}: renamed")


class TestProductHdf5(ProductContract):
    format = product.HDF5
    reference = "harness.ptycho.files.ptychodus.product:HDF5"

    def harms(self, path, folder):
        yield from harmed(path, folder, "probe", INDEX, X)


class TestProductNpz(ProductContract):
    format = product.NPZ
    reference = "harness.ptycho.files.ptychodus.product:NPZ"

    def harms(self, path, folder):
        arrays = read_archive(path)
        for number, change in enumerate(
            [
                {X: arrays[X][:-1]},
                {X: np.where(arrays[X] == arrays[X][0], np.nan, arrays[X])},
                {INDEX: np.zeros_like(arrays[INDEX])},
                {INDEX: arrays[INDEX].astype(float)},
                {"object": arrays["object"].astype(str)},
                {"object_pixel_width_m": np.array(0.0)},
                {"object_pixel_width_m": np.array([1.0, 2.0])},
                {"photon_energy_eV": np.array(np.inf)},
                {"probe": arrays["probe"][None]},
            ]
        ):
            target = folder / f"changed {number}.npz"
            write_archive(target, {**arrays, **change})
            yield target


@pytest.fixture
def file(tmp_path):
    """A product as HDF5, of one mode and layer, and its content."""
    content = only(made(Sizes(modes=1, layers=1)), product.HOLDS - {MODES, LAYERS})
    product.HDF5.write(tmp_path / "product.h5", content)
    return tmp_path / "product.h5", content


def read(path) -> Content:
    return product.HDF5.read(path, Reading())


def test_the_center_of_the_object_is_the_center_of_its_canvas(tmp_path):
    """A position at the centre in metres is at M/2 pixels, for even and odd M alike."""
    for rows, columns in ((30, 41), (31, 40)):
        content = Content(
            object=np.ones((1, rows, columns), np.complex64),
            probe=np.ones((1, 8, 8), np.complex64),
            x=np.array([columns / 2, columns / 2 + 1]),
            y=np.array([rows / 2, rows / 2 - 2]),
        )
        path = tmp_path / f"{rows}.h5"
        product.HDF5.write(path, content)
        with changed(path, tmp_path / f"copy {rows}") as stored:
            pixel = stored["object"].attrs["pixel_width_m"]
            np.testing.assert_allclose(stored[X][()] / pixel, [0, 1], atol=1e-12)
            np.testing.assert_allclose(stored["probe_position_y_m"][()] / pixel, [0, -2], atol=1e-12)


def test_lengths_that_a_product_needs_are_assumed_aloud(tmp_path):
    bare = Content(
        object=np.ones((1, 30, 30), np.complex64),
        probe=np.ones((1, 8, 8)),
        x=np.array([9.0]),
        y=np.array([9.0]),
    )
    written = product.HDF5.write(tmp_path / "bare.h5", bare)
    assert written.assumed == (
        "wavelength: 1.5498e-10 m",
        "distance: 0.75 m",
        "detector pixel: 7.5e-05 m",
        "object pixel: 1.9373e-07 m, which follows",
        "scan_index: counted from 0",
    )


def test_only_the_first_variation_of_a_probe_is_read(file, tmp_path):
    path, content = file
    with changed(path, tmp_path / "more") as stored:
        probe = stored["probe"][()]
        attributes = dict(stored["probe"].attrs)
        del stored["probe"]
        stored["probe"] = np.concatenate([probe, 2 * probe, 3 * probe])
        stored["probe"].attrs.update(attributes)
        stored["opr_weights"] = np.ones((len(content.x), 3))
    back = read(tmp_path / "more")
    np.testing.assert_array_equal(back.probe, content.probe)
    assert any("2 variations along the scan left out" in note for note in back.transformations)
    assert back.left_out == ("opr_weights: not part of a scan",)


def test_the_older_name_of_the_energy_is_read(file, tmp_path):
    path, _ = file
    with changed(path, tmp_path / "old") as stored:
        stored.attrs["probe_energy_eV"] = stored.attrs["photon_energy_eV"]
        del stored.attrs["photon_energy_eV"]
    assert read(tmp_path / "old").geometry == read(path).geometry


def test_a_near_field_is_noted(file, tmp_path):
    with changed(file[0], tmp_path / "near") as stored:
        stored.attrs["far_field"] = False
    assert any(note.startswith("far_field: False") for note in read(tmp_path / "near").transformations)


@pytest.mark.parametrize(
    ("key", "name", "value"),
    [
        ("", "photon_energy_eV", -1.0),
        ("", "photon_energy_eV", "8 keV"),
        ("", "photon_energy_eV", b"\xff\xfe"),
        ("", "detector_object_distance_m", [1.0, 2.0]),
        ("", "detector_object_distance_m", np.zeros((90, 90))),
        ("object", "pixel_width_m", 0.0),
        ("object", "pixel_width_m", np.nan),
        ("object", "center_x_m", np.inf),
    ],
)
def test_attributes_that_are_not_numbers_are_refused(file, tmp_path, key, name, value):
    with changed(file[0], tmp_path / "wrong") as stored:
        (stored[key] if key else stored).attrs[name] = value
    with pytest.raises(HarnessError) as caught:
        read(tmp_path / "wrong")
    assert name in str(caught.value) or f"object_{name}" in str(caught.value)


@pytest.mark.parametrize("name", ["pixel_width_m", "center_y_m"])
def test_a_missing_attribute_is_refused_by_name(file, tmp_path, name):
    with changed(file[0], tmp_path / "less") as stored:
        del stored["object"].attrs[name]
    with pytest.raises(HarnessError, match=name):
        read(tmp_path / "less")
