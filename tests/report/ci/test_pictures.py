"""Pictures are files with plain names, and few."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import DependencyError, UnwritableError
from harness.core.fixtures.compare import compare_arrays
from harness.report.ci import pictures as module
from harness.report.ci.pictures import Album
from harness.report.drawing import canvas

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")


def draw(album, before, after, path="golden/a.npz", name="image"):
    album.draw(path, compare_arrays(name, before, after), before, after)


def test_an_image_is_drawn_before_and_after_and_what_differs(tmp_path):
    before = np.outer(np.arange(8.0), np.arange(8.0))
    album = Album(tmp_path / "new" / "pictures")
    draw(album, before, before + np.eye(8))
    assert [picture.shows for picture in album.pictures] == ["before", "after", "difference"]
    for picture in album.pictures:
        data = (tmp_path / "new" / "pictures" / picture.file).read_bytes()
        assert data.startswith(b"\x89PNG")
        assert len(data) < 100_000
        assert picture.alt.startswith(f"image, {picture.shows}: ")


def test_a_curve_is_drawn_over_the_other(tmp_path):
    album = Album(tmp_path)
    draw(album, np.sin(np.arange(50)), np.cos(np.arange(50)))
    (picture,) = album.pictures
    assert picture.shows == "before (golden) and after (obtained)"
    assert (tmp_path / picture.file).stat().st_size > 0


def test_numbers_and_text_are_not_drawn(tmp_path):
    album = Album(tmp_path)
    draw(album, np.array(1.0), np.array(2.0))
    draw(album, np.array(["a"]), np.array(["b"]))
    assert (album.pictures, list(tmp_path.iterdir())) == ([], [])


def test_hostile_names_are_plain_file_names(tmp_path):
    album = Album(tmp_path)
    draw(album, np.zeros((4, 4)), np.eye(4), path="../golden/<x>|é.npz", name="a b\n`/..")
    for file in tmp_path.iterdir():
        assert file.parent == tmp_path
        assert set(file.stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")
    assert {picture.file for picture in album.pictures} == {file.name for file in tmp_path.iterdir()}


def test_more_than_a_reviewer_looks_at_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST", 1)
    album = Album(tmp_path)
    for _ in range(3):
        draw(album, np.zeros((4, 4)), np.eye(4))
    assert (album.left_out, len(album.pictures)) == (2, 3)


def test_without_matplotlib_nothing_is_made(tmp_path, monkeypatch):
    """The error of the room that draws comes before anything is compared."""

    def missing():
        raise DependencyError("pictures", expected="matplotlib", found="none", remedy="Install it.")

    monkeypatch.setattr(canvas, "_matplotlib", missing)
    with pytest.raises(DependencyError):
        Album(tmp_path / "pictures")
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnwritableError):
        Album(tmp_path / "file" / "pictures")
