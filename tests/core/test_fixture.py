"""A fixture: arrays and the manifest that describes exactly them, frozen."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from harness.core.archive import write_archive
from harness.core.errors import UnreadableError, UsageError
from harness.core.fixture import read_fixture, require_described, write_fixture
from harness.core.manifest import Generator, describe_arrays, set_digest


def test_the_manifest_describes_the_arrays(made, arrays):
    fixture = made()
    assert fixture.name == "lattice"
    assert fixture.manifest.arrays == describe_arrays(arrays)
    assert fixture.manifest.digest == set_digest(fixture.manifest.arrays)
    require_described("lattice.npz", fixture.arrays, fixture.manifest)


def test_a_fixture_is_frozen_and_its_arrays_are_copies(made, arrays):
    """What the generator does with its arrays afterwards does not reach the fixture, nor do its users."""
    fixture = made("lattice", arrays)
    arrays["image"][0, 0] = 7
    assert fixture.arrays["image"][0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        fixture.arrays["image"][0, 0] = 7
    with pytest.raises(TypeError):
        fixture.arrays["image"] = arrays["image"]
    with pytest.raises(FrozenInstanceError):
        fixture.arrays = arrays


def test_a_fixture_is_read_as_it_was_written(tmp_path, made):
    fixture = made()
    archive, manifest = write_fixture(fixture, tmp_path / "new" / "folder")
    assert (archive.name, manifest.name) == ("lattice.npz", "lattice.json")
    again = read_fixture(archive)
    assert again.manifest == fixture.manifest
    assert all(np.array_equal(again.arrays[name], fixture.arrays[name]) for name in fixture.arrays)
    with pytest.raises(ValueError, match="read-only"):
        again.arrays["image"][0, 0] = 7


def test_the_same_arrays_in_another_order_are_the_same_files(tmp_path, made, arrays, contents):
    write_fixture(made("lattice", arrays), tmp_path / "one")
    write_fixture(made("lattice", dict(reversed(arrays.items()))), tmp_path / "other")
    assert contents(tmp_path / "one") == contents(tmp_path / "other")
    assert list(contents(tmp_path / "one")) == ["lattice.json", "lattice.npz"]


@pytest.mark.parametrize("name", ["", ".", "a/b", "../a", "a.network", "a b", "-a", "a\n", "Å"])
def test_names_that_are_no_file_names_are_refused(made, name):
    """A dot too: it would make a fixture's manifest look like a baseline of another fixture."""
    with pytest.raises(UsageError, match="a name of letters, digits, _ and -"):
        made(name)


@pytest.mark.parametrize(
    "parts",
    [
        {"checks": {"residual": float("nan")}},
        {"generator": Generator("example:lattice", 1, {"dose": float("inf")})},
        {"generator": Generator("example:lattice", 1, {"mask": np.zeros(3)})},
        {"arrays": {"odd": np.array([{}])}},
        {"arrays": {"odd": np.zeros(2, np.longdouble)}},
    ],
)
def test_what_no_file_can_hold_is_refused_before_there_is_a_fixture(made, parts):
    with pytest.raises(UsageError):
        made("lattice", **parts)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda arrays: arrays | {"image": arrays["image"] + 1}, "image"),
        (lambda arrays: arrays | {"extra": arrays["image"]}, "extra"),
        (lambda arrays: arrays | {"index": arrays["index"].astype("i4")}, "index"),
        (lambda arrays: {"image": arrays["image"]}, "index, phase"),
    ],
)
def test_arrays_that_the_manifest_does_not_describe_are_refused_by_name(
    tmp_path, made, arrays, change, named
):
    archive, _ = write_fixture(made(), tmp_path)
    write_archive(archive, change(arrays))
    with pytest.raises(UnreadableError, match=f"others in {named}") as caught:
        read_fixture(archive)
    assert caught.value.thing == str(archive)


def test_a_manifest_whose_digests_do_not_agree_is_refused(tmp_path, made):
    """Each array's digest is right and the digest of all is not: somebody edited it."""
    fixture = made()
    archive, manifest = write_fixture(fixture, tmp_path)
    text = manifest.read_text("utf-8")
    manifest.write_text(text.replace(fixture.manifest.digest, "xxh128:" + "0" * 32), "utf-8")
    with pytest.raises(UnreadableError, match="the digest of all"):
        read_fixture(archive)


def test_half_a_fixture_is_refused(tmp_path, made):
    for missing in (0, 1):
        paths = write_fixture(made(), tmp_path)
        paths[missing].unlink()
        with pytest.raises(UnreadableError, match=paths[missing].name):
            read_fixture(paths[0])


def test_a_failed_writing_leaves_what_was_there(tmp_path, made, contents, monkeypatch):
    write_fixture(made(), tmp_path)
    before = contents(tmp_path)

    def full(path, arrays):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.core.fixture.write_archive", full)
    with pytest.raises(OSError, match="No space"):
        write_fixture(made("lattice", {"a": np.zeros(3)}), tmp_path)
    assert contents(tmp_path) == before
