"""What went wrong in one request to a store, in words that hold no credentials."""

from __future__ import annotations

import os
import re
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from harness.core.errors import printable

_MOST_TEXT = 300
_SHORTEST_SECRET = 6
_SECRET_NAME = re.compile(r"secret|token|passw|key|credential|auth|sig", re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
_KIND = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}")


class Trouble(Exception):  # noqa: N818 - an attempt that may be repeated is not yet an error
    """One attempt failed.

    Parameters
    ----------
    found : str
        What the store did, or what arrived.
    again : bool
        Whether another attempt may succeed.
    after : float, optional
        Seconds that the store asks to wait before it.

    Attributes
    ----------
    most_tries : int
        Attempts in all, if patience has more.
    """

    most_tries = 1000

    def __init__(self, found: str, *, again: bool = True, after: float | None = None) -> None:
        super().__init__(found)
        self.found, self.again, self.after = found, again, after


class Unreached(Trouble):
    """Nobody answers there: no network, no such host, a refused connection. Offline, nobody waits long."""

    most_tries = 3


class OtherSize(Trouble):
    """An object of another size; some stores show one while it is being written, but not for long."""

    most_tries = 3


class Absent(Trouble):
    """The store works and does not have the object."""

    def __init__(self, found: str) -> None:
        super().__init__(found, again=False)


class Cancelled(Trouble):
    """Somebody stopped the transfer."""

    def __init__(self) -> None:
        super().__init__("a transfer that was stopped", again=False)


def status_text(status: int) -> str:
    """Return an HTTP status with its usual phrase; a server's own phrase may hold anything.

    >>> status_text(404)
    '404 Not Found'
    """
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"status {status}"


def content_type(text: str | None) -> str:
    """Return the type that a server names, without parameters.

    >>> content_type("text/html; charset=utf-8"), content_type(None)
    ('text/html', 'unknown type')
    """
    plain = (text or "").partition(";")[0].strip()
    return plain if _KIND.fullmatch(plain) else "unknown type"


def shown_address(url: str) -> str:
    """Return an address without user, password, query and fragment: each may hold a credential.

    >>> shown_address("https://me:secret@data.example.org:8443/a/b?X-Amz-Signature=1#t")
    'https://data.example.org:8443/a/b'
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "an address that cannot be read"
    return printable(f"{parts.scheme}://{host}{parts.path}")


def shown_host(text: str) -> str:
    """Return scheme and host of the first address in a text.

    >>> shown_host('Could not connect to the endpoint URL: "http://127.0.0.1:9/bucket/key"')
    'http://127.0.0.1:9'
    """
    match = _ADDRESS.search(text)
    return "/".join(shown_address(match[0]).split("/")[:3]) if match else "its endpoint"


def scrubbed(error: BaseException) -> str:
    """Return the kind and the text of a foreign error, without addresses' credentials and known secrets."""
    text = " ".join(str(error).split())
    text = _ADDRESS.sub(lambda match: shown_address(match[0]), text)
    for secret in _secrets():
        text = text.replace(secret, "***")
    text = printable(text)[:_MOST_TEXT]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _secrets() -> list[str]:
    """Return values of settings that are named as secrets are, longest first."""
    import sys

    found = {value for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    config = sys.modules.get("fsspec.config")
    found.update(_values(getattr(config, "conf", {}), hidden=False))
    return sorted((text for text in found if len(text) >= _SHORTEST_SECRET), key=len, reverse=True)


def _values(settings: Any, *, hidden: bool) -> list[str]:
    if isinstance(settings, dict):
        return [
            text
            for name, value in settings.items()
            for text in _values(value, hidden=hidden or bool(_SECRET_NAME.search(str(name))))
        ]
    return [settings] if hidden and isinstance(settings, str) else []
