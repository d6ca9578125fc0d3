"""A publication is the same from a path, an address or a DOI, and has the digest that somebody asked for."""

from __future__ import annotations

import zipfile

import pytest
from loopback_archive import DOI, reroute, serving
from published_waves import PATHS, repack

from harness.core.errors import RefusedError, UnreadableError, UsageError
from harness.core.publishing.fetching.fetch import fetched
from harness.core.storage.digest import sha256_file

pytest.importorskip("pooch", reason="DOIs and addresses need the extra fetch")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "unpacked"
    made.mkdir()
    return made


@pytest.fixture
def server(monkeypatch):
    with serving() as made:
        reroute(monkeypatch, made)
        yield made


@pytest.mark.parametrize("form", ["archive", "directory", "address", "doi"])
def test_a_publication_is_the_same_wherever_it_comes_from(archive, folder, server, tmp_path, form):
    digest = sha256_file(archive)
    source, origin = str(archive), f"an archive {digest}"
    if form == "directory":
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(tmp_path / "crate")
        digest = sha256_file(tmp_path / "crate/SHA256SUMS")
        source, origin = str(tmp_path / "crate"), f"a directory with SHA256SUMS {digest}"
    elif form == "address":
        source = server.file("example.org/waves.zip", archive.read_bytes()) + "?token=secret"
        origin = f"https://example.org/waves.zip, {digest}"
    elif form == "doi":
        server.deposit({"waves.zip": archive.read_bytes()})
        source, origin = f"https://doi.org/{DOI}", f"doi:{DOI}, {digest}"
    found = fetched(source, folder, digest=digest)
    assert tuple(found.published.files) == PATHS
    assert found.origin == origin


def test_an_archive_that_was_packed_again_in_a_directory_is_the_same(archive, folder, tmp_path):
    again = repack(archive, tmp_path / "again.zip", prefix="waves-1.2/", changes={})
    assert tuple(fetched(str(again), folder).published.files) == PATHS


@pytest.mark.parametrize("form", ["archive", "address"])
def test_an_archive_with_another_digest_is_refused(archive, folder, server, form):
    source = str(archive) if form == "archive" else server.file("example.org/a", archive.read_bytes())
    with pytest.raises(RefusedError, match="expected sha256:0000") as caught:
        fetched(source, folder, digest="0" * 64)
    assert "Nothing was changed" in caught.value.remedy


@pytest.mark.parametrize("digest", ["", "md5:0", "0" * 63, "xxh128:" + "0" * 32])
def test_what_is_not_a_digest_is_refused(archive, folder, digest):
    with pytest.raises(UsageError, match="--sha256"):
        fetched(str(archive), folder, digest=digest)


def test_a_page_in_place_of_a_file_is_named_by_its_address(folder, server):
    source = server.redirect("example.org/waves.zip", "https://elsewhere.org/login")
    server.file("elsewhere.org/login", b"<!DOCTYPE html><html>Please log in</html>")
    with pytest.raises(UnreadableError, match=r"https://example\.org/waves\.zip: .* found an HTML page"):
        fetched(source, folder)


def test_a_directory_without_sums_is_refused(folder, tmp_path):
    with pytest.raises(UnreadableError, match="no SHA256SUMS in it"):
        fetched(str(tmp_path), folder)
    with pytest.raises(RefusedError, match="no SHA256SUMS"):
        fetched(str(tmp_path), folder, digest="0" * 64)
