"""A program gets the fixture in its own format, without the answer."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import UsageError
from harness.ptycho.engines.command.fixture import NEEDED, require_format, write_fixture
from harness.ptycho.files.library import Options, all_formats, read_content
from harness.ptycho.scan.contract_form import contract_form
from harness.ptycho.scan.simulate import simulate

from .conftest import stored

FORMATS = [form.name for form in all_formats() if form.write is not None and form.holds >= NEEDED]


def test_the_canonical_archive_is_the_fixture_without_ground_truth_patches(tmp_path, small):
    patches = np.ones_like(small["diffraction"], dtype=np.complex64)
    path, notes = write_fixture(tmp_path / "new", {**small, "Y": patches}, "npz")
    found = stored(path)
    assert found.keys() == small.keys()
    assert all(np.array_equal(found[key], array) for key, array in small.items())
    assert notes == ()


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "npz"])
def test_every_format_has_the_same_positions(tmp_path, small, name):
    """Half a pixel would be within what metrics see."""
    path, notes = write_fixture(tmp_path / "new", small, name)
    assert list(path.parent.iterdir()) == [path]
    _, content = read_content(path, Options())
    for found, expected in ((content.x, small["xcoords"]), (content.y, small["ycoords"])):
        # Without an object there is no canvas to count from, only distances.
        origin = 0 if content.object is not None else found[0] - expected[0]
        assert np.abs(found - expected - origin).max() < 1e-6
    assert all(note.startswith(f"fixture in {name}: ") for note in notes)


@pytest.mark.parametrize("name", ["tiff", "ptychodus-product", "ptychodus-diffraction", ""])
def test_a_name_that_is_not_of_patterns_with_positions_is_refused_with_those_that_are(name):
    with pytest.raises(UsageError, match=r"expected one of .*npz"):
        require_format("mine", name)


@pytest.mark.parametrize("name", FORMATS)
def test_a_name_of_patterns_with_positions_is_accepted(name):
    require_format("mine", name)


@pytest.mark.parametrize("name", FORMATS)
def test_a_flat_object_and_as_many_patterns_as_pixels_are_no_obstacle(tmp_path, name):
    """No reader could see the order of the axes; the writer knows it."""
    scan = simulate(positions=16, detector=16, step=4.0, photons=1e6)
    arrays, _ = contract_form({**scan.arrays(), "objectGuess": np.ones_like(scan.object)})
    path, _ = write_fixture(tmp_path / "new", arrays, name)
    assert path.exists()
