"""A web server on this machine that serves files with ranges and ETags, and fails as web servers do.

A fault is a function that answers one request in place of the server.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Fault = Callable[["Handler", bytes], None]


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    range: str | None
    headers: dict[str, str]


class FaultyWeb:
    """Files by path, faults for the next requests (each used once), and one for all others."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.always: Fault | None = None
        self.asked: list[Asked] = []
        self.sent: list[int] = []
        self.stop = threading.Event()

    def add(self, data: bytes) -> tuple[str, int]:
        """Serve an object; return its digest and size."""
        digits = hashlib.sha256(data).hexdigest()
        self.files[f"/sha256/{digits[:2]}/{digits[2:]}"] = data
        return f"sha256:{digits}", len(data)

    def next_fault(self) -> Fault | None:
        """Return what answers the next request in place of the server."""
        return self.faults.pop(0) if self.faults else self.always

    def ranges(self) -> list[str | None]:
        """Return the ranges that were asked for with GET."""
        return [asked.range for asked in self.asked if asked.method == "GET"]


class Handler(BaseHTTPRequestHandler):
    """One connection; it is kept for further requests."""

    protocol_version = "HTTP/1.1"
    web: FaultyWeb

    def do_GET(self) -> None:
        """Answer with a fault or a file."""
        asked = Asked(self.command, self.path, self.headers.get("Range"), dict(self.headers))
        self.web.asked.append(asked)
        data = self.web.files.get(self.path)
        fault = self.web.next_fault()
        with suppress(ConnectionError):
            if fault is not None:
                fault(self, data or b"")
            elif data is None:
                self.answer(404, b"not here", {"Content-Type": "text/plain"})
            else:
                self.serve(data)

    do_HEAD = do_PUT = do_GET  # noqa: N815 - http.server's names

    def serve(self, data: bytes, *, tag: str | None = None) -> None:
        """Answer with a file or the range of it that was asked for."""
        headers = {"ETag": tag or f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'}
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if match is None:
            self.answer(200, data, headers)
        elif int(match[1]) >= len(data):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        else:
            start = int(match[1])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.answer(206, data[start:], headers)

    def answer(
        self, status: int, data: bytes, headers: dict[str, str] | None = None, *, length: int | None = None
    ) -> None:
        """Send a whole answer, which may say another length than it has."""
        self.begin(
            status, {**(headers or {}), "Content-Length": str(len(data) if length is None else length)}
        )
        if self.command != "HEAD" and status != 304:
            self.wfile.write(data)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """Send the head of an answer."""
        self.send_response(status)
        for name, value in ({"Content-Type": "application/octet-stream"} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def faulty_web() -> Iterator[FaultyWeb]:
    """Run a server until the block ends."""

    class OwnHandler(Handler):
        pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Print nothing about clients that went away."""

    server = Quiet(("127.0.0.1", 0), OwnHandler)
    server.daemon_threads = True
    OwnHandler.web = web = FaultyWeb(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        web.stop.set()
        server.shutdown()
        thread.join()
        server.server_close()


def truncated(after: int) -> Fault:
    """Promise all bytes, send some, and close the connection."""

    def fault(handler: Handler, data: bytes) -> None:
        start = _start(handler)
        handler.close_connection = True
        headers = {"Content-Length": str(len(data) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        handler.begin(206 if start else 200, headers)
        if handler.command != "HEAD":
            handler.wfile.write(data[start : start + after])

    return fault


def stalled(after: int) -> Fault:
    """Promise all bytes, send some, and then nothing until the server stops."""

    def fault(handler: Handler, data: bytes) -> None:
        truncated(after)(handler, data)
        handler.wfile.flush()
        handler.web.stop.wait()

    return fault


def slowly(handler: Handler, data: bytes) -> None:
    """Send what was asked for in pieces, with pauses; note how much was sent."""
    start = _start(handler)
    headers = {"Content-Length": str(len(data) - start)}
    if start:
        headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
    handler.begin(206 if start else 200, headers)
    piece = max(1, len(data) // 16)
    for at in range(start, len(data), piece):
        handler.wfile.write(data[at : at + piece])
        handler.web.sent.append(len(data[at : at + piece]))
        if handler.web.stop.wait(0.02):
            return


def garbage(handler: Handler, _data: bytes) -> None:
    """Send what is not HTTP."""
    handler.close_connection = True
    handler.wfile.write(b"PK\x03\x04 is an archive\r\n\r\n")


def silent(handler: Handler, _data: bytes) -> None:
    """Say nothing until the server stops."""
    handler.close_connection = True
    handler.web.stop.wait()


def dripping(handler: Handler, data: bytes) -> None:
    """Send one byte at a time, slowly."""
    handler.close_connection = True
    handler.begin(200, {"Content-Length": str(len(data))})
    for byte in data:
        handler.wfile.write(bytes([byte]))
        if handler.web.stop.wait(0.02):
            return


def closed(handler: Handler, _data: bytes) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def status(number: int, **headers: str) -> Fault:
    """Answer with a status; underscores in names of headers are dashes."""

    def fault(handler: Handler, _data: bytes) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.answer(number, b"sorry", {"Content-Type": "text/plain", **named})

    return fault


def redirected(location: str, number: int = 302) -> Fault:
    """Lead to another address."""
    return status(number, Location=location)


def page(handler: Handler, _data: bytes) -> None:
    """Answer with a page that asks to log in."""
    handler.answer(200, b"<html>Log in</html>", {"Content-Type": "text/html; charset=utf-8"})


def other_bytes(handler: Handler, data: bytes) -> None:
    """Serve other bytes of the right size."""
    handler.serve(bytes(len(data)))


def other_size(handler: Handler, data: bytes) -> None:
    """Serve another size, and say so."""
    handler.serve(data + b"more")


def whole(handler: Handler, data: bytes) -> None:
    """Ignore ranges."""
    handler.answer(200, data)


def longer_than_promised(handler: Handler, data: bytes) -> None:
    """Say a length, and send more."""
    handler.close_connection = True
    handler.answer(200, data + b"more", length=len(data))


def without_length(data: bytes) -> Fault:
    """Send bytes until the connection closes, without a length."""

    def fault(handler: Handler, _data: bytes) -> None:
        handler.close_connection = True
        handler.begin(200, {"Connection": "close"})
        handler.wfile.write(data)

    return fault


def compressed(handler: Handler, data: bytes) -> None:
    """Compress the file on the way."""
    handler.answer(200, gzip.compress(data), {"Content-Encoding": "gzip"})


def other_part(handler: Handler, data: bytes) -> None:
    """Serve another range than was asked for."""
    handler.answer(206, data[1:], {"Content-Range": f"bytes 1-{len(data) - 1}/{len(data)}"})


def changed(handler: Handler, data: bytes) -> None:
    """Serve another version of the file, with ranges and another ETag."""
    handler.serve(bytes(len(data)), tag='"another"')


def _start(handler: Handler) -> int:
    match = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    return int(match[1]) if match else 0
