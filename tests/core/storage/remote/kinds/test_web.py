"""A store on a web server that fails: one error says what came, and the next attempt goes on from there."""

from __future__ import annotations

import hashlib
import os

import pytest

pytest.importorskip("aiohttp", reason="http and https need the extra stores")

from stores import faulty_web as fault
from stores.faulty_web import faulty_web
from stores.s3_servers import free_port

from harness.core.errors import UnreadableError, UnwritableError
from harness.core.storage.remote.cache import Cache
from harness.core.storage.remote.retry import Patience
from harness.core.storage.remote.settings import open_store
from harness.core.storage.remote.store import ObjectMissingError

DATA = hashlib.sha256(b"golden").digest() * 10_000  # 320 kB
CALM = Patience(timeout=30, tries=2, first=0.01, longest=0.1)
IMPATIENT = CALM._replace(timeout=1)
"""For servers that say nothing; too short for those that answer, on a machine that is busy."""

SLOW = {"stalled", "silent", "dripping"}
KEPT = 100_000
"""Bytes that arrive before an answer breaks off."""


@pytest.fixture(scope="module")
def server():
    with faulty_web() as made:
        yield made


@pytest.fixture
def web(server):
    """The server with nothing in it."""
    server.files.clear()
    server.faults.clear()
    server.asked.clear()
    server.always = None
    return server


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def store_at(url, tmp_path, patience=CALM):
    return open_store(url, tmp_path, patience)


def names(cache):
    """What has a name in the cache, other than locks."""
    found = (path.relative_to(cache.root).as_posix() for path in cache.root.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.startswith("locks/") and not name.endswith(".part"))


FAULTS = {
    "truncated": (fault.truncated(KEPT), rf"{KEPT} of {len(DATA)} bytes|ended early|closed"),
    "stalled": (fault.stalled(KEPT), r"no further bytes, within 1 s"),
    "silent": (fault.silent, r"no answer, or no further bytes, within 1 s"),
    "dripping": (fault.dripping, r"only \d+ bytes within 1 s|no answer"),
    "closed": (fault.closed, "a connection that was closed"),
    "forbidden": (fault.status(403), "403 Forbidden"),
    "unauthorized": (fault.status(401), "401 Unauthorized"),
    "too many requests": (
        fault.status(429, Retry_After="0"),
        "429 Too Many Requests, which asks to wait 0 s",
    ),
    "busy for an hour": (fault.status(503, Retry_After="3600"), "503 Service Unavailable.* wait 3600 s"),
    "broken": (fault.status(500), "500 Internal Server Error"),
    "login page": (fault.page, r"it gave 19 bytes where 320000 were expected \(200 OK, text/html\)"),
    "other bytes": (
        fault.other_bytes,
        rf"other bytes, of digest sha256:{hashlib.sha256(bytes(len(DATA))).hexdigest()}",
    ),
    "other size": (fault.other_size, "gave 320004 bytes where 320000 were expected"),
    "no length, too few": (fault.without_length(b"oops"), "4 of 320000 bytes"),
    "no length, too many": (fault.without_length(DATA + b"x"), "more than 320000 bytes"),
    "compressed": (fault.compressed, r"an answer compressed on the way \(gzip\)"),
    "another part": (fault.other_part, "bytes from 1 on where those from 0 on were asked for"),
    "part without a place": (fault.status(206), "206 Partial Content that does not say which part"),
    "no HTTP": (fault.garbage, "an answer that is not HTTP"),
    "no redirect": (fault.status(304), "304 Not Modified"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_failure_is_named_and_the_next_attempt_succeeds(web, cache, tmp_path, name):
    """The cache is as it was; when the server is well, the object comes, from where it stopped."""
    other, size = web.add(b"here before")
    store = store_at(web.url, tmp_path, IMPATIENT if name in SLOW else CALM)
    cache.fetch(store_at(web.url, tmp_path), other, size)
    before = names(cache)
    sha256, size = web.add(DATA)
    web.always, match = FAULTS[name]
    with pytest.raises(UnreadableError, match=match) as caught:
        cache.fetch(store, sha256, size)
    assert sha256 in str(caught.value)
    assert web.url in str(caught.value)
    assert names(cache) == before
    web.always = None
    assert cache.fetch(store_at(web.url, tmp_path), sha256, size).read_bytes() == DATA
    assert len(names(cache)) == len(before) + 1


@pytest.mark.parametrize("name", ["truncated", "stalled"])
def test_the_next_attempt_asks_for_the_rest(web, cache, tmp_path, name):
    """After another process had some of the bytes, too."""
    sha256, size = web.add(DATA)
    web.always = FAULTS[name][0]
    with pytest.raises(UnreadableError):
        cache.fetch(store_at(web.url, tmp_path, IMPATIENT if name in SLOW else CALM), sha256, size)
    web.always = None
    web.asked.clear()
    seen = []
    cache.fetch(store_at(web.url, tmp_path), sha256, size, on_bytes=seen.append)
    assert web.ranges() == [f"bytes={seen[0]}-"]
    assert seen[0] >= KEPT
    assert sum(seen) == size


@pytest.mark.parametrize(
    "passing",
    [
        fault.truncated(KEPT),
        fault.stalled(KEPT),
        fault.closed,
        fault.status(500),
        fault.status(429, Retry_After="0"),
    ],
    ids=["truncated", "stalled", "closed", "500", "429"],
)
def test_what_passes_is_asked_for_again(web, cache, tmp_path, passing):
    sha256, size = web.add(DATA)
    web.faults = [passing]
    store = store_at(web.url, tmp_path, IMPATIENT._replace(tries=9))
    assert cache.fetch(store, sha256, size).read_bytes() == DATA
    assert len(web.asked) > 1


@pytest.mark.parametrize("status", [400, 401, 403, 451])
def test_what_will_not_pass_is_asked_for_once(web, tmp_path, status):
    sha256, size = web.add(DATA)
    web.always = fault.status(status)
    with pytest.raises(UnreadableError, match=str(status)):
        list(store_at(web.url, tmp_path).blocks(sha256, size))
    assert len(web.asked) == 1


def test_a_server_that_ignores_ranges_is_read_again_from_the_start(web, cache, tmp_path):
    """What is there already is skipped."""
    sha256, size = web.add(DATA)
    web.faults = [fault.truncated(KEPT), fault.whole]
    assert cache.fetch(store_at(web.url, tmp_path), sha256, size).read_bytes() == DATA
    assert web.ranges()[1].startswith("bytes=")


def test_bytes_beyond_the_promised_length_are_not_read(web, cache, tmp_path):
    sha256, size = web.add(DATA)
    web.always = fault.longer_than_promised
    assert cache.fetch(store_at(web.url, tmp_path), sha256, size).read_bytes() == DATA


def test_an_object_that_changes_between_two_requests_is_read_from_the_start(web, cache, tmp_path):
    """The first part was of another version."""
    sha256, size = web.add(DATA)
    wrong = bytes(len(DATA))
    web.faults = [lambda handler, _: fault.truncated(KEPT)(handler, wrong)]
    assert cache.fetch(store_at(web.url, tmp_path), sha256, size).read_bytes() == DATA
    assert web.ranges()[0] is None
    assert web.ranges()[-1] is None


def test_a_changed_object_is_named_with_both_tags(web, tmp_path):
    """While it is only read, the bytes before cannot be taken back."""
    sha256, size = web.add(DATA)
    web.faults = [fault.truncated(KEPT), fault.changed]
    with pytest.raises(UnreadableError, match=r'other bytes.*200 OK.*; then 206.*ETag "another"'):
        list(store_at(web.url, tmp_path).blocks(sha256, size))


def test_a_part_of_other_bytes_is_not_continued_for_ever(web, cache, tmp_path):
    """A process left what a broken server gave it."""
    sha256, size = web.add(DATA)
    partial = cache._partial(sha256)
    partial.parent.mkdir(parents=True)
    partial.write_bytes(bytes(1000))
    assert cache.fetch(store_at(web.url, tmp_path), sha256, size).read_bytes() == DATA
    assert web.ranges() == ["bytes=1000-", None]


class TestRedirects:
    @pytest.fixture
    def elsewhere(self):
        with faulty_web() as made:
            yield made

    def test_another_host_may_have_the_right_bytes(self, web, elsewhere, cache, tmp_path):
        sha256, size = web.add(DATA)
        elsewhere.files["/blob"] = DATA
        web.always = fault.redirected(f"{elsewhere.url}/blob")
        assert cache.fetch(store_at(web.url, tmp_path), sha256, size).read_bytes() == DATA

    def test_other_bytes_of_another_host_are_named_with_it(self, web, elsewhere, cache, tmp_path):
        sha256, size = web.add(DATA)
        elsewhere.files["/blob"] = bytes(len(DATA))
        web.always = fault.redirected(f"{elsewhere.url}/blob?X-Amz-Signature=SECRETSIGNATURE")
        elsewhere.files["/blob?X-Amz-Signature=SECRETSIGNATURE"] = bytes(len(DATA))
        with pytest.raises(UnreadableError, match=f"other bytes.*from {elsewhere.url}/blob") as caught:
            cache.fetch(store_at(web.url, tmp_path), sha256, size)
        assert "SECRETSIGNATURE" not in str(caught.value)
        assert names(cache) == []

    def test_a_login_page_is_named(self, web, elsewhere, cache, tmp_path):
        sha256, size = web.add(DATA)
        elsewhere.always = fault.page
        web.always = fault.redirected(f"{elsewhere.url}/login?next=secret")
        with pytest.raises(
            UnreadableError,
            match=rf"a redirect to {elsewhere.url}/login, which gave 200 OK, a page of text/html",
        ) as caught:
            cache.fetch(store_at(web.url, tmp_path), sha256, size)
        assert "next=" not in str(caught.value)
        with pytest.raises(UnreadableError, match="a page of text/html"):
            store_at(web.url, tmp_path).sizes([sha256])

    def test_a_host_that_does_not_answer_is_named(self, web, cache, tmp_path):
        sha256, size = web.add(DATA)
        target = f"http://127.0.0.1:{free_port()}/blob"
        web.always = fault.redirected(f"{target}?token=secret")
        with pytest.raises(UnreadableError, match=f"a redirect to {target}, which gave a refused connection"):
            cache.fetch(store_at(web.url, tmp_path), sha256, size)

    def test_a_circle_ends(self, web, cache, tmp_path):
        sha256, size = web.add(DATA)
        web.always = fault.redirected("/again")
        with pytest.raises(UnreadableError, match=f"redirects without an end, last to {web.url}/again"):
            cache.fetch(store_at(web.url, tmp_path), sha256, size)
        assert len(web.asked) == 10

    @pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://elsewhere.org/a", "s3://bucket/a"])
    def test_another_scheme_is_not_followed(self, web, tmp_path, target):
        sha256, size = web.add(DATA)
        web.always = fault.redirected(target)
        with pytest.raises(UnreadableError, match=f"a redirect to {target}, which is not https"):
            list(store_at(web.url, tmp_path).blocks(sha256, size))

    def test_credentials_stay_with_the_store(self, web, elsewhere, tmp_path, monkeypatch):
        """Settings of fsspec have a header; the other host does not get it."""
        import fsspec.config

        sha256, size = web.add(DATA)
        elsewhere.files["/blob"] = DATA
        web.always = fault.redirected(f"{elsewhere.url}/blob")
        headers = {"Authorization": "Bearer SECRETTOKEN", "Private-Token": "SECRETTOKEN"}
        monkeypatch.setitem(
            fsspec.config.conf, "http", {"client_kwargs": {"headers": headers}, "headers": headers}
        )
        assert b"".join(store_at(web.url, tmp_path).blocks(sha256, size)) == DATA
        assert web.asked[0].headers["Authorization"] == "Bearer SECRETTOKEN"
        assert "SECRETTOKEN" not in str(elsewhere.asked)
        assert len(elsewhere.asked) == 1


def test_an_absent_object_is_another_error(web, cache, tmp_path):
    sha256, size = "sha256:" + "0" * 64, 7
    with pytest.raises(ObjectMissingError, match=r"does not have object sha256:0+ \(404 Not Found\)"):
        cache.fetch(store_at(web.url, tmp_path), sha256, size)
    assert store_at(web.url, tmp_path).sizes([sha256]) == {}


def test_an_empty_object_comes(web, cache, tmp_path):
    sha256, size = web.add(b"")
    assert cache.fetch(store_at(web.url, tmp_path), sha256, size).read_bytes() == b""


def test_sizes_are_asked_for_without_the_bytes(web, tmp_path):
    sizes = dict(web.add(os.urandom(100 + number)) for number in range(70))
    assert store_at(f"{web.url}/", tmp_path).sizes(list(sizes)) == sizes
    assert {asked.method for asked in web.asked} == {"HEAD"}


@pytest.mark.parametrize("status", [403, 405, 501])
def test_a_server_without_head_is_asked_with_get(web, tmp_path, status):
    sha256, size = web.add(DATA)
    web.faults = [fault.status(status)]
    assert store_at(web.url, tmp_path).sizes([sha256]) == {sha256: size}


def test_sizes_cannot_be_found_without_the_server(tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(
        UnreadableError, match=rf"store {url} could not be asked what it has: it gave a refused connection"
    ):
        store_at(url, tmp_path).sizes(["sha256:" + "0" * 64])


def test_it_is_only_read(web, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(DATA)
    sha256 = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
    store = store_at(web.url, tmp_path)
    for call in (lambda: store.put(path, sha256), lambda: store.remove(sha256), store.prepare):
        with pytest.raises(UnwritableError, match="only read"):
            call()
    with pytest.raises(UnreadableError, match="cannot be listed"):
        list(store.objects())
    assert web.asked == []
