"""Both forms of PtychoPINN's archives keep the contract, and are told apart by content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from canonical_harms import harmed
from contract import FormatContract, Sizes, made, only

from harness.core.errors import RefusedError
from harness.ptycho.files.format import Reading
from harness.ptycho.files.ptychopinn import EXPORTED, OWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Archives(FormatContract):
    needs = frozenset({"diffraction", "object", "probe", "x", "y"})

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        for name, arrays in harmed(dict(np.load(path)), "diff3d").items():
            np.savez(folder / f"{name}.npz", **arrays)
            yield folder / f"{name}.npz"


class TestExported(Archives):
    """Intensities, half a pixel less, several modes, pixels that are bad."""

    format = EXPORTED
    reference = "harness.ptycho.files.ptychopinn:EXPORTED"
    exact = False
    changes = (
        "diffraction: float64 intensity -> float64 amplitude (square root), by the forward model: residual",
        "x, y: half a pixel added",
        "bad_pixels: inverted and renamed to mask",
        "xcoords_start, ycoords_start: left out, equal to xcoords, ycoords",
        "scan_index: left out, 0 for every position",
    )


class TestOwn(Archives):
    """Amplitudes, the last axis for the patterns."""

    format = OWN
    reference = "harness.ptycho.files.ptychopinn:OWN"
    changes = (
        "diffraction: axes (H, W, N) -> (N, H, W), by the number of positions",
        "diff3d: renamed to diffraction",
    )


@pytest.fixture
def content():
    """A scan of 16 patterns of 16 x 16 that every form can hold."""
    size = Sizes(positions=16, height=16, width=16, modes=1, layers=1, mask="one")
    return only(made(size), EXPORTED.holds)


@pytest.fixture
def archive(tmp_path, content):
    """Return a function that writes the scan in one form, with changes, and returns what is read."""

    def read(form, **changes):
        form.write(tmp_path / "written", content)
        arrays = dict(np.load(tmp_path / "written")) | changes
        np.savez(tmp_path / "scan.npz", **{key: array for key, array in arrays.items() if array is not None})
        return form.read(tmp_path / "scan.npz", Reading())

    return read


def test_positions_of_ptychodus_are_half_a_pixel_less(tmp_path, content):
    """Its first pixel is 0 in the middle."""
    EXPORTED.write(tmp_path / "scan", content)
    arrays = np.load(tmp_path / "scan")
    np.testing.assert_array_equal(arrays["xcoords"], content.x - 0.5)
    np.testing.assert_allclose(arrays["diff3d"], content.diffraction.astype(float) ** 2)
    assert arrays["probeGuess"].shape == (1, 16, 16)
    assert not arrays["scan_index"].any()


@pytest.mark.parametrize("form", [EXPORTED, OWN])
@pytest.mark.parametrize("power", [1, 2])
def test_the_forward_model_decides_what_values_are(archive, content, form, power):
    """Whatever the form says; both residuals are recorded."""
    axes = (0, -1) if form is OWN else (0, 0)
    read = archive(form, diff3d=np.moveaxis(content.diffraction.astype(float) ** power, *axes))
    np.testing.assert_allclose(read.diffraction, content.diffraction, rtol=1e-6)
    if power == 2 or form is EXPORTED:
        assert ", by the forward model: residual " in read.transformations[-1]


@pytest.mark.parametrize("form", [EXPORTED, OWN])
def test_without_an_object_the_form_decides(archive, content, form):
    """Nothing is predicted."""
    read = archive(form, objectGuess=None)
    np.testing.assert_allclose(read.diffraction, content.diffraction, rtol=1e-6)
    assert not any("forward model" in note for note in read.transformations)
    assert any("square root" in note for note in read.transformations) == (form is EXPORTED)
    assert read.object is None


def test_counts_are_intensities(archive, content):
    """Whole numbers, too, go by the forward model, in float64; without an object they are counts."""
    counts = np.rint(content.diffraction.astype(float) ** 2 * 1000).astype(np.uint32)
    read = archive(OWN, diff3d=np.moveaxis(counts, 0, -1))
    np.testing.assert_array_equal(read.diffraction, np.sqrt(counts))
    read = archive(OWN, diff3d=np.moveaxis(counts, 0, -1), objectGuess=None)
    np.testing.assert_array_equal(read.diffraction, np.sqrt(counts))
    assert read.transformations[-1] == "diffraction: uint32 intensity -> float64 amplitude (square root)"


def test_an_axis_order_may_be_given(archive, content, tmp_path):
    """Where shapes allow both and nothing is explained."""
    shuffled = content.diffraction[np.random.default_rng(0).permutation(16)]
    with pytest.raises(RefusedError, match="--axes"):
        archive(OWN, diff3d=shuffled)
    read = OWN.read(tmp_path / "scan.npz", Reading(axes="nhw"))
    np.testing.assert_array_equal(read.diffraction, shuffled)


def test_one_form_has_bad_pixels(tmp_path, content):
    for form, other in ((EXPORTED, OWN), (OWN, EXPORTED)):
        form.write(tmp_path / form.name, content)
        assert form.recognise(tmp_path / form.name)
        assert not other.recognise(tmp_path / form.name)
