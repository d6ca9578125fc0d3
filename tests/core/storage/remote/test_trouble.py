"""Words about failures hold no credentials, whatever libraries and servers put into theirs."""

from __future__ import annotations

import pytest

from harness.core.storage.remote.trouble import (
    Absent,
    Cancelled,
    Trouble,
    content_type,
    scrubbed,
    shown_address,
    status_text,
)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a/b", "https://host/a/b"),
        ("https://user:secret@host:8443/a", "https://host:8443/a"),
        ("https://token@host/a", "https://host/a"),
        ("https://host/a?X-Amz-Signature=secret&X-Amz-Credential=secret", "https://host/a"),
        ("https://host/a#access_token=secret", "https://host/a"),
        ("s3://key:secret@bucket/prefix", "s3://bucket/prefix"),
        ("https://[broken", "an address that cannot be read"),
        ("https://host/\x1b[31m", "https://host/\\x1b[31m"),
    ],
)
def test_addresses_are_shown_without_credentials(url, shown):
    assert shown_address(url) == shown


def test_errors_of_libraries_are_scrubbed(monkeypatch):
    """Addresses in them, and values of variables and settings whose names say that they are secret."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_token")
    error = OSError(5, "at https://me:pw@host/x?sig=abc\n  with wJalrXUtnFEMI and ghp_token")
    assert scrubbed(error) == "OSError: [Errno 5] at https://host/x with *** and ***"


def test_settings_of_fsspec_are_secret(monkeypatch):
    config = pytest.importorskip("fsspec.config", reason="the extra stores is not installed")
    monkeypatch.setitem(
        config.conf, "s3", {"secret": "open sesame", "client_kwargs": {"password": "xyzzyx"}, "anon": False}
    )
    assert scrubbed(ValueError("open sesame, xyzzyx")) == "ValueError: ***, ***"


def test_errors_without_words_have_a_name():
    assert scrubbed(ConnectionResetError()) == "ConnectionResetError"
    assert len(scrubbed(ValueError("x" * 10_000))) < 400


@pytest.mark.parametrize(
    ("status", "text"), [(404, "404 Not Found"), (503, "503 Service Unavailable"), (599, "status 599")]
)
def test_a_status_has_its_usual_phrase(status, text):
    assert status_text(status) == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("text/html; charset=utf-8", "text/html"),
        (None, "unknown type"),
        ("secret", "unknown type"),
        ("a/b\x1b", "unknown type"),
    ],
)
def test_a_content_type_is_shown_without_parameters(text, kind):
    assert content_type(text) == kind


def test_what_may_pass():
    assert Trouble("busy").again
    assert not Absent("none").again
    assert not Cancelled().again
