"""A publication is downloaded from a real server, or one error says what arrived in its place."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys

import pytest
from loopback_archive import DOI, reroute, serving

from harness.core.errors import DependencyError, RefusedError, UnreadableError
from harness.core.publishing.fetching import download as module
from harness.core.publishing.fetching.download import download
from harness.core.publishing.fetching.origin import Address, Doi

pytest.importorskip("pooch", reason="DOIs and addresses need the extra fetch")

DATA = bytes(range(256)) * 1000
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()


@pytest.fixture
def server(monkeypatch):
    with serving() as made:
        reroute(monkeypatch, made)
        yield made


def got(origin, tmp_path, timeout=10.0):
    return download(origin, tmp_path, timeout=timeout).read_bytes()


def refused(origin, tmp_path, kind, match, timeout=10.0):
    """An error of *kind*, which names the origin and says that nothing was changed."""
    with pytest.raises(kind, match=match) as caught:
        download(origin, tmp_path, timeout=timeout)
    assert "Nothing was changed" in str(caught.value)
    return str(caught.value)


def test_a_doi_leads_to_the_only_archive_of_its_record(server, tmp_path):
    server.deposit({"waves.zip": DATA, "README.md": b"read me"})
    assert got(Doi(DOI), tmp_path) == DATA


@pytest.mark.parametrize("doi", [DOI, DOI.upper().replace("ZENODO", "Zenodo"), "10.5281/zenodo.41"])
def test_a_doi_is_that_of_a_version_or_of_all_versions(server, tmp_path, doi):
    server.deposit({"waves.zip": DATA})
    server.redirect(f"doi.org/{doi}", "https://zenodo.org/records/42")
    assert got(Doi(doi), tmp_path) == DATA


def test_a_doi_of_figshare(server, tmp_path):
    server.redirect("doi.org/10.6084/m9.figshare.7", "https://figshare.com/articles/7")
    server.file("figshare.com/articles/7", b"<html>")
    server.file("api.figshare.com/v2/articles", json.dumps([{"id": 7}]).encode())
    listed = {"name": "waves.zip", "computed_md5": MD5, "download_url": "https://figshare.com/files/1"}
    server.file("api.figshare.com/v2/articles/7", json.dumps({"files": [listed]}).encode())
    server.file("figshare.com/files/1", DATA)
    assert got(Doi("10.6084/m9.figshare.7"), tmp_path) == DATA


def test_a_doi_of_a_dataverse(server, tmp_path):
    server.redirect("doi.org/10.7910/DVN/ABC", "https://elsewhere.org/dataset.xhtml")
    server.file("elsewhere.org/dataset.xhtml", b"<html>")
    listed = {"dataFile": {"filename": "waves.zip", "md5": MD5, "id": 3}}
    answer = {"data": {"latestVersion": {"files": [listed]}}}
    server.file("elsewhere.org/api/datasets/:persistentId", json.dumps(answer).encode())
    server.file("elsewhere.org/api/access/datafile/3", DATA)
    assert got(Doi("10.7910/DVN/ABC"), tmp_path) == DATA


def test_one_of_several_archives_is_named(server, tmp_path):
    server.deposit({"a.zip": b"a", "b.zip": DATA})
    assert got(Doi(DOI, "b.zip"), tmp_path) == DATA
    with pytest.raises(UnreadableError, match=r"has 2 \.zip files; it has a\.zip, b\.zip"):
        download(Doi(DOI), tmp_path, timeout=10.0)


@pytest.mark.parametrize(
    ("files", "wanted", "found"),
    [
        ({"data.csv": b"1"}, "", r"no \.zip file"),
        ({"a.zip": b"1"}, "b.zip", r"no b\.zip"),
        ({}, "", "no files"),
    ],
)
def test_a_record_without_the_archive_is_refused(server, tmp_path, files, wanted, found):
    server.deposit(files)
    with pytest.raises(UnreadableError, match=found):
        download(Doi(DOI, wanted), tmp_path, timeout=10.0)


def test_a_doi_that_nobody_knows_is_refused(server, tmp_path):
    refused(Doi("10.5281/zenodo.43"), tmp_path, UnreadableError, "404 Not Found")


def test_a_doi_that_leads_to_another_record_is_refused(server, tmp_path):
    server.deposit({"waves.zip": DATA}, doi="10.5281/zenodo.77")
    refused(Doi(DOI), tmp_path, RefusedError, r"led to the record of 10\.5281/zenodo\.77")


def test_a_doi_of_a_journal_is_refused(server, tmp_path):
    server.redirect(f"doi.org/{DOI}", "https://example.org/article")
    server.file("example.org/article", b"<html>")
    refused(Doi(DOI), tmp_path, UnreadableError, "does not lead to a record with files")


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"[]", b"{}", b'{"files": 1}', b'{"files": [{"key": "a.zip"}]}']
)
def test_an_answer_of_another_form_is_refused(server, tmp_path, answer):
    server.deposit({"waves.zip": DATA})
    server.file("zenodo.org/api/records/42", answer)
    refused(
        Doi(DOI), tmp_path, UnreadableError, "does not lead to a record with files|could not be downloaded"
    )


def test_a_file_with_another_checksum_than_its_record_is_refused(server, tmp_path):
    server.deposit({"waves.zip": DATA}, checksum="md5:" + "0" * 32)
    refused(Doi(DOI), tmp_path, RefusedError, "what arrived has md5:")


def test_an_address_is_downloaded_as_it_is(server, tmp_path):
    assert got(Address(server.file("example.org/waves.zip", DATA)), tmp_path) == DATA


def test_a_redirect_to_another_host_is_followed(server, tmp_path):
    server.file("elsewhere.org/store", DATA)
    origin = Address(server.redirect("example.org/waves.zip", "https://elsewhere.org/store"))
    assert got(origin, tmp_path) == DATA


@pytest.mark.parametrize(
    "target", ["http://elsewhere.org/store", "ftp://elsewhere.org/store", "file:///etc/passwd"]
)
def test_a_redirect_from_https_to_something_else_is_refused(server, tmp_path, target):
    server.file("elsewhere.org/store", DATA)
    origin = Address(server.redirect("example.org/waves.zip", target))
    refused(origin, tmp_path, RefusedError, f"a redirect to {target.partition(':')[0]}:")
    assert "elsewhere.org/store" not in server.asked


def test_redirects_without_an_end_are_refused(server, tmp_path):
    origin = Address(server.redirect("example.org/a", "https://example.org/a"))
    refused(origin, tmp_path, UnreadableError, "redirects without an end")


def test_a_server_that_does_not_answer_is_left(server, tmp_path):
    server.answers["example.org/a"] = lambda _: server.stop.wait(20)
    refused(
        Address("https://example.org/a"), tmp_path, UnreadableError, r"no answer within 0\.3 s", timeout=0.3
    )


def test_a_server_that_stops_in_the_middle_is_left(server, tmp_path):
    def stalls(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(DATA)))
        handler.end_headers()
        handler.wfile.write(DATA[:1000])
        server.stop.wait(20)

    server.answers["example.org/a"] = stalls
    said = refused(
        Address("https://example.org/a"),
        tmp_path,
        UnreadableError,
        r"no further bytes within 0\.3 s",
        timeout=0.3,
    )
    assert "--timeout" in said


@pytest.mark.parametrize("length", [{"Content-Length": str(len(DATA))}, {}])
def test_a_server_that_sends_single_bytes_is_left(server, tmp_path, length):
    """Each byte comes within the time limit, and all of them would take hours."""

    def trickles(handler):
        handler.send_response(200)
        for name, value in length.items():
            handler.send_header(name, value)
        handler.end_headers()
        try:
            while not server.stop.wait(0.02):
                handler.wfile.write(b"x")
        except OSError:  # the other side has left
            pass

    server.answers["example.org/a"] = trickles
    said = "fewer than 16384 bytes within 1 s"
    refused(Address("https://example.org/a"), tmp_path, UnreadableError, said, timeout=0.5)


def test_an_answer_that_ends_early_is_refused(server, tmp_path):
    def ends(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(DATA)))
        handler.end_headers()
        handler.wfile.write(DATA[:1000])

    server.answers["example.org/a"] = ends
    refused(Address("https://example.org/a"), tmp_path, UnreadableError, "an answer that ended early")


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 500, 503])
def test_an_error_of_the_server_is_reported(server, tmp_path, status):
    server.answers["example.org/a"] = status, {}, b""
    refused(Address("https://example.org/a"), tmp_path, UnreadableError, f"could not be downloaded: {status}")


def test_a_host_that_is_not_there_is_reported(server, tmp_path):
    refused(Address("https://nowhere.invalid/a"), tmp_path, UnreadableError, "no such host, or no network")


def test_a_refused_connection_is_reported(server, tmp_path):
    refused(Address("http://127.0.0.1:9/a"), tmp_path, UnreadableError, "a refused connection")


def test_an_answer_without_an_end_stops_at_the_limit(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1 << 20)

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while not server.stop.is_set():
                handler.wfile.write(DATA)
        except OSError:  # the other side has left
            pass

    server.answers["example.org/a"] = endless
    refused(Address("https://example.org/a"), tmp_path, RefusedError, "at most 1048576 bytes")
    assert (tmp_path / "download.zip").stat().st_size <= 1 << 20


def test_a_compressed_answer_is_refused(server, tmp_path):
    """Nothing is decompressed on the way, so that a small answer cannot become a large file."""
    server.answers["example.org/a"] = 200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(1 << 20))
    refused(Address("https://example.org/a"), tmp_path, RefusedError, r"compressed on the way \(gzip\)")
    assert (tmp_path / "download.zip").stat().st_size == 0


def test_a_query_is_sent_and_not_shown(server, tmp_path):
    with pytest.raises(UnreadableError) as caught:
        download(Address("https://example.org/a?token=secret"), tmp_path, timeout=10.0)
    assert "secret" not in str(caught.value)


def test_the_extra_is_named_if_pooch_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DependencyError, match=r"pip install 'golden-harness\[fetch\]'"):
        download(Address("https://example.org/a"), tmp_path, timeout=10.0)
