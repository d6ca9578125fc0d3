"""A store in a bucket of S3 or of a service that speaks its protocol, through s3fs."""

from __future__ import annotations

import asyncio
import hashlib
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from harness.core.errors import printable
from harness.core.storage.remote.kinds.access import Listed
from harness.core.storage.remote.kinds.folder import require_digest
from harness.core.storage.remote.kinds.loop import (
    file_system,
    file_system_class,
    next_block,
    own_settings,
    wait_for,
)
from harness.core.storage.remote.names import FOLDER
from harness.core.storage.remote.retry import Attempts, Patience, repeated
from harness.core.storage.remote.trouble import Absent, Trouble, Unreached, scrubbed, shown_host, status_text

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import IO

PART_BYTES = 8 << 20
"""Larger files are stored in parts of this size, or larger ones if there were too many."""

_MOST_PARTS = 10_000
_LEAST_RATE = 1 << 16
"""Bytes per second: a part that is sent more slowly is given up."""

_CODE = re.compile(r"[A-Za-z0-9.]{1,60}")
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_NO_OBJECT = frozenset({"NoSuchKey", "404"})
_NO_CONNECTION = frozenset({"EndpointConnectionError", "ConnectionError"})
_EXISTS = frozenset({"PreconditionFailed", "412"})


class Bucket:
    """Objects of a bucket, below a prefix.

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix``.
    patience : Patience
    stopped : threading.Event
        Ends each wait.
    """

    def __init__(self, url: str, patience: Patience, stopped: threading.Event) -> None:
        seconds = patience.timeout
        once = {"connect_timeout": seconds, "read_timeout": seconds, "retries": {"max_attempts": 0}}
        file_system_class("s3")  # which says what is missing
        self._fs = file_system("s3", config_kwargs={**own_settings("s3", "config_kwargs"), **once})
        self._fs.retries = 1  # attempts are counted here, not in each layer
        self._bucket, prefix, _ = self._fs.split_path(url)
        self._prefix = f"{prefix.strip('/')}/".lstrip("/")
        self._patience, self._stopped = patience, stopped
        self._is_there = False

    def read(self, name: str, start: int, size: int, note: Callable[[str], object]) -> Iterator[bytes]:
        """Yield an object's bytes from *start* on, from one request."""
        wanted = {"Range": f"bytes={start}-"} if start else {}
        with self._translated():
            answer = self._call("get_object", Key=self._prefix + name, **wanted)
            body = answer["Body"]
            content = getattr(getattr(body, "raw_stream", body), "content", None)
            try:
                _require_size(answer, start, size)
                note(f"ETag {printable(str(answer.get('ETag', 'unknown')))[:40]}")
                while block := wait_for(
                    self._fs.loop, next_block(body.read, content, self._patience.timeout), self._stopped
                ):
                    yield block
            finally:
                body.close()

    def size(self, name: str) -> int | None:
        """Return an object's size in bytes; None if there is none."""
        try:
            with self._translated():
                return int(self._call("head_object", Key=self._prefix + name)["ContentLength"])
        except Absent:
            self._require_bucket()
            return None

    def _require_bucket(self) -> None:
        """Raise unless the bucket is there: the answer about an object would be the same without it."""
        if self._is_there:
            return
        try:
            with self._translated():
                self._call("head_bucket")
        except Absent:
            raise Trouble(f"no bucket {self._bucket}", again=False) from None
        self._is_there = True

    def prepare(self) -> None:
        """Do nothing: a bucket is made by whoever pays for it."""

    def put(self, path: Path, name: str, sha256: str, on_bytes: Callable[[int], object]) -> None:
        """Store a file in one request if it is small, else in parts; it has its name when all are there."""
        with self._translated(), path.open("rb", buffering=0) as stream:
            size = path.stat().st_size
            if size > PART_BYTES:
                self._put_parts(_parts(stream, size, on_bytes), self._prefix + name, sha256)
                return
            data = stream.read(PART_BYTES + 1)
            require_digest(hashlib.sha256(data).hexdigest(), sha256)
            with suppress(_Exists):
                self._call("put_object", Key=self._prefix + name, Body=data, IfNoneMatch="*")

    def _put_parts(self, blocks: Iterator[bytes], key: str, sha256: str) -> None:
        upload, stored = self._begun(key)
        state, parts = hashlib.sha256(), []
        for number, data in enumerate(blocks, 1):
            state.update(data)
            parts.append({"PartNumber": number, "ETag": self._part(key, upload, number, data, stored)})
        try:
            require_digest(state.hexdigest(), sha256)
        except Trouble:
            with suppress(Trouble):  # not every service knows this; the error that led here matters more
                self._call("abort_multipart_upload", Key=key, UploadId=upload)
            raise
        with suppress(_Exists):
            self._call(
                "complete_multipart_upload",
                Key=key,
                UploadId=upload,
                MultipartUpload={"Parts": parts},
                IfNoneMatch="*",
            )

    def _begun(self, key: str) -> tuple[str, Mapping[int, str]]:
        """Return an upload that was begun and not ended, with its parts by number; or a new one."""
        with suppress(Trouble):  # not every service lists them
            answer = self._call("list_multipart_uploads", Prefix=key)
            for upload in answer.get("Uploads", ()):
                if upload["Key"] == key:
                    return upload["UploadId"], self._stored_parts(key, upload["UploadId"])
        return self._call("create_multipart_upload", Key=key)["UploadId"], {}

    def _stored_parts(self, key: str, upload: str) -> dict[int, str]:
        found: dict[int, str] = {}
        marker = 0
        while True:
            answer = self._call("list_parts", Key=key, UploadId=upload, PartNumberMarker=marker)
            found.update({part["PartNumber"]: part["ETag"] for part in answer.get("Parts", ())})
            if not answer.get("IsTruncated"):
                return found
            marker = answer["NextPartNumberMarker"]

    def _part(self, key: str, upload: str, number: int, data: bytes, stored: Mapping[int, str]) -> str:
        """Store a part unless it is there, and return its tag."""
        tag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        if stored.get(number) == tag:
            return tag

        def send() -> str:
            place = {"Key": key, "UploadId": upload, "PartNumber": number}
            with self._translated():
                return str(self._call("upload_part", **place, Body=data)["ETag"])

        return repeated(send, Attempts(self._patience, self._stopped))

    def listing(self) -> Iterator[Listed]:
        """Yield all objects below the prefix, one page after the other."""
        more: dict[str, Any] = {}
        while True:
            with self._translated():
                attempts = Attempts(self._patience, self._stopped)
                answer = repeated(lambda: self._page(more), attempts)  # noqa: B023 - called at once
            for item in answer.get("Contents", ()):
                yield Listed(item["Key"][len(self._prefix) :], item["Size"], item["LastModified"].timestamp())
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def _page(self, more: Mapping[str, Any]) -> Any:
        with self._translated():
            return self._call("list_objects_v2", Prefix=f"{self._prefix}{FOLDER}/", **more)

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with self._translated():
            self._call("delete_object", Key=self._prefix + name)

    def _call(self, method: str, **arguments: Any) -> Any:
        work = self._fs._call_s3(method, Bucket=self._bucket, **arguments)  # noqa: SLF001 - fsspec's name for coroutines
        most = 4 * self._patience.timeout + len(arguments.get("Body", b"")) / _LEAST_RATE
        with self._translated():  # time limits of connections do not count while bytes are sent
            return wait_for(self._fs.loop, asyncio.wait_for(work, most), self._stopped)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise :class:`Trouble` for whatever s3fs, botocore or aiohttp raise in the block."""
        try:
            yield
        except Trouble:
            raise
        except Exception as error:  # noqa: BLE001 - three libraries raise errors of many kinds
            raise self._trouble(error) from None

    def _trouble(self, error: Exception) -> Trouble:
        answer = _answer(error)
        if answer is None:
            return _of_connection(error, self._patience.timeout)
        code, status = answer
        found = f"{status_text(status)} ({code})"
        if code in _NO_OBJECT:
            return Absent(found)
        if code == "NoSuchBucket":
            return Trouble(f"no bucket {self._bucket}", again=False)
        if code in _EXISTS:
            return _Exists()
        return Trouble(found, again=status in _PASSING or code == "NoSuchUpload")


class _Exists(Trouble):
    """Another process stored the object first."""

    def __init__(self) -> None:
        super().__init__("an object of this name")


def _answer(error: BaseException | None) -> tuple[str, int] | None:
    """Return the code and status of the answer that an error was made of; its text may hold anything."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            code = str(response.get("Error", {}).get("Code", ""))
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return code if _CODE.fullmatch(code) else "unknown code", int(status)
        error = error.__cause__
    return None


def _of_connection(error: Exception, timeout: float) -> Trouble:
    name = type(error).__name__
    if isinstance(error, (asyncio.TimeoutError, TimeoutError)) or "Timeout" in name:
        return Trouble(f"no answer, or no further bytes, within {timeout:g} s")
    if name == "NoCredentialsError":
        return Trouble("no credentials for it here", again=False)
    if name in _NO_CONNECTION:
        return Unreached(f"no connection to {shown_host(str(error))}")
    passing = isinstance(error, OSError) or "Connect" in name or "Client" in name or "Payload" in name
    return Trouble(scrubbed(error), again=passing)


def _require_size(answer: Mapping[str, Any], start: int, size: int) -> None:
    """Raise unless an answer begins at *start* of an object of *size* bytes."""
    total = answer["ContentLength"] + start
    if start:
        total = int(str(answer.get("ContentRange", "")).rpartition("/")[2] or -1)
    if total != size:
        raise Trouble(f"{total} bytes where {size} were expected", again=False)


def _parts(stream: IO[bytes], size: int, on_bytes: Callable[[int], object]) -> Iterator[bytes]:
    """Yield a file's parts. That one is stored is known when the next one is asked for."""
    length = max(PART_BYTES, -(-size // _MOST_PARTS))
    while data := stream.read(length):
        yield data
        on_bytes(len(data))
