"""Servers on this machine that speak the protocol of S3, each in a process of its own: moto's, and s3rver."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BUCKET = "golden"
SECRET = "wJalrXUtnFEMIsecretEXAMPLEKEY"  # noqa: S105 - of no server but those here
_S3RVER = Path(__file__).parents[2] / "build/npm/node_modules/s3rver/bin/s3rver.js"
_SECONDS = 30.0


@contextmanager
def moto_server() -> Iterator[str]:
    """Run moto's server with an empty bucket; give its address."""
    pytest.importorskip("s3fs", reason="the extra `s3` is not installed")
    pytest.importorskip("moto.server", reason="moto's server is not installed: the extra `dev` brings it")
    port = free_port()
    call = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(call, port) as url:
        make_bucket(url, "testing", SECRET)
        yield url


@contextmanager
def s3rver_server(folder: Path) -> Iterator[str]:
    """Run s3rver with an empty bucket in a folder; give its address."""
    pytest.importorskip("s3fs", reason="the extra `s3` is not installed")
    node = shutil.which("node")
    if node is None or not _S3RVER.is_file():
        pytest.skip("s3rver is not installed: npm install --prefix build/npm s3rver")
    port = free_port()
    options = ["-d", str(folder), "-a", "127.0.0.1", "-p", str(port), "--no-vhost-buckets"]
    call = [node, str(_S3RVER), *options, "--allow-mismatched-signatures", "--configure-bucket", BUCKET]
    with _running(call, port) as url:
        yield url


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def credentials(url: str, key: str = "testing") -> dict[str, str]:
    """Return environment variables with which S3's clients use a server here."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def client(url: str, key: str = "testing", secret: str = SECRET):
    """Return a client of botocore, which is not what is tested."""
    import botocore.session

    return botocore.session.Session().create_client(
        "s3", "us-east-1", endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret
    )


def make_bucket(url: str, key: str, secret: str) -> None:
    """Make the bucket."""
    client(url, key, secret).create_bucket(Bucket=BUCKET)


@contextmanager
def _running(call: Sequence[str], port: int) -> Iterator[str]:
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + _SECONDS
        while not _listens(port):
            assert process.poll() is None, f"{call[1:4]} ended with {process.returncode}"
            assert time.monotonic() < end, f"{call[1:4]} does not listen"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
