"""A web server on this machine that answers as doi.org and Zenodo do, and as broken servers do."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOI = "10.5281/zenodo.42"
HOSTS = ("doi.org", "zenodo.org", "figshare.com", "api.figshare.com", "example.org", "elsewhere.org")


class Server:
    """Answers by address without scheme, such as ``zenodo.org/api/records/42``.

    An answer is a status, headers and bytes, or a function that writes to the connection by itself.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[
            str, tuple[int, dict[str, str], bytes] | Callable[[BaseHTTPRequestHandler], None]
        ] = {}
        self.asked: list[str] = []
        self.stop = threading.Event()

    def file(self, place: str, data: bytes) -> str:
        """Serve a file; return its address."""
        self.answers[place] = 200, {"Content-Type": "application/octet-stream"}, data
        return f"https://{place}"

    def redirect(self, place: str, target: str) -> str:
        """Lead from an address to another one."""
        self.answers[place] = 302, {"Location": target}, b""
        return f"https://{place}"

    def deposit(self, files: dict[str, bytes], *, doi: str = DOI, checksum: str = "") -> None:
        """Have a record of Zenodo with files, to which its DOI leads."""
        self.redirect(f"doi.org/{DOI}", "https://zenodo.org/records/42")
        self.answers["zenodo.org/records/42"] = 200, {"Content-Type": "text/html"}, b"<html></html>"
        listed = [
            {
                "key": name,
                "checksum": checksum or f"md5:{hashlib.md5(data, usedforsecurity=False).hexdigest()}",
                "links": {"self": f"https://zenodo.org/api/records/42/files/{name}/content"},
            }
            for name, data in files.items()
        ]
        answer = json.dumps(
            {"id": 42, "doi": doi, "conceptdoi": "10.5281/zenodo.41", "files": listed}
        ).encode()
        self.answers["zenodo.org/api/records/42"] = 200, {"Content-Type": "application/json"}, answer
        for name, data in files.items():
            self.file(f"zenodo.org/api/records/42/files/{name}/content", data)


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place = urlsplit(self.path).path.lstrip("/")
            server.asked.append(place)
            answer = server.answers.get(place, (404, {}, b"not here"))
            if callable(answer):
                answer(self)
                return
            status, headers, data = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{web.server_port}")
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stop.set()
        web.shutdown()
        thread.join()
        web.server_close()


def reroute(monkeypatch, server: Server) -> None:
    """Have requests ask the server for what it would ask the hosts, and nobody else."""
    import requests

    send = requests.adapters.HTTPAdapter.send

    def to_loopback(adapter, request, **options):
        url, parts = request.url, urlsplit(request.url)
        if parts.hostname == "127.0.0.1":
            return send(adapter, request, **options)
        if parts.hostname not in HOSTS:
            raise requests.exceptions.ConnectionError(f"{parts.hostname}: Name or service not known")
        request.url = f"{server.url}/{parts.netloc}{parts.path}"
        response = send(adapter, request, **options)
        request.url = response.url = url
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", to_loopback)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
