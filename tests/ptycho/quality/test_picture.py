"""Pictures show objects on one scale."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.quality import picture

Image = pytest.importorskip("PIL.Image", reason="pillow, which draws, is not installed")


@pytest.fixture
def scene():
    """An object with a bright square of another phase, and where it is lit."""
    obj = np.ones((40, 50), complex)
    obj[10:20, 10:20] = 2 * np.exp(1j)
    mask = np.zeros(obj.shape, bool)
    mask[5:35, 5:45] = True
    return obj, mask


def test_picture_has_a_column_an_object_and_both_rows(tmp_path, scene):
    """The file is a .png of the expected size, amplitude above phase."""
    obj, mask = scene
    picture.write_picture(tmp_path / "a.png", {"one": obj, "two": obj, "three": obj}, mask)
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        assert image.size == (3 * (2 * 50 + 8) + 8, 2 * (2 * 40 + 8 + 16) + 8)


@pytest.mark.parametrize("kind", ["amplitude", "phase"])
def test_first_object_sets_the_scale(scene, kind):
    """A weaker copy is shown darker, and a flat object as one grey, whatever its own range."""
    obj, mask = scene
    panels = picture._panels({"one": obj, "flat": np.ones_like(obj)}, mask, kind)
    inside = panels["one"][12:18, 12:18]
    outside = panels["one"][25:30, 25:30]
    assert inside.min() > outside.max()
    assert np.ptp(panels["flat"][mask]) == 0


def test_global_phase_does_not_show(scene):
    """Objects that differ by a global phase give the same panel."""
    obj, mask = scene
    panels = picture._panels({"one": obj, "turned": obj * np.exp(2.5j)}, mask, "phase")
    assert np.abs(panels["one"].astype(int) - panels["turned"].astype(int)).max() <= 1


def test_unlit_part_is_dimmed(scene):
    """Outside the mask contrast is low: nothing there was measured."""
    obj, mask = scene
    obj[0, 0] = 100
    panel = picture._panels({"one": obj}, mask, "amplitude")["one"]
    assert panel[12, 12] == 255
    assert panel[0, 0] < 170
