"""What is read from a publication was compared with its list of sums, or one error says why nothing is."""

from __future__ import annotations

import os
import stat
import struct
import zipfile

import pytest
from published_waves import contents, repack, with_sums

from harness.core.errors import HarnessError, RefusedError, UnreadableError, UsageError
from harness.core.publishing.fetching.unpack import unpack

GOOD = with_sums({"golden/a.txt": b"golden", "README.md": b"read me"})
SUMS = "SHA256SUMS"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "unpacked"
    made.mkdir()
    return made


def zipped(path, members, *, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def written(top, members):
    for name, data in members.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)
    return top


def refused(path, folder, kind=UnreadableError, match="."):
    """An error of *kind*; only what was compared before was copied."""
    with pytest.raises(kind, match=match) as caught:
        unpack(path, folder, "waves.zip")
    assert isinstance(caught.value, HarnessError)


@pytest.mark.parametrize("prefix", ["", "waves-1.0/", "a/b/"])
def test_an_archive_and_its_directory_have_the_same_files(tmp_path, folder, prefix):
    archive = repack(zipped(tmp_path / "a.zip", GOOD), tmp_path / "b.zip", prefix=prefix, changes={})
    one = unpack(archive, folder, "waves.zip")
    assert one.names == {"golden/a.txt", "README.md"}
    assert contents(folder) == {name: data for name, data in GOOD.items() if name != SUMS}
    (tmp_path / "other").mkdir()
    assert unpack(written(tmp_path / "crate", GOOD), tmp_path / "other", "crate").sums == one.sums


@pytest.mark.parametrize(
    ("changes", "kind", "match"),
    [
        ({"golden/a.txt": b"forged"}, RefusedError, "golden/a.txt: expected sha256:"),
        ({"golden/a.txt": None}, UnreadableError, "no golden/a.txt, which SHA256SUMS lists"),
        ({"golden/b.txt": b"more"}, UnreadableError, "golden/b.txt, which SHA256SUMS does not list"),
        ({SUMS: None}, UnreadableError, "no SHA256SUMS in it"),
        ({SUMS: b""}, UnreadableError, "which SHA256SUMS does not list"),
        ({SUMS: b"not a list\n"}, UnreadableError, "whose line 1 is not a digest and a path"),
        ({SUMS: b"\xff\xfe"}, UnreadableError, "that is not UTF-8"),
        ({SUMS: GOOD[SUMS] * 2}, UnreadableError, "two lines of SHA256SUMS about README.md"),
        ({SUMS: bytes(1 << 24 | 1)}, UnreadableError, "a SHA256SUMS of 16777217 bytes"),
    ],
)
@pytest.mark.parametrize("form", ["archive", "directory"])
def test_a_file_that_is_not_the_listed_one_is_refused(tmp_path, changes, kind, match, form):
    folder = tmp_path / "unpacked"
    folder.mkdir()
    archive = repack(zipped(tmp_path / "a.zip", GOOD), tmp_path / "b.zip", changes=changes)
    if form == "directory":
        with zipfile.ZipFile(archive) as opened:
            archive = written(tmp_path / "crate", {name: opened.read(name) for name in opened.namelist()})
    refused(archive, folder, kind, match)


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "C:/evil", "a\\..\\evil", "a//b", "./a"]
)
def test_a_path_out_of_the_directory_is_refused(tmp_path, folder, name):
    archive = zipped(tmp_path / "a.zip", with_sums({name: b"evil", "README.md": b""}))
    refused(archive, folder, HarnessError)
    assert contents(folder) == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "unpacked"]


def test_names_that_some_systems_do_not_distinguish_are_refused(tmp_path, folder):
    members = with_sums({"golden/a.txt": b"1", "golden/A.txt": b"2"})
    refused(zipped(tmp_path / "a.zip", members), folder, UsageError, "differ only by case")


def test_a_member_that_is_there_twice_is_refused(tmp_path, folder):
    path = zipped(tmp_path / "a.zip", GOOD)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("golden/a.txt", b"golden")
    refused(path, folder, match="two members named 'golden/a.txt'")


@pytest.mark.parametrize(
    ("mode", "match"),
    [
        (stat.S_IFLNK, "a symbolic link"),
        (stat.S_IFIFO, "not a plain file"),
        (stat.S_IFCHR, "not a plain file"),
    ],
)
def test_a_member_that_is_no_plain_file_is_refused(tmp_path, folder, mode, match):
    path = zipped(tmp_path / "a.zip", GOOD)
    info = zipfile.ZipInfo("golden/link")
    info.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, "/etc/passwd")
    refused(path, folder, match=match)


@pytest.mark.parametrize("where", ["file", "directory"])
def test_a_link_in_a_directory_is_refused(tmp_path, folder, where):
    crate = written(tmp_path / "crate", GOOD)
    if where == "file":
        (crate / "golden/a.txt").rename(tmp_path / "a.txt")
        (crate / "golden/a.txt").symlink_to(tmp_path / "a.txt")
    else:
        (crate / "golden").rename(tmp_path / "golden")
        (crate / "golden").symlink_to(tmp_path / "golden")
    refused(crate, folder, match="a symbolic link")


def test_a_pipe_in_a_directory_is_refused(tmp_path, folder):
    crate = written(tmp_path / "crate", GOOD)
    os.mkfifo(crate / "golden/pipe")
    refused(crate, folder, match="golden/pipe, which is not a plain file")


def test_an_archive_that_would_grow_a_thousand_times_is_refused(tmp_path, folder, monkeypatch):
    monkeypatch.setattr("harness.core.publishing.fetching.unpack.MAX_INFLATED", 1 << 20)
    members = with_sums({"golden/a.txt": bytes(1 << 24), "README.md": b""})
    path = zipped(tmp_path / "a.zip", members, method=zipfile.ZIP_DEFLATED)
    refused(path, folder, RefusedError, r"at most 100 times its size")
    assert contents(folder) == {}


def test_a_member_with_another_size_than_it_claims_is_refused(tmp_path, folder):
    """The directory of the archive claims less than the member has."""
    path = zipped(tmp_path / "a.zip", GOOD, method=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\1\2")
    struct.pack_into("<L", data, start + 24, 3)
    path.write_bytes(data)
    refused(path, folder)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, folder, method):
    refused(zipped(tmp_path / "a.zip", GOOD, method=method), folder, match="compressed by method")


def test_an_encrypted_member_is_refused(tmp_path, folder):
    path = zipped(tmp_path / "a.zip", GOOD)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    refused(path, folder, match="encrypted")


def test_an_archive_that_ends_early_is_refused_wherever_it_ends(tmp_path, folder):
    data = zipped(tmp_path / "a.zip", GOOD).read_bytes()
    for number, end in enumerate(range(0, len(data), 7)):
        (tmp_path / "b.zip").write_bytes(data[:end])
        (folder / str(number)).mkdir()
        refused(tmp_path / "b.zip", folder / str(number))


def test_an_archive_with_changed_bytes_is_never_taken_for_another(tmp_path, folder):
    """Whatever byte is changed: an error, or the same files."""
    data = zipped(tmp_path / "a.zip", GOOD).read_bytes()
    for number in range(0, len(data), 3):
        changed = bytearray(data)
        changed[number] ^= 0x41
        (tmp_path / "b.zip").write_bytes(changed)
        place = folder / str(number)
        place.mkdir()
        try:
            unpack(tmp_path / "b.zip", place, "b.zip")
        except HarnessError:
            continue
        assert contents(place) == {name: text for name, text in GOOD.items() if name != SUMS}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>Please log in</html>", "an HTML page"),
        (b"\x1f\x8b" + bytes(40), "a gzip archive"),
        (b"\x80\x04K\x01.", "a pickle"),
        (b"x, y\n1, 2\n", "a text file"),
        (bytes(range(256)), "not a zip archive"),
    ],
)
def test_what_is_there_in_place_of_an_archive_is_named(tmp_path, folder, data, found):
    (tmp_path / "a.zip").write_bytes(data)
    refused(
        tmp_path / "a.zip",
        folder,
        match=f"waves.zip: expected a directory or .zip archive .* found .*{found}",
    )


def test_files_outside_of_the_directory_of_the_list_are_refused(tmp_path, folder):
    path = repack(zipped(tmp_path / "a.zip", GOOD), tmp_path / "b.zip", prefix="waves/", changes={})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("evil.txt", b"")
    refused(path, folder, match="'evil.txt' outside of waves/")
