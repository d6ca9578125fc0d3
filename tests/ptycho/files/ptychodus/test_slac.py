"""Archives for ptychodus's SLAC_NPZ: what every format promises, and what is theirs."""

from dataclasses import replace

import numpy as np
import pytest
from contract import FormatContract, Sizes, made

from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.files import library
from harness.ptycho.files.format import Reading
from harness.ptycho.files.ptychodus import slac


class TestSlac(FormatContract):
    format = slac.FORMAT
    reference = "harness.ptycho.files.ptychodus.slac:FORMAT"
    exact = False
    needs = frozenset({"diffraction", "object", "probe", "x", "y"})
    changes = (
        "diffraction: axes (H, W, N) -> (N, H, W)",
        "float64 intensity -> float64 amplitude",
        "xcoords_start, ycoords_start: renamed to x, y",
    )
    smallest = Sizes(mask="none")

    def sample(self, size):
        """Patterns in which every pixel counts: there is no mask."""
        return super().sample(replace(size, mask="none"))

    def harms(self, path, folder):
        arrays = read_archive(path)
        for number, change in enumerate(
            [
                {"diffraction": arrays["diffraction"][..., 1:]},
                {"diffraction": arrays["diffraction"][0]},
                {"xcoords_start": arrays["xcoords_start"] * np.nan},
                {"probeGuess": arrays["probeGuess"].astype(str)},
                {"photon_energy_eV": np.array(-1.0)},
                {"detector_pixel_size_m": np.array("75 um")},
            ]
        ):
            target = folder / f"changed {number}.npz"
            write_archive(target, {**arrays, **change})
            yield target

    def test_no_other_format_recognises_it(self, stored):
        """Its names are canonical ones, and more: it is asked first."""
        assert library.find_format(stored) is slac.FORMAT


@pytest.fixture
def square(tmp_path):
    """As many patterns as the detector has rows."""
    content = made(Sizes(positions=12, height=12, width=12, modes=1, layers=1, mask="none"))
    slac.FORMAT.write(tmp_path / "square.npz", content)
    return content, tmp_path / "square.npz"


def test_the_axes_are_not_guessed_where_all_are_alike(square):
    content, path = square
    back = slac.FORMAT.read(path, Reading())
    np.testing.assert_allclose(back.diffraction, content.diffraction, rtol=1e-6)


def test_positions_are_stored_twice_for_the_reader_that_wants_nominal_ones(square):
    content, path = square
    arrays = read_archive(path)
    for axis in "xy":
        np.testing.assert_array_equal(arrays[f"{axis}coords"], getattr(content, axis))
        np.testing.assert_array_equal(arrays[f"{axis}coords_start"], getattr(content, axis))


def test_where_ptychodus_puts_the_scan_is_said(tmp_path):
    """Its reader knows no centre of the object."""
    content = made(Sizes(mask="none"))
    moved = replace(content, x=content.x - content.x.min() + 10, y=content.y - content.y.min() + 10)
    written = slac.FORMAT.write(tmp_path / "a.npz", moved)
    assert any("ptychodus takes the middle of the scan" in line for line in written.lost)
