"""A store that is read by http or https: any web server with the objects as files. It cannot be written.

Through fsspec's session, which has its settings and credentials. Redirects are followed by hand: to another
host without any of these, and never from https to http.
"""

from __future__ import annotations

import asyncio
import email.utils
import re
import socket
import time
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from harness.core.errors import printable
from harness.core.storage.remote.kinds.loop import file_system, next_block, wait_for
from harness.core.storage.remote.trouble import (
    Absent,
    Trouble,
    Unreached,
    content_type,
    scrubbed,
    shown_address,
    status_text,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping

    from harness.core.storage.remote.kinds.access import Listed
    from harness.core.storage.remote.retry import Patience

_MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ABSENT = frozenset({404, 410})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_HEAD = frozenset({403, 405, 501})
_PAGE = "text/html"
_READ_ONLY = "a store that is only read: http and https do not say how to write"
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_AS_IT_IS = {"Accept-Encoding": "identity"}


class Web:
    """Objects as files of a web server.

    Parameters
    ----------
    url : str
        Of the folder that has the objects.
    patience : Patience
    stopped : threading.Event
        Ends each wait.
    """

    can_list = False

    def __init__(self, url: str, patience: Patience, stopped: threading.Event) -> None:
        self._url = url.rstrip("/") + "/"
        self._seconds, self._stopped = patience.timeout, stopped
        self._fs = file_system(urlsplit(url).scheme)
        self._plain = file_system(urlsplit(url).scheme, client_kwargs={}, headers={})

    def read(self, name: str, start: int, size: int, note: Callable[[str], object]) -> Iterator[bytes]:
        """Yield a file's bytes from *start* on, from one request."""
        with self._translated():
            asked = self._url + name
            answer = self._wait(self._asked("GET", asked, start))
            try:
                skip, left = _skipped(answer, asked, start, size), size - start
                note(_described(answer, asked))
                while block := self._wait(next_block(answer.content.read, answer.content, self._seconds)):
                    yield block[skip:]
                    left -= len(block[skip:])
                    skip = max(0, skip - len(block))
                if left > 0:
                    raise Trouble(f"{size - left} of {size} bytes ({_described(answer, asked)})")
            finally:
                answer.close()

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes; None if there is none."""
        try:
            with self._translated():
                return int(self._wait(self._asked_size(self._url + name)))
        except Absent:
            return None

    async def _asked_size(self, url: str) -> int:
        try:
            answer = await self._asked("HEAD", url, 0)
        except _Status as error:
            if error.status not in _NO_HEAD:
                raise
            answer = await self._asked("GET", url, 0)
        answer.close()
        return _whole_size(answer, url)

    def prepare(self) -> None:
        """Refuse: a web server is only read."""
        raise Trouble(_READ_ONLY, again=False)

    def put(self, *_: object) -> None:
        """Refuse: a web server is only read."""
        raise Trouble(_READ_ONLY, again=False)

    def listing(self) -> Iterator[Listed]:
        """Refuse: a web server does not list its files in one way."""
        raise Trouble("a store that cannot be listed: http and https do not say how", again=False)

    def remove(self, name: str) -> None:  # noqa: ARG002 - likewise
        """Refuse: a web server is only read."""
        raise Trouble(_READ_ONLY, again=False)

    async def _asked(self, method: str, url: str, start: int) -> Any:
        """Return an answer that brings what was asked for; raise for all others."""
        chain = [url]
        for _ in range(_MOST_REDIRECTS):
            try:
                answer = await self._sent(method, chain[-1], start, own=_origin(chain[-1]) == _origin(url))
            except Exception as error:  # noqa: BLE001 - of the network, of TLS, of HTTP
                raise _after(chain, _of_connection(error, self._seconds)) from None
            if answer.status in _REDIRECTS and "Location" in answer.headers:
                answer.close()
                chain.append(_target(chain[-1], answer))
                continue
            try:
                _require_answer(answer)
                _require_no_page(answer, chain)
            except Trouble as trouble:
                answer.close()
                raise _after(chain, trouble) from None
            return answer
        raise Trouble(f"redirects without an end, last to {shown_address(chain[-1])}", again=False)

    async def _sent(self, method: str, url: str, start: int, *, own: bool) -> Any:
        """Return the answer to one request, with the store's own settings if it goes to the store."""
        import aiohttp

        system = self._fs if own else self._plain
        session = await system.set_session()
        options = dict(system.kwargs)
        headers = {**options.pop("headers", {}), **_AS_IT_IS}
        if start:
            headers["Range"] = f"bytes={start}-"
        limit = aiohttp.ClientTimeout(total=None, connect=self._seconds, sock_read=self._seconds)
        options.update(headers=headers, timeout=limit, allow_redirects=False)
        return await session.request(method, system.encode_url(url), **options)

    def _wait(self, work: Any) -> Any:
        return wait_for(self._fs.loop, work, self._stopped)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise :class:`Trouble` for whatever aiohttp raises in the block."""
        try:
            yield
        except Trouble:
            raise
        except Exception as error:  # noqa: BLE001 - of the network, of TLS, of HTTP
            raise _of_connection(error, self._seconds) from None


class _Status(Trouble):
    """An answer whose status is not one of success."""

    def __init__(self, answer: Any) -> None:
        after = _retry_after(answer.headers)
        asked = "" if after is None else f", which asks to wait {after:g} s"
        super().__init__(status_text(answer.status) + asked, again=answer.status in _PASSING, after=after)
        self.status = answer.status


def _require_answer(answer: Any) -> None:
    if answer.status in _ABSENT:
        raise Absent(status_text(answer.status))
    if answer.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        raise _Status(answer)
    encoding = answer.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        kind = encoding if encoding.isalpha() else "something else"
        raise Trouble(f"an answer compressed on the way ({kind}), not the file itself", again=False)


def _require_no_page(answer: Any, chain: list[str]) -> None:
    """Raise for a page that a redirect led to: it asks somebody to log in, or says where the files went."""
    if len(chain) > 1 and content_type(answer.headers.get("Content-Type")) == _PAGE:
        length = "" if answer.content_length is None else f" of {answer.content_length} bytes"
        raise Trouble(f"{status_text(answer.status)}, a page of {_PAGE}{length}", again=False)


def _after(chain: list[str], trouble: Trouble) -> Trouble:
    """Return the trouble of an answer with the address that gave it, if that is another one."""
    if len(chain) > 1:
        trouble.found = f"a redirect to {shown_address(chain[-1])}, which gave {trouble.found}"
    return trouble


def _target(url: str, answer: Any) -> str:
    target = str(urljoin(url, answer.headers["Location"]))
    scheme = urlsplit(target).scheme
    if scheme not in {"http", "https"} or (urlsplit(url).scheme, scheme) == ("https", "http"):
        raise Trouble(f"a redirect to {shown_address(target)}, which is not https", again=False)
    return target


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _skipped(answer: Any, asked: str, start: int, size: int) -> int:
    """Return how many bytes of an answer come before *start*; raise if the file has another size."""
    at, total = start, size
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if match is None:
            raise Trouble("206 Partial Content that does not say which part", again=False)
        at, total = int(match[1]), size if match[3] == "*" else int(match[3])
    elif answer.content_length is not None:
        total = answer.content_length
    if total != size:
        raise Trouble(f"{total} bytes where {size} were expected ({_described(answer, asked)})", again=False)
    if at != start:
        raise Trouble(f"bytes from {at} on where those from {start} on were asked for", again=False)
    return start if answer.status == HTTPStatus.OK else 0


def _whole_size(answer: Any, asked: str) -> int:
    match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    size = int(match[3]) if match and match[3] != "*" else answer.content_length
    if size is None:
        raise Trouble(f"an answer that does not say its size ({_described(answer, asked)})", again=False)
    return int(size)


def _described(answer: Any, asked: str) -> str:
    """Return what an answer is, and where it is from if redirects led there."""
    parts = [status_text(answer.status), content_type(answer.headers.get("Content-Type"))]
    if tag := answer.headers.get("ETag"):
        parts.append(f"ETag {printable(tag)[:40]}")
    if str(answer.url) != asked:
        parts.append(f"from {shown_address(str(answer.url))}")
    return ", ".join(parts)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait; None if it does not."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _of_connection(error: Exception, timeout: float) -> Trouble:
    import aiohttp

    if isinstance(error, (asyncio.TimeoutError, TimeoutError)):
        return Trouble(f"no answer, or no further bytes, within {timeout:g} s")
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError)):
        return Trouble("a certificate that is not trusted here", again=False)
    cause = getattr(error, "os_error", error)
    if isinstance(cause, (socket.gaierror, ConnectionRefusedError)):
        refused = isinstance(cause, ConnectionRefusedError)
        return Unreached("a refused connection" if refused else "no such host, or no network")
    for kind, found in (
        (aiohttp.ClientPayloadError, "an answer that ended early"),
        (aiohttp.ClientResponseError, "an answer that is not HTTP"),
        ((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError), "a connection that was closed"),
    ):
        if isinstance(cause, kind):
            return Trouble(found)
    return Trouble(scrubbed(error), again=isinstance(error, aiohttp.ClientError))
