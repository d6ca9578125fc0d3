"""A publication by its DOI or address -> a .zip file in a directory.

DOIs are resolved by pooch, which knows the interfaces of Zenodo, figshare and Dataverse. What arrives is only
stored here: every file in it is compared with its SHA-256 before it is used.
"""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from harness.core.errors import HarnessError, RefusedError, UnreadableError
from harness.core.publishing.fetching.origin import Address, Doi
from harness.core.storage.atomic import unwritable_on_error
from harness.core.system.packages import require_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

MOST_BYTES = 50 << 30
"""The most that is downloaded: what a record of Zenodo may have."""

_SUFFIX = ".zip"
_CHUNK_BYTES = 1 << 14
_WHY = "to download golden files"
_DAMAGED = (ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What pooch raises for an answer of a repository that is not as it expects."""


def download(origin: Doi | Address, folder: Path, *, timeout: float) -> Path:
    """Download a publication to *folder* and return its path.

    Parameters
    ----------
    origin : Doi or Address
    folder : Path
    timeout : float
        Seconds to wait for a connection, and for each part of an answer.

    Raises
    ------
    UnreadableError
        If it cannot be reached, ends early, waits too long or brings hardly anything; or if a repository does
        not know it.
    RefusedError
        If it is led from https to http, is larger than :data:`MOST_BYTES`, or has another checksum than the
        repository has.
    DependencyError
        If pooch is not installed.
    """
    target = folder / "download.zip"
    if isinstance(origin, Address):
        _download(origin.url, origin.shown, target, timeout)
        return target
    url, checksum = _resolve(origin, timeout)
    _download(url, origin.shown, target, timeout)
    _require_checksum(origin, target, checksum)
    return target


def _resolve(origin: Doi, timeout: float) -> tuple[str, str]:
    """Return the address of a record's archive, and its checksum ``md5:...`` there."""
    pooch = require_module("pooch.downloaders", _WHY, "golden-harness[fetch]")
    with _reached(origin.shown, timeout), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pooch warns of a DOI of all versions
        try:
            record = pooch.doi_to_repository(origin.doi, timeout=timeout, hooks={"response": _require_safe})
            listed = SimpleNamespace(registry={})
            record.populate_registry(listed)
            _require_same_doi(origin, record)
            name = _archive_of(origin, list(listed.registry))
            return str(record.download_url(name)), str(listed.registry[name])
        except _DAMAGED as error:
            raise _unknown(origin, str(error)) from error


def _require_same_doi(origin: Doi, record: Any) -> None:
    """Raise if a repository's answer is about another record. Not all repositories say which it is."""
    answer = getattr(record, "api_response", None)
    if not isinstance(answer, dict):
        return
    named = [answer[key].lower() for key in ("doi", "conceptdoi") if isinstance(answer.get(key), str)]
    if named and origin.doi.lower() not in named:
        raise RefusedError(
            origin.shown,
            expected="the record of this DOI",
            found=f"that of {named[0]}",
            message=f"{origin.shown} led to the record of {named[0]}",
            remedy="Nothing was changed. Check the DOI.",
        )


def _archive_of(origin: Doi, names: list[str]) -> str:
    """Return the name of the only archive of a record, or of the one that was asked for."""
    if origin.file in names:
        return origin.file
    archives = [name for name in names if name.endswith(_SUFFIX)]
    if not origin.file and len(archives) == 1:
        return archives[0]
    missing = origin.file or ("" if archives else ".zip file")
    found = f"no {missing}" if missing else f"{len(archives)} .zip files"
    raise UnreadableError(
        origin.shown,
        expected="one .zip file that `harness publish` wrote",
        found=found,
        message=f"the record of doi:{origin.doi} has {found}; it has {', '.join(names[:5]) or 'no files'}",
        remedy=f"Name one: doi:{origin.doi}/FILE.zip.",
    )


def _download(url: str, shown: str, target: Path, timeout: float) -> None:
    pooch = require_module("pooch", _WHY, "golden-harness[fetch]")
    answers: list[Any] = []  # pooch leaves them open after an error
    load = pooch.HTTPDownloader(
        chunk_size=_CHUNK_BYTES,
        timeout=timeout,
        headers={"Accept-Encoding": "identity"},
        hooks={"response": [lambda answer, **_: answers.append(answer), _require_safe, _require_plain]},
    )
    with unwritable_on_error(target), target.open("xb") as stream, _reached(shown, timeout):
        try:
            with _watched(answers, _Limited(stream, shown), 2 * timeout) as limited:
                load(url, limited, None)
        finally:
            for answer in answers:
                answer.close()


def _require_safe(response: Any, *_: Any, **__: Any) -> None:
    """Raise if an answer leads from https to http, or to no address; requests calls it for each answer."""
    if not response.is_redirect:
        return
    target = urljoin(response.url, response.headers["location"])
    wanted, found = urlsplit(response.url), urlsplit(target)
    if found.scheme not in {"http", "https"} or (wanted.scheme, found.scheme) == ("https", "http"):
        raise RefusedError(
            f"{wanted.scheme}://{wanted.netloc}{wanted.path}",
            expected="a file, or a redirect to an https address",
            found=f"a redirect to {found.scheme}://{found.netloc}",
            remedy="Nothing was changed. Give the address of the file itself.",
        )


def _require_plain(response: Any, *_: Any, **__: Any) -> None:
    """Raise if an answer would grow when it is decoded: it was asked for as it is."""
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        parts = urlsplit(response.url)
        raise RefusedError(
            f"{parts.scheme}://{parts.netloc}{parts.path}",
            expected="the file itself",
            found=f"one compressed on the way ({encoding})",
            remedy="Nothing was changed. Download it yourself, and give its path.",
        )


class _Limited:
    """A file that refuses to grow beyond :data:`MOST_BYTES`."""

    def __init__(self, stream: IO[bytes], shown: str) -> None:
        self._stream, self.shown, self._left = stream, shown, MOST_BYTES

    @property
    def left(self) -> int:
        """How many bytes may still be written."""
        return self._left

    def write(self, data: bytes) -> None:
        """Write a part of what arrives."""
        self._left -= len(data)
        if self._left < 0:
            raise RefusedError(
                self.shown,
                expected=f"at most {MOST_BYTES} bytes",
                found="more",
                remedy="Nothing was changed. Download it yourself, and give its path.",
            )
        self._stream.write(data)

    def flush(self) -> None:
        """Do nothing: the file is closed when all of it is there."""


@contextmanager
def _watched(answers: list[Any], file: _Limited, seconds: float) -> Iterator[_Limited]:
    """End an answer of which hardly anything arrives: single bytes would keep it from its time limit."""
    ended, slow = threading.Event(), threading.Event()

    def watch() -> None:
        before = file.left
        while not ended.wait(seconds):
            if before - file.left < _CHUNK_BYTES and answers:
                with suppress(ValueError, RuntimeError, OSError):  # it has ended just now
                    answers[-1].raw.shutdown()
                    slow.set()
                return
            before = file.left

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()

    def end() -> bool:
        ended.set()
        thread.join()
        return slow.is_set()

    try:
        yield file
    except Exception:
        if not end():
            raise
    finally:
        end()
    if slow.is_set():
        found = f"fewer than {_CHUNK_BYTES} bytes within {seconds:g} s"
        raise _unreached(file.shown, found, "Try again, or give a longer --timeout.")


@contextmanager
def _reached(shown: str, timeout: float) -> Iterator[None]:
    """Raise :class:`UnreadableError` for whatever requests raises in the block."""
    requests = require_module("requests", _WHY, "golden-harness[fetch]")
    try:
        yield
    except HarnessError:
        raise
    except requests.exceptions.HTTPError as error:
        answer = error.response
        raise _unreached(shown, f"{answer.status_code} {answer.reason}", "Check the address.") from error
    except requests.exceptions.Timeout as error:
        found = f"no answer within {timeout:g} s"
        raise _unreached(shown, found, "Try again, or give a longer --timeout.") from error
    except requests.exceptions.TooManyRedirects as error:
        raise _unreached(shown, "redirects without an end", "Check the address.") from error
    except requests.exceptions.RequestException as error:
        if "timed out" in str(error).lower():  # while the answer was read
            found = f"no further bytes within {timeout:g} s"
            raise _unreached(shown, found, "Try again, or give a longer --timeout.") from error
        raise _unreached(shown, _cause(error), "Check the network and the address; try again.") from error


def _cause(error: BaseException) -> str:
    """Return what happened, in the words of the innermost error."""
    text = str(error)
    if "IncompleteRead" in text:
        return "an answer that ended early"
    if "NameResolution" in text or "Name or service" in text:
        return "no such host, or no network"
    if "refused" in text:
        return "a refused connection"
    return f"an error of the connection: {text}"


def _unreached(shown: str, found: str, remedy: str) -> UnreadableError:
    return UnreadableError(
        shown,
        expected="a published archive",
        found=found,
        message=f"{shown} could not be downloaded: {found}",
        remedy=f"Nothing was changed. {remedy}",
    )


def _unknown(origin: Doi, found: str) -> UnreadableError:
    return UnreadableError(
        origin.shown,
        expected="a record of Zenodo, figshare or Dataverse",
        found=found or "another answer",
        message=f"{origin.shown} does not lead to a record with files: {found or 'another answer'}",
        remedy="Nothing was changed. Check the DOI.",
    )


def _require_checksum(origin: Doi, path: Path, checksum: str) -> None:
    """Raise unless a file has the checksum of its record."""
    pooch = require_module("pooch", _WHY, "golden-harness[fetch]")
    algorithm, colon, expected = checksum.rpartition(":")
    found = pooch.file_hash(str(path), alg=algorithm or "md5") if colon else expected
    if found.lower() != expected.lower():
        raise RefusedError(
            origin.shown,
            expected=f"{checksum}, as in its record",
            found=f"{algorithm}:{found}",
            message=f"{origin.shown}: what arrived has {algorithm}:{found}, its record {checksum}",
            remedy="Nothing was changed. Try again.",
        )
