"""One large object to stores and back: bytes, seconds, requests, peak memory, each beside a peer's.

    python benchmarks/store.py --bytes 10000000000

The object is a sparse file of zeros, so that the source takes no space; what is stored and fetched does,
twice at a time (s3rver also needs twice the bytes while it joins the parts). Stores: a directory, an S3
server on this machine (s3rver), and a web server that makes the bytes as it sends them. Each transfer runs
in a process of its own, whose peak memory the system reports. The peers: cp, s3fs, pooch.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from harness.core.storage.remote.store import Store

MOST_MB = 200
"""Peak memory of a process that transfers an object, whatever its size."""

BLOCK = bytes(1 << 20)
BUCKET = "golden"
S3RVER = Path(__file__).parents[1] / "build/npm/node_modules/s3rver/bin/s3rver.js"
HERE = str(Path(__file__).resolve())


class Result(NamedTuple):
    """One transfer."""

    name: str
    seconds: float
    requests: int | None
    megabytes: float
    """Peak resident memory of its process."""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bytes", type=int, default=10_000_000_000)
    parser.add_argument("--stores", default="directory,s3,web")
    parser.add_argument("--folder", type=Path, help="where the bytes may lie for a while")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        print(json.dumps(step(*asked.step)))
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        results = [
            item for name in asked.stores.split(",") for item in STORES[name](Path(folder), asked.bytes)
        ]
    print(f"\n{asked.bytes} bytes\n\n| transfer | s | MB/s | requests | peak memory, MB |")
    print("|---|---|---|---|---|")
    for item in results:
        rate = asked.bytes / item.seconds / 1e6
        requests = "" if item.requests is None else item.requests
        print(f"| {item.name} | {item.seconds:.1f} | {rate:.0f} | {requests} | {item.megabytes:.0f} |")
    missed = [item.name for item in results if item.name.startswith("harness") and item.megabytes > MOST_MB]
    sys.exit(f"more than {MOST_MB} MB of memory: {', '.join(missed)}" if missed else 0)


# What is measured, in the process that measures


def directory(folder: Path, size: int) -> Iterator[Result]:
    """Push to a directory and fetch from it; cp does the same without a digest."""
    source, sha256 = sparse(folder, size)
    store = str(folder / "store")
    yield measured("harness, to a directory", "push", store, str(source), sha256)
    yield measured("harness, from a directory", "fetch", store, str(folder / "cache"), sha256, str(size))
    shutil.rmtree(folder / "store")
    shutil.rmtree(folder / "cache")
    yield measured("cp", "cp", str(source), str(folder / "copy"))
    (folder / "copy").unlink()


def s3(folder: Path, size: int) -> Iterator[Result]:
    """Push to an S3 server and fetch from it, as s3fs does."""
    source, sha256 = sparse(folder, size)
    with s3_server(folder / "served"):
        store = f"s3://{BUCKET}/store"
        yield measured("harness, to S3", "push", store, str(source), sha256)
        yield measured("harness, from S3", "fetch", store, str(folder / "cache"), sha256, str(size))
        shutil.rmtree(folder / "cache")
        yield measured("s3fs, from S3", "s3fs_get", f"{BUCKET}/store/{name_of(sha256)}", str(folder / "copy"))
        (folder / "copy").unlink()
        measured("remove", "s3fs_rm", f"{BUCKET}/store/{name_of(sha256)}")
        yield from of_peer("s3fs, to S3", "s3fs_put", str(source), f"{BUCKET}/other")
    shutil.rmtree(folder / "served")


def web(folder: Path, size: int) -> Iterator[Result]:
    """Fetch from a web server, as pooch does."""
    sha256 = f"sha256:{zeros(size)}"
    with web_server(size) as url:
        yield measured("harness, from a web server", "fetch", url, str(folder / "cache"), sha256, str(size))
        shutil.rmtree(folder / "cache")
        yield measured(
            "pooch, from a web server", "pooch", f"{url}/{name_of(sha256)}", sha256, str(folder / "pooch")
        )
        shutil.rmtree(folder / "pooch")


STORES = {"directory": directory, "s3": s3, "web": web}


def of_peer(name: str, *words: str) -> Iterator[Result]:
    """Yield what a peer took; nothing if it failed: s3fs does not wait until s3rver has joined 10 GB."""
    try:
        yield measured(name, *words)
    except subprocess.CalledProcessError as error:
        print(f"{name}: failed, exit code {error.returncode}", file=sys.stderr)


def measured(name: str, *words: str) -> Result:
    """Run a step in a process of its own and return what it took."""
    process = subprocess.Popen([sys.executable, HERE, "--step", *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, name)
    found = json.loads(text)
    result = Result(name, found["seconds"], found["requests"], usage.ru_maxrss * 1024 / 1e6)
    print(f"{result.name}: {result.seconds:.1f} s, {result.megabytes:.0f} MB", file=sys.stderr)
    return result


def sparse(folder: Path, size: int) -> tuple[Path, str]:
    """Return a file of zeros that takes no space, and its digest."""
    path = folder / "source"
    with path.open("wb") as stream:
        stream.truncate(size)
    return path, f"sha256:{zeros(size)}"


def zeros(size: int) -> str:
    """Return the SHA-256 of so many zeros."""
    state = hashlib.sha256()
    for at in range(0, size, len(BLOCK)):
        state.update(BLOCK[: size - at])
    return state.hexdigest()


def name_of(sha256: str) -> str:
    """Return the path of an object in a store."""
    digits = sha256.partition(":")[2]
    return f"sha256/{digits[:2]}/{digits[2:]}"


# Steps, each in a process of its own


def step(name: str, *words: str) -> dict[str, object]:
    """Do one transfer; return the seconds that it took, without imports, and the requests."""
    counted: list[str] = []
    work = STEPS[name](counted, *words)
    began = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - began, "requests": len(counted) or None}


def push(counted: list[str], url: str, path: str, sha256: str) -> Callable[[], object]:
    """Upload by harness."""
    store = opened(url, counted)
    return lambda: store.put(Path(path), sha256)


def fetch(counted: list[str], url: str, cache: str, sha256: str, size: str) -> Callable[[], object]:
    """Download by harness."""
    from harness.core.storage.remote.cache import Cache

    store = opened(url, counted)
    return lambda: Cache(Path(cache)).fetch(store, sha256, int(size))


def opened(url: str, counted: list[str]) -> Store:
    """Open a store whose requests are counted."""
    from harness.core.storage.remote.retry import Patience
    from harness.core.storage.remote.settings import open_store

    store = open_store(url, Path.cwd(), Patience())
    for name in ("_call", "_sent"):
        if hasattr(store.access, name):
            setattr(store.access, name, counting(getattr(store.access, name), counted))
    return store


def counting(call: Callable[..., Any], counted: list[str]) -> Callable[..., Any]:
    """Return a function that notes that it is called."""

    def noted(method: str, *words: Any, **more: Any) -> Any:
        counted.append(method)
        return call(method, *words, **more)

    return noted


def cp(_counted: list[str], source: str, target: str) -> Callable[[], object]:
    """Copy with all bytes written, as a store on another disk has them."""
    return lambda: subprocess.run(["cp", "--sparse=never", source, target], check=True)


def s3fs_put(_counted: list[str], source: str, target: str) -> Callable[[], object]:
    """Upload by s3fs with its own settings."""
    import s3fs

    system = s3fs.S3FileSystem()
    return lambda: system.put_file(source, target)


def s3fs_get(_counted: list[str], source: str, target: str) -> Callable[[], object]:
    """Download by s3fs with its own settings."""
    import s3fs

    system = s3fs.S3FileSystem()
    return lambda: system.get_file(source, target)


def s3fs_rm(_counted: list[str], target: str) -> Callable[[], object]:
    """Remove an object."""
    import s3fs

    return lambda: s3fs.S3FileSystem().rm_file(target)


def pooch_get(_counted: list[str], url: str, sha256: str, folder: str) -> Callable[[], object]:
    """Download by pooch, which compares the digest, too."""
    import pooch

    return lambda: pooch.retrieve(url, known_hash=sha256, path=folder)


STEPS = {
    "push": push,
    "fetch": fetch,
    "cp": cp,
    "s3fs_put": s3fs_put,
    "s3fs_get": s3fs_get,
    "s3fs_rm": s3fs_rm,
    "pooch": pooch_get,
}


# Servers, each in a process of its own


@contextmanager
def s3_server(folder: Path) -> Iterator[None]:
    """Run s3rver, and have the environment of its user."""
    port = free_port()
    options = ["-d", str(folder), "-a", "127.0.0.1", "-p", str(port), "--no-vhost-buckets", "-s"]
    call = ["node", str(S3RVER), *options, "--allow-mismatched-signatures", "--configure-bucket", BUCKET]
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "S3RVER",
        "AWS_SECRET_ACCESS_KEY": "S3RVER",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with running(call, port):
        yield


@contextmanager
def web_server(size: int) -> Iterator[str]:
    """Run a server of zeros."""
    port = free_port()
    program = f"import sys; sys.path.insert(0, {str(Path(HERE).parent)!r})\n"
    program += f"from store import serve\nserve({port}, {size})"
    with running([sys.executable, "-c", program], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(call: list[str], port: int) -> Iterator[None]:
    """Run a server until the block ends."""
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, f"{call[0]} ended"
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def serve(port: int, size: int) -> None:
    """Serve zeros under every name."""

    class Zeros(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            for at in range(0, size, len(BLOCK)):
                self.wfile.write(BLOCK[: size - at])

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Zeros).serve_forever()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    main()
