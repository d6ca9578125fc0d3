"""A word is a path, an address or a DOI, or one error says that it is none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.publishing.fetching.origin import Address, Doi, parse_origin

DOI = "10.5281/zenodo.1234567"


@pytest.mark.parametrize(
    "word", [f"doi:{DOI}", f"DOI:{DOI}", DOI, f"https://doi.org/{DOI}", f"http://dx.doi.org/{DOI}"]
)
def test_all_spellings_of_a_doi_are_one(word):
    assert parse_origin(word) == Doi(DOI)
    assert parse_origin(word).shown == f"doi:{DOI}"


def test_a_doi_may_have_the_name_of_a_file():
    origin = parse_origin(f"doi:{DOI}/golden.zip")
    assert origin == Doi(DOI, "golden.zip")
    assert origin.shown == f"doi:{DOI}/golden.zip"


def test_a_doi_of_a_dataverse_has_more_parts():
    assert parse_origin("doi:10.7910/DVN/ABCDEF") == Doi("10.7910/DVN/ABCDEF")
    assert parse_origin("doi:10.7910/DVN/ABCDEF/a.zip") == Doi("10.7910/DVN/ABCDEF", "a.zip")


def test_an_address_is_shown_without_its_query():
    origin = parse_origin("https://example.org/a.zip?token=secret#part")
    assert origin == Address("https://example.org/a.zip?token=secret#part")
    assert origin.shown == "https://example.org/a.zip"


def test_a_path_is_one_that_exists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("10.1234").mkdir()
    Path("10.1234/crate").mkdir()
    assert parse_origin("10.1234/crate") == Path("10.1234/crate")
    assert parse_origin(str(tmp_path)) == tmp_path


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("golden.zip", "no such file or directory"),
        ("minimal_v1", "no such file or directory"),
        ("", "no such file or directory"),
        ("doi:zenodo.1", "a DOI that is not valid"),
        ("doi:10.5281/", "a DOI that is not valid"),
        ("doi:10.5281/a//b", "a DOI that is not valid"),
        ("doi:10.5281/a?b", "a DOI that is not valid"),
        ("ftp://example.org/a.zip", "an address of another kind"),
        ("file:///etc/passwd", "an address of another kind"),
        ("s3://bucket/a.zip", "an address of another kind"),
        ("https://", "an address that is not valid"),
        ("https://exa mple.org/a", "an address that is not valid"),
        ("http://[::1/a", "an address that is not valid"),
        ("https://example.org/a\nb", "an address that is not valid"),
    ],
)
def test_what_is_none_of_them_is_refused(tmp_path, monkeypatch, word, found):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=found) as caught:
        parse_origin(word)
    assert "doi:10.5281/zenodo.1234567" in caught.value.remedy


def test_a_password_in_an_address_is_refused_and_not_shown():
    with pytest.raises(UsageError, match="name or a password") as caught:
        parse_origin("https://me:secret@example.org/a.zip")
    assert "secret" not in str(caught.value)
    assert "netrc" in caught.value.remedy
