"""A store in a bucket: two servers that speak S3, and one that fails."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time

import pytest

pytest.importorskip("s3fs", reason="s3 needs the extra s3")

from stores import faulty_web as fault
from stores.faulty_web import faulty_web
from stores.s3_servers import BUCKET, SECRET, client, credentials, free_port, moto_server, s3rver_server

from harness.core.errors import UnreadableError, UnwritableError
from harness.core.storage.remote.cache import Cache
from harness.core.storage.remote.kinds import bucket as module
from harness.core.storage.remote.kinds.bucket import PART_BYTES
from harness.core.storage.remote.retry import Patience
from harness.core.storage.remote.settings import open_store
from harness.core.storage.remote.store import ObjectMissingError
from harness.core.storage.remote.transfer import Local, Wanted, fetch_objects, push_files
from harness.core.storage.remote.trouble import Trouble

URL = f"s3://{BUCKET}/some/prefix"
CALM = Patience(timeout=30, tries=2, first=0.01, longest=0.1)
IMPATIENT = CALM._replace(timeout=1)
"""For servers that say nothing; too short for those that answer, on a machine that is busy."""

SLOW = {"stalled", "silent", "dripping"}
PATIENT = Patience(timeout=20, tries=3, first=0.05)
DATA = hashlib.sha256(b"golden").digest() * 10_000


@pytest.fixture(scope="module", params=["moto", "s3rver"])
def server(request, tmp_path_factory):
    """Each of the servers, with one bucket for all tests here."""
    if request.param == "moto":
        with moto_server() as url:
            yield url, "testing"
    else:
        with s3rver_server(tmp_path_factory.mktemp("s3rver")) as url:
            yield url, "S3RVER"


@pytest.fixture
def settings(server, monkeypatch):
    """The environment that a user of the server has."""
    found = credentials(*server)
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def store(settings, tmp_path):
    return open_store(f"{URL}/{tmp_path.name}", tmp_path, PATIENT)


def local(path, data):
    path.write_bytes(data)
    return Local(path, f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))


@pytest.fixture
def files(tmp_path):
    """Of no bytes, of some, of exactly one part, of one byte more, and of several parts."""
    sizes = (0, 1, 1000, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 5)
    return [local(tmp_path / f"{size}.dat", os.urandom(size)) for size in sizes]


def test_what_is_pushed_is_fetched(store, files, tmp_path):
    """Of every size, by name and in a listing."""
    digests = [file.sha256 for file in files]
    assert store.sizes(digests) == {}
    pushed = push_files(store, files, jobs=3)
    assert pushed.failed == ()
    assert store.sizes(digests) == {file.sha256: file.size for file in files}
    assert {(item.sha256, item.size) for item in store.objects()} == {(f.sha256, f.size) for f in files}
    cache = Cache(tmp_path / "cache")
    fetched = fetch_objects(store, cache, [Wanted(file.sha256, file.size) for file in files], jobs=3)
    assert fetched.failed == ()
    for file in files:
        assert cache.path(file.sha256).read_bytes() == file.path.read_bytes()
        assert b"".join(store.blocks(file.sha256, file.size)) == file.path.read_bytes()


def test_an_object_is_removed(store, files):
    store.put(files[1].path, files[1].sha256)
    store.remove(files[1].sha256)
    store.remove(files[1].sha256)
    assert store.sizes([files[1].sha256]) == {}
    with pytest.raises(ObjectMissingError, match=rf"does not have object {files[1].sha256} \(404 Not Found"):
        list(store.blocks(files[1].sha256, 1))


def test_an_object_of_another_size_is_named_and_left(store, server, files):
    """Somebody else put it there."""
    digits = files[2].sha256.partition(":")[2]
    key = f"{store.url.partition(f'{BUCKET}/')[2]}/sha256/{digits[:2]}/{digits[2:]}"
    service = client(server[0], server[1], "S3RVER" if server[1] == "S3RVER" else SECRET)
    service.put_object(Bucket=BUCKET, Key=key, Body=b"other")
    with pytest.raises(
        UnwritableError, match="an object of this name with 5 bytes instead of 1000; it was not"
    ):
        store.put(files[2].path, files[2].sha256)
    assert service.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"other"
    with pytest.raises(UnreadableError, match="5 bytes where 1000 were expected"):
        list(store.blocks(files[2].sha256, 1000))


@pytest.mark.parametrize("size", [1000, 2 * PART_BYTES + 5])
def test_a_file_that_changes_is_not_stored(store, tmp_path, size):
    """Its bytes have another digest than the registry says."""
    file = local(tmp_path / "file", os.urandom(size))
    with file.path.open("r+b") as stream:
        stream.write(b"changed")
    with pytest.raises(UnwritableError, match="a file that has changed: its digest is sha256:"):
        store.put(file.path, file.sha256)
    assert list(store.objects()) == []


def test_other_names_in_the_bucket_are_left_out(store, server, files):
    """A listing may hold anything."""
    prefix = store.url.partition(f"{BUCKET}/")[2]
    service = client(server[0], server[1], "S3RVER" if server[1] == "S3RVER" else SECRET)
    for name in ("sha256/ab/short", "sha256/ab/.hidden.part", "sha256/readme", f"sha256/zz/{'0' * 62}"):
        service.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}", Body=b"x")
    store.put(files[1].path, files[1].sha256)
    assert [item.sha256 for item in store.objects()] == [files[1].sha256]


def test_a_push_that_is_killed_leaves_no_object_and_is_continued(store, settings, tmp_path):
    """Parts that were stored are not sent again, where the server lists them."""
    file = local(tmp_path / "large", os.urandom(PART_BYTES) * 6)
    program = (
        "import sys; from pathlib import Path\n"
        "from harness.core.storage.remote.settings import open_store\n"
        "from harness.core.storage.remote.retry import Patience\n"
        "store = open_store(sys.argv[1], Path('.'), Patience())\n"
        "print('ready', flush=True)\n"
        "store.put(Path(sys.argv[2]), sys.argv[3])\n"
    )
    call = [sys.executable, "-c", program, store.url, str(file.path), file.sha256]
    process = subprocess.Popen(call, env={**os.environ, **settings}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    wait_for_part(settings)
    process.kill()
    process.wait()
    process.stdout.close()
    assert {item.size for item in store.objects()} <= (
        {file.size} if settings["AWS_ACCESS_KEY_ID"] == "S3RVER" else set()
    )
    store.put(file.path, file.sha256)
    assert store.sizes([file.sha256]) == {file.sha256: file.size}
    cache = Cache(tmp_path / "cache")
    assert cache.fetch(store, file.sha256, file.size).stat().st_size == file.size


def wait_for_part(settings):
    """Wait until the server has begun to store a file in parts; where it cannot list them, a moment."""
    key = settings["AWS_ACCESS_KEY_ID"]
    if key == "S3RVER":
        time.sleep(0.3)
        return
    service = client(settings["AWS_ENDPOINT_URL"])
    for _ in range(2000):
        for upload in service.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()):
            if service.list_parts(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"]).get("Parts"):
                return
        time.sleep(0.01)
    pytest.fail("no part was stored")


def test_parts_that_are_there_are_not_sent_again(settings, tmp_path, monkeypatch):
    if settings["AWS_ACCESS_KEY_ID"] == "S3RVER":
        pytest.skip("s3rver does not list parts")
    store = open_store(f"{URL}/{tmp_path.name}", tmp_path, PATIENT)
    file = local(tmp_path / "large", os.urandom(3 * PART_BYTES))
    calls = []
    whole = store.access._call

    def call(method, **arguments):
        calls.append(method)
        if calls.count("upload_part") == 3 and method == "upload_part":
            raise KeyboardInterrupt
        return whole(method, **arguments)

    monkeypatch.setattr(store.access, "_call", call)
    with pytest.raises(KeyboardInterrupt):
        store.put(file.path, file.sha256)
    calls.clear()
    monkeypatch.setattr(
        store.access, "_call", lambda method, **more: (calls.append(method), whole(method, **more))[1]
    )
    store.put(file.path, file.sha256)
    assert calls.count("upload_part") == 1
    assert b"".join(store.blocks(file.sha256, file.size)) == file.path.read_bytes()


def test_processes_push_the_same_object(store, settings, tmp_path):
    """It is there once, and each of them succeeds."""
    file = local(tmp_path / "large", os.urandom(PART_BYTES + 1))
    program = (
        "import sys; from pathlib import Path\n"
        "from harness.core.storage.remote.settings import open_store\n"
        "from harness.core.storage.remote.retry import Patience\n"
        "open_store(sys.argv[1], Path('.'), Patience()).put(Path(sys.argv[2]), sys.argv[3])\n"
    )
    call = [sys.executable, "-c", program, store.url, str(file.path), file.sha256]
    pushing = [subprocess.Popen(call, env={**os.environ, **settings}) for _ in range(3)]
    assert [process.wait() for process in pushing] == [0, 0, 0]
    assert [(item.sha256, item.size) for item in store.objects()] == [(file.sha256, file.size)]
    assert b"".join(store.blocks(file.sha256, file.size)) == file.path.read_bytes()


def test_an_absent_bucket_is_not_an_absent_object(settings, tmp_path):
    """Nobody can say then what the store has."""
    store = open_store("s3://nowhere-at-all/prefix", tmp_path, CALM)
    with pytest.raises(UnreadableError, match="no bucket nowhere-at-all"):
        store.sizes(["sha256:" + "0" * 64])
    with pytest.raises(
        UnreadableError, match="could not be asked what it has: it gave no bucket nowhere-at-all"
    ):
        list(store.objects())
    file = local(tmp_path / "file", b"golden")
    with pytest.raises(UnwritableError, match="no bucket nowhere-at-all"):
        store.put(file.path, file.sha256)


# A server that fails


@pytest.fixture(scope="module")
def broken():
    with faulty_web() as made:
        yield made


@pytest.fixture
def web(broken, monkeypatch):
    """It answers as S3 does where it is asked for an object; what else it is asked, it does not know."""
    broken.files.clear()
    broken.faults.clear()
    broken.asked.clear()
    broken.always = None
    for name, value in credentials(broken.url, "AKIAIOSFODNN7EXAMPLE").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "SECRETSESSIONTOKEN")
    return broken


def stored(web, data=DATA):
    sha256, size = web.add(data)
    digits = sha256.partition(":")[2]
    web.files[f"/{BUCKET}/sha256/{digits[:2]}/{digits[2:]}"] = data
    return sha256, size


def error(code, status, message="sorry"):
    """An answer of S3 that is an error."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return lambda handler, _: handler.answer(status, body, {"Content-Type": "application/xml"})


def echo(handler, _data):
    """An error whose text has all that was sent, and more."""
    sent = (
        " ".join(handler.headers.values())
        + f" {SECRET} https://me:{SECRET}@host/?X-Amz-Signature=SECRETSIGNATURE"
    )
    error("SignatureDoesNotMatch", 403, sent.replace("<", "").replace("&", ""))(handler, b"")


FAULTS = {
    "truncated": (
        fault.truncated(100_000),
        "IncompleteRead|ended early|closed|100000 of 320000 bytes|Payload",
    ),
    "stalled": (fault.stalled(100_000), "no further bytes, within 1 s"),
    "silent": (fault.silent, "no answer, or no further bytes, within 1 s"),
    "closed": (fault.closed, "no connection to http:|closed"),
    "denied": (error("AccessDenied", 403), r"403 Forbidden \(AccessDenied\)"),
    "slow down": (error("SlowDown", 503), r"503 Service Unavailable \(SlowDown\)"),
    "internal": (error("InternalError", 500), r"500 Internal Server Error \(InternalError\)"),
    "no XML": (fault.status(502), "502 Bad Gateway"),
    "page": (fault.page, "19 bytes where 320000 were expected"),
    "other bytes": (fault.other_bytes, "other bytes, of digest sha256:.* \\(ETag"),
    "other size": (fault.other_size, "320004 bytes where 320000 were expected"),
    "echo": (echo, r"403 Forbidden \(SignatureDoesNotMatch\)"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_failure_is_named_and_the_next_attempt_succeeds(web, tmp_path, name):
    """No message has anything that is secret."""
    sha256, size = stored(web)
    cache = Cache(tmp_path / "cache")
    web.always, match = FAULTS[name]
    with pytest.raises(UnreadableError, match=match) as caught:
        cache.fetch(open_store(f"s3://{BUCKET}", tmp_path, IMPATIENT if name in SLOW else CALM), sha256, size)
    assert f"s3://{BUCKET}" in str(caught.value)
    for secret in (SECRET, "SECRET", "AKIAIOSFODNN7EXAMPLE", "X-Amz"):
        assert secret not in str(caught.value)
    assert not cache.path(sha256).exists()
    web.always = None
    web.asked.clear()
    assert cache.fetch(open_store(f"s3://{BUCKET}", tmp_path, CALM), sha256, size).read_bytes() == DATA
    if name in {"truncated", "stalled"}:
        assert web.ranges()[0].startswith("bytes=")


def test_an_object_that_changes_between_two_requests_is_read_from_the_start(web, tmp_path):
    sha256, size = stored(web)
    web.faults = [lambda handler, _: fault.truncated(100_000)(handler, bytes(len(DATA)))]
    cache = Cache(tmp_path / "cache")
    store = open_store(f"s3://{BUCKET}", tmp_path, CALM)
    assert cache.fetch(store, sha256, size).read_bytes() == DATA


@pytest.mark.parametrize("size", [1000, PART_BYTES])
def test_a_server_that_does_not_read_is_not_waited_for_for_ever(web, tmp_path, monkeypatch, size):
    """While bytes are sent, no time limit of the connection counts."""
    monkeypatch.setattr(module, "_LEAST_RATE", 1 << 30)
    file = local(tmp_path / "file", os.urandom(size))
    web.faults = [fault.status(404), fault.silent]
    store = open_store(f"s3://{BUCKET}", tmp_path, IMPATIENT._replace(tries=1))
    monkeypatch.setattr(store.access, "_require_bucket", lambda: None)
    with pytest.raises(UnwritableError, match=r"no answer, or no further bytes, within 1 s"):
        store.put(file.path, file.sha256)


def test_a_push_is_repeated_and_its_progress_is_right(store, tmp_path, monkeypatch):
    file = local(tmp_path / "large", os.urandom(PART_BYTES + 1))
    whole, failed, seen = store.access._call, [], []

    def call(method, **arguments):
        if method == "complete_multipart_upload" and not failed:
            failed.append(method)
            raise Trouble("busy")
        return whole(method, **arguments)

    monkeypatch.setattr(store.access, "_call", call)
    store.put(file.path, file.sha256, on_bytes=seen.append)
    assert sum(seen) == file.size
    assert store.sizes([file.sha256]) == {file.sha256: file.size}


@pytest.mark.parametrize(("user", "match"), [("", "onnect"), (f"me:{SECRET}@", "HTTPClientError|onnect")])
def test_nobody_listens(tmp_path, monkeypatch, user, match):
    """If the address of the endpoint has a password, that is not shown."""
    for name, value in credentials(f"http://{user}127.0.0.1:{free_port()}").items():
        monkeypatch.setenv(name, value)
    store = open_store(f"s3://{BUCKET}", tmp_path, IMPATIENT)
    with pytest.raises(UnreadableError, match=match) as caught:
        store.sizes(["sha256:" + "0" * 64])
    assert SECRET not in str(caught.value)


def test_no_credentials_are_named(tmp_path, monkeypatch):
    for name, value in credentials("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    store = open_store(f"s3://{BUCKET}", tmp_path, IMPATIENT)
    with pytest.raises(UnreadableError, match="no credentials for it here"):
        store.sizes(["sha256:" + "0" * 64])
