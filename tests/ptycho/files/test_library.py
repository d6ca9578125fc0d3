"""All formats together: which one a file is of, and what becomes of a content on the way to another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from harness.core.errors import RefusedError, UnreadableError, UsageError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.files import library
from harness.ptycho.files.content import Content
from harness.ptycho.files.geometry import Geometry
from harness.ptycho.files.library import (
    DATA_FILES,
    Options,
    all_formats,
    arrays_of,
    convert,
    find_format,
    read_content,
    read_scan,
)
from harness.ptycho.scan.contract import violations
from harness.ptycho.scan.contract_form import contract_form
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate

NAMES = [form.name for form in all_formats()]
WRITTEN = [form.name for form in all_formats() if form.write is not None]
NONE = Options()


def the_format(name):
    return next(form for form in all_formats() if form.name == name)


@pytest.fixture(scope="module")
def sound():
    """A small dataset that meets the contract: not square, and with as many positions as nothing else."""
    return contract_form(simulate(positions=25, detector=32, step=6.0).arrays())[0]


@pytest.fixture
def scan(tmp_path, sound):
    path = tmp_path / "scan.npz"
    write_archive(path, sound)
    return path


def content_of(sound) -> Content:
    return Content(
        diffraction=sound["diffraction"],
        object=sound["objectGuess"][np.newaxis],
        probe=sound["probeGuess"][np.newaxis],
        x=sound["xcoords"],
        y=sound["ycoords"],
        scan_index=np.arange(25),
        geometry=Geometry(object_pixel=(1e-8, 1e-8)),
    )


def test_names_are_unique_and_can_be_typed():
    assert len(set(NAMES)) == len(NAMES)
    assert all(name == name.lower() and " " not in name for name in NAMES)


def test_a_suffix_means_at_most_one_format():
    """`harness convert scan.cxi scan.npz` must not depend on the order of a list."""
    suffixes = [suffix for form in all_formats() for suffix in form.suffixes]
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_is_recognised_by_its_content_under_any_name(tmp_path, sound, name):
    """Whatever is written as one format is read as that one, and no other claims it."""
    form = the_format(name)
    path = tmp_path / "anything.dat"
    form.write(path, content_of(sound))
    assert find_format(path).name == name


@pytest.mark.parametrize("name", WRITTEN)
def test_a_dataset_comes_back_from_every_format(tmp_path, scan, sound, name):
    """What the format holds is there again, and the coordinates to a billionth of a pixel."""
    form = the_format(name)
    made = convert(scan, tmp_path / "there", to=name, options=NONE)
    _, back = read_content(tmp_path / "there", NONE)
    for part in ("x", "y"):
        if part in form.holds:
            found, expected = getattr(back, part), sound[f"{part}coords"]
            if "object" not in form.holds:  # without a canvas they have no origin
                found, expected = found - found.min(), expected - expected.min()
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
            assert made.changed.get(part, 0) < 1e-9
    for part in sorted(content_of(sound).parts() - form.holds - {"geometry.object_pixel", "scan_index"}):
        assert any(line.startswith(f"{part}: ") for line in made.lost), part


@pytest.mark.parametrize("name", [form.name for form in all_formats() if form.canonical])
def test_canonical_formats_keep_the_contract(tmp_path, sound, name):
    """Whatever was read: amplitudes below 10, each array in its dtype; what was done is listed."""
    raw = {
        **sound,
        "diffraction": sound["diffraction"].astype("f8") * 64,
        "probeGuess": sound["probeGuess"] * 64,
    }
    np.savez(tmp_path / "raw.npz", **raw)
    made = convert(tmp_path / "raw.npz", tmp_path / "there", to=name, options=NONE)
    assert any("scaled by 2**-" in note for note in made.transformations)
    _, back = read_content(tmp_path / "there", NONE)
    assert not violations(arrays_of(back))


def test_a_canonical_archive_is_left_to_the_core(scan):
    """So that `harness check` shows what is in it, not what a reader makes of it."""
    assert DATA_FILES.format_of(scan) is None
    assert find_format(scan).name == "npz"


def test_a_scan_is_read_from_any_format_with_its_source(tmp_path, scan, sound):
    convert(scan, tmp_path / "scan.h5", to="h5", options=NONE)
    read = read_scan(tmp_path / "scan.h5", NONE)
    assert read.source.name == "scan.h5"
    assert Dataset.of(read.arrays()).residuals().residual < 0.1
    np.testing.assert_array_equal(read.x, sound["xcoords"])


def test_read_gives_what_checks_take(tmp_path, scan, sound):
    convert(scan, tmp_path / "scan.h5", to="h5", options=NONE)
    found = DATA_FILES.read(tmp_path / "scan.h5")
    assert not violations(found.arrays)
    np.testing.assert_array_equal(found.arrays["diffraction"], sound["diffraction"])


def test_what_is_not_read_is_among_the_notes(tmp_path, monkeypatch):
    form = replace(the_format("npz"), name="other", recognise=lambda _: True)
    form = replace(form, read=lambda *_: Content(x=np.zeros(3), left_out=("spectra",)))
    monkeypatch.setattr(library, "find_format", lambda _: form)
    assert DATA_FILES.read(Path("any")).notes == ("spectra: left out",)


def test_a_format_that_nothing_recognises_names_what_it_is_instead(tmp_path):
    (tmp_path / "table.npz").write_text("x, y\n1, 2\n")
    with pytest.raises(UnreadableError, match="found a text file"):
        read_content(tmp_path / "table.npz", NONE)
    with pytest.raises(UnreadableError, match="found no such file"):
        read_content(tmp_path / "missing", NONE)
    with pytest.raises(UnreadableError, match="found a directory of other files"):
        read_content(tmp_path, NONE)
    with pytest.raises(UnreadableError, match="found something that is not a regular file"):
        read_content("/dev/null", NONE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(axes="wnh"), "axes: expected nhw or hwn"),
        (Options(step=0.0), "--step: expected a number above 0, found 0"),
        (Options(step=float("nan")), "--step: expected a number above 0, found nan"),
        (Options(pixel_size=-1e-8), "--pixel-size: expected a number above 0"),
        (Options(pixel_size=float("inf")), "--pixel-size: expected a number above 0"),
        (Options(rotation=float("nan")), "--rotation: expected an angle in degrees, found nan"),
        (Options(step=6.0), "--step has no meaning for scan.npz, canonical data"),
        (Options(rotation=0.0), "--rotation has no meaning for scan.npz, canonical data"),
        (Options(reduce=("all",)), "--reduce: expected one of modes, layers, mask, found all"),
    ],
)
def test_options_out_of_range_are_refused(scan, options, message):
    with pytest.raises(UsageError, match=message):
        read_content(scan, options)


def test_an_option_that_no_reader_looks_at_is_refused(tmp_path, sound):
    """Nobody should believe that it had an effect."""
    the_format("cxi").write(tmp_path / "scan.cxi", content_of(sound))
    for options in (Options(axes="nhw"), Options(step=6.0), Options(rotation=90.0)):
        with pytest.raises(UsageError, match=r"has no meaning for scan.cxi, a CXI file. Leave it out"):
            read_content(tmp_path / "scan.cxi", options)


def test_another_pixel_size_than_the_files_is_refused(tmp_path, sound):
    the_format("cxi").write(tmp_path / "scan.cxi", content_of(sound))
    assert read_content(tmp_path / "scan.cxi", Options(pixel_size=1e-8 * (1 + 1e-9)))[1].x is not None
    with pytest.raises(
        UsageError, match=r"--pixel-size: expected the size that scan.cxi has, 1e-08 x 1e-08 m"
    ):
        read_content(tmp_path / "scan.cxi", Options(pixel_size=2e-8))


def test_a_pixel_size_is_taken_where_the_file_has_none(scan, tmp_path):
    _, content = read_content(scan, Options(pixel_size=2e-8))
    assert content.geometry.object_pixel == (2e-8, 2e-8)


def test_the_format_to_write_is_the_suffixs_or_the_named_one(scan, tmp_path):
    assert convert(scan, tmp_path / "a.h5", to=None, options=NONE).target == the_format("h5").title
    assert convert(scan, tmp_path / "b.h5", to="npz", options=NONE).target == the_format("npz").title
    with pytest.raises(UsageError, match=r"--to: expected one of .*, found nonsense"):
        convert(scan, tmp_path / "c.h5", to="nonsense", options=NONE)
    with pytest.raises(UsageError, match=r"a suffix that means one format, found '.xyz'"):
        convert(scan, tmp_path / "c.xyz", to=None, options=NONE)
    assert not list(tmp_path.glob("*c.*"))


def test_several_modes_are_refused_by_a_format_that_holds_one(tmp_path, scan, sound, monkeypatch):
    """And carried by one that holds them; reduced only when asked, with what is lost."""
    two = np.stack([sound["probeGuess"], sound["probeGuess"] / 2])
    the_format("ptychodus-product").write(tmp_path / "two.h5", replace(content_of(sound), probe=two))
    with pytest.raises(RefusedError, match=r"two.h5: modes: expected one mode of the probe, found 2"):
        DATA_FILES.read(tmp_path / "two.h5")
    narrow = replace(the_format("npz"), holds=the_format("npz").holds - {"probe.modes"})
    monkeypatch.setattr(library, "_format_to_write", lambda *_: narrow)
    with pytest.raises(RefusedError, match="--reduce modes"):
        convert(tmp_path / "two.h5", tmp_path / "one.npz", to=None, options=NONE)
    made = convert(tmp_path / "two.h5", tmp_path / "one.npz", to=None, options=Options(reduce=("modes",)))
    assert "probeGuess: mode 1 of 2 kept, with 80.0 % of the light" in made.transformations
    assert read_archive(tmp_path / "one.npz")["probeGuess"].shape == (32, 32)


def test_every_kind_of_file_has_a_list(monkeypatch):
    """A kind without formats is a file that nothing recognises, not an error of ours."""
    monkeypatch.setattr(library, "MODULES", MappingProxyType({"zip": ()}))
    assert all_formats() == ()
