"""A new file: whole or not there, read back, and never over another."""

from dataclasses import replace

import numpy as np
import pytest

from harness.core.errors import RefusedError, UnwritableError, UsageError
from harness.ptycho.files.content import Content
from harness.ptycho.files.format import Format, Written
from harness.ptycho.files.write import changes, write_new

CONTENT = Content(x=np.array([1.0, 2.0]), y=np.array([3.0, 4.0]))


def save(path, content):
    np.savetxt(path, np.stack([content.x, content.y]))
    return Written(assumed=("a pixel size",))


def load(path, _):
    x, y = np.loadtxt(path)
    return Content(x=x, y=y)


TEXT = Format(
    name="text",
    title="a text file",
    holds=frozenset({"x", "y"}),
    recognise=lambda _: True,
    read=load,
    write=save,
)


def test_a_file_is_written_and_read_back(tmp_path):
    written, changed = write_new(tmp_path / "scan.txt", TEXT, CONTENT)
    assert written.assumed == ("a pixel size",)
    assert changed == {}
    assert [path.name for path in tmp_path.iterdir()] == ["scan.txt"]


def test_what_a_writer_breaks_is_seen_when_it_is_read_back(tmp_path):
    """Half a pixel, which a residual may not show."""
    shifted = replace(TEXT, read=lambda path, _: Content(x=load(path, _).x + 0.5, y=load(path, _).y))
    assert write_new(tmp_path / "scan.txt", shifted, CONTENT)[1] == {"x": 0.5}


def refuse(path, content):
    path.write_text("half")
    raise RefusedError("probe", expected="one", found="none", remedy="Add it.")


def fill_the_disk(path, content):
    path.write_text("half")
    raise OSError(28, "No space left on device")


def half_a_folder(path, content):
    path.mkdir()
    (path / "half").write_text("half")
    raise RefusedError("probe", expected="one", found="none", remedy="Add it.")


@pytest.mark.parametrize(
    ("write", "error"),
    [(refuse, RefusedError), (fill_the_disk, UnwritableError), (half_a_folder, RefusedError)],
)
def test_nothing_is_left_of_a_file_that_was_refused(tmp_path, write, error):
    with pytest.raises(error):
        write_new(tmp_path / "scan.txt", replace(TEXT, write=write), CONTENT)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "scan.txt").write_text("mine")
    with pytest.raises(UsageError, match="expected the name of a new file"):
        write_new(tmp_path / "scan.txt", TEXT, CONTENT)
    (tmp_path / "link.txt").symlink_to("nowhere")
    with pytest.raises(UsageError, match="expected the name of a new file"):
        write_new(tmp_path / "link.txt", TEXT, CONTENT)
    assert (tmp_path / "scan.txt").read_text() == "mine"


def test_a_missing_directory_and_a_format_that_is_only_read(tmp_path):
    with pytest.raises(UsageError, match="no directory"):
        write_new(tmp_path / "none" / "scan.txt", TEXT, CONTENT)
    with pytest.raises(UsageError, match="only read"):
        write_new(tmp_path / "scan.txt", replace(TEXT, write=None), CONTENT)


def test_differences_are_in_pixels_or_relative():
    """Rounding to float32 is 1e-7 of the largest value; a coordinate's error is in pixels."""
    one = Content(x=np.array([1.0]), diffraction=np.full((1, 2, 2), 1000.0))
    other = Content(x=np.array([1.25]), diffraction=np.full((1, 2, 2), 1001.0))
    form = replace(TEXT, holds=frozenset({"x", "diffraction"}))
    assert changes(one, other, form) == {"x": 0.25, "diffraction": 0.001}


def test_another_shape_or_nothing_is_an_endless_difference():
    form = replace(TEXT, holds=frozenset({"x", "y"}))
    assert changes(CONTENT, Content(x=np.zeros(3)), form) == {"x": np.inf, "y": np.inf}


def test_what_a_format_does_not_hold_is_not_compared():
    assert changes(CONTENT, Content(), replace(TEXT, holds=frozenset())) == {}


def test_without_the_object_coordinates_have_no_origin():
    """A format that does not hold it gives them on another canvas."""
    one = Content(x=np.array([9.0, 11.0]), object=np.ones((1, 20, 20)))
    other = Content(x=np.array([2.0, 4.25]))
    form = replace(TEXT, holds=frozenset({"x"}))
    assert changes(one, other, form) == {"x": 0.25}
