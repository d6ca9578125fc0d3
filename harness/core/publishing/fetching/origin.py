"""What people name a publication by: a DOI, an address, or a path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from harness.core.errors import UsageError

_DOI = re.compile(r"(10\.[0-9]{4,9}(?:/[^\s/?#]+)+?)(?:/([^\s/?#]+\.zip))?", re.ASCII)
_DOI_PREFIXES = ("doi:", "https://doi.org/", "http://doi.org/", "https://dx.doi.org/", "http://dx.doi.org/")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_EXAMPLES = "a path, an http(s) address, or a DOI such as doi:10.5281/zenodo.1234567"


@dataclass(frozen=True, slots=True)
class Doi:
    """A DOI, and the name of a file of its record, which may be empty."""

    doi: str
    file: str = ""

    @property
    def shown(self) -> str:
        """As records and messages have it."""
        return f"doi:{self.doi}" + (f"/{self.file}" if self.file else "")


@dataclass(frozen=True, slots=True)
class Address:
    """An address on the web."""

    url: str

    @property
    def shown(self) -> str:
        """As records and messages have it: without its query, which may have a key in it."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def parse_origin(source: str) -> Doi | Address | Path:
    """Return what *source* is.

    Raises
    ------
    UsageError
        If it is neither an existing path, nor an address of http or https, nor a DOI.

    Examples
    --------
    >>> parse_origin("doi:10.5281/zenodo.1234567/golden.zip")
    Doi(doi='10.5281/zenodo.1234567', file='golden.zip')
    >>> parse_origin("https://example.org/golden.zip?key=1").shown
    'https://example.org/golden.zip'
    """
    prefix = next((prefix for prefix in _DOI_PREFIXES if source.lower().startswith(prefix)), "")
    if prefix:
        return _doi(source, source[len(prefix) :])
    if source.lower().startswith(("http://", "https://")):
        return _address(source)
    if source and Path(source).exists():
        return Path(source)
    if _DOI.fullmatch(source):
        return _doi(source, source)
    if _SCHEME.match(source) and not Path(source).drive:
        raise _unknown(source, "an address of another kind")
    raise _unknown(source, "no such file or directory")


def _doi(source: str, name: str) -> Doi:
    match = _DOI.fullmatch(name)
    if match is None:
        raise _unknown(source, "a DOI that is not valid")
    return Doi(match[1], match[2] or "")


def _address(source: str) -> Address:
    try:
        parts = urlsplit(source)
        host, user = parts.hostname, parts.username
    except ValueError as error:
        raise _unknown(source, f"an address that is not valid: {error}") from error
    if not host or not source.isprintable() or " " in source:
        raise _unknown(source, "an address that is not valid")
    if user is not None:
        raise UsageError(
            f"{parts.scheme}://...@{host}",
            expected="an address without a name and a password",
            found="a name in it",
            message="the address has a name or a password in it, which records would keep",
            remedy="Put them in ~/.netrc.",
        )
    return Address(source)


def _unknown(source: str, found: str) -> UsageError:
    return UsageError(
        source,
        expected=_EXAMPLES,
        found=found,
        message=f"{source}: {found}",
        remedy=f"Give {_EXAMPLES}.",
    )
