"""What every store promises, whatever it is reached by; here one whose requests are written down."""

from __future__ import annotations

import hashlib

import pytest

from harness.core.errors import UnreadableError
from harness.core.storage.remote.kinds.access import Listed
from harness.core.storage.remote.names import object_name
from harness.core.storage.remote.retry import Patience
from harness.core.storage.remote.store import ObjectMissingError, Store, StoredObject
from harness.core.storage.remote.trouble import Absent, Trouble

DATA = bytes(range(256)) * 40
SHA256 = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


class Script:
    """Answers to reads, each a list of blocks and perhaps a trouble; and files by name."""

    def __init__(self, *answers):
        self.answers, self.starts, self.asked = list(answers), [], []
        self.files = {}

    def read(self, _name, start, _size, note):
        self.starts.append(start)
        note("an answer")
        for part in self.answers.pop(0):
            if isinstance(part, Exception):
                raise part
            yield part

    def size(self, name):
        self.asked.append(name)
        return self.files.get(name)

    def listing(self):
        self.asked.append("listing")
        yield from (Listed(name, size, 1.5) for name, size in self.files.items())


def store_of(script):
    return Store("s3://bucket", script, Patience(tries=3, first=0.001))


def test_blocks_continue_where_they_stopped():
    script = Script([DATA[:100], Trouble("broken")], [DATA[100:1000]], [DATA[1000:]])
    assert b"".join(store_of(script).blocks(SHA256, len(DATA))) == DATA
    assert script.starts == [0, 100, 1000]


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([[DATA[:-1]], [], []], f"it gave {len(DATA) - 1} of {len(DATA)} bytes"),
        ([[DATA, b"x"]], f"more than {len(DATA)} bytes"),
        ([[bytes(len(DATA))]], r"other bytes, of digest sha256:\w+ \(an answer\)"),
        ([[Trouble("a fire", again=False)]], "it gave a fire"),
        (
            [[DATA[:9], Trouble("silence")], [Trouble("silence")], [Trouble("silence")]],
            "silence, after 9 of 10240 bytes",
        ),
        ([[Trouble("a"), DATA], [Trouble("b")], [Trouble("the last")]], "it gave the last"),
    ],
)
def test_what_came_is_named(answers, found):
    with pytest.raises(UnreadableError, match=rf"object {SHA256} of the store s3://bucket.*{found}"):
        list(store_of(Script(*answers)).blocks(SHA256, len(DATA)))


def test_an_absent_object_has_an_error_of_its_own():
    with pytest.raises(ObjectMissingError, match="harness push"):
        list(store_of(Script([Absent("404")])).blocks(SHA256, 1))


def test_a_stopped_store_gives_no_further_blocks():
    script = Script([DATA[:100], DATA[100:]])
    store = store_of(script)
    blocks = store.blocks(SHA256, len(DATA))
    next(blocks)
    store.stopped.set()
    with pytest.raises(UnreadableError, match="a transfer that was stopped"):
        next(blocks)


def test_few_sizes_are_asked_for_and_many_are_listed():
    """One listing costs as much as a few requests for single objects."""
    digests = [f"sha256:{number:064}" for number in range(100)]
    script = Script()
    script.files = {object_name(digest): 7 for digest in digests[:90]}
    script.files["sha256/../../etc/passwd"] = 7
    assert store_of(script).sizes(digests[:3]) == dict.fromkeys(digests[:3], 7)
    assert sorted(script.asked) == sorted(object_name(digest) for digest in digests[:3])
    script.asked.clear()
    assert store_of(script).sizes(digests) == dict.fromkeys(digests[:90], 7)
    assert script.asked == ["listing"]


def test_a_store_that_fails_is_not_asked_for_all_sizes():
    """Each would take as long as the first."""

    class Failing(Script):
        def size(self, name):
            self.asked.append(name)
            raise Trouble("a fire")

    script = Failing()
    with pytest.raises(
        UnreadableError, match="the store s3://bucket could not be asked what it has: it gave a fire"
    ):
        store_of(script).sizes([f"sha256:{number:064}" for number in range(60)])
    assert len(script.asked) < 60


def test_a_store_that_is_down_is_tried_once_an_object_until_it_works():
    """The first object was tried as often as patience has it."""
    script = Script(*[[Trouble("down")]] * 4, [DATA], [Trouble("down")], [DATA])
    store = store_of(script)
    for _ in range(2):
        with pytest.raises(UnreadableError, match="it gave down"):
            list(store.blocks(SHA256, len(DATA)))
    assert len(script.starts) == 4
    for _ in range(2):
        assert b"".join(store.blocks(SHA256, len(DATA))) == DATA
    assert len(script.starts) == 7


def test_objects_are_those_with_their_names():
    script = Script()
    script.files = {object_name(SHA256): 3, "sha256/ab/../x": 1, "/etc/passwd": 2}
    assert list(store_of(script).objects()) == [StoredObject(SHA256, 3, 1.5)]
