"""golden/history.jsonl: one line a record, only ever added, chained by digests; anything else is refused."""

from __future__ import annotations

import hashlib
import itertools
import json

import msgspec
import pytest

from harness.core.errors import RefusedError, UnreadableError
from harness.core.registry import history as history_module
from harness.core.registry.history import (
    CumulativeDrift,
    Distance,
    Environment,
    History,
    Record,
    append,
    decode_history,
    encode_line,
    own_records,
    read_history,
    record_digest,
    versions,
)
from harness.core.registry.registry import history_path
from harness.core.storage.json_limits import Limit

NAME = "golden/history.jsonl"
PATH = "golden/a.npz"
ENVIRONMENT = Environment({"python": "3.11.0", "numpy": "2.0"})
DRIFT = CumulativeDrift(Distance(0.5, "ssim"), Distance(None, "mae"), summed=1.5, restart=True)


def record(reason: str = "first light", **parts) -> Record:
    """Return a record; parts replace its own."""
    values = {
        "path": PATH,
        "sha256": f"sha256:{hashlib.sha256(reason.encode()).hexdigest()}",
        "at": "2020-01-02T03:04:05Z",
        "by": "Ada Lovelace",
        "reason": reason,
        "commit": None,
        "dirty": False,
        "command": "pytest --force-regen",
        "environment": record_digest(ENVIRONMENT),
        "previous": None,
    }
    return Record(**(values | parts))


def chained(*reasons: str, path: str = PATH) -> list[Record]:
    """Return records of one file, each after the one before."""
    made: list[Record] = []
    for reason in reasons:
        previous = record_digest(made[-1]) if made else None
        made.append(record(reason, path=path, previous=previous))
    return made


RECORDS = chained("one", "two\nlines", "drei\u2028\U0001f52d")
TEXT = append(b"", [ENVIRONMENT, *RECORDS])


def test_lines_are_read_back_by_their_digests():
    """Records and environments, with what is optional and without."""
    full = record(code="dirHash:1", cumulative=DRIFT)
    history = decode_history(append(TEXT, [full]), NAME)
    assert list(history.records.values()) == [*RECORDS, full]
    assert history.environments == {record_digest(ENVIRONMENT): ENVIRONMENT}
    assert history.environments[full.environment] == ENVIRONMENT
    assert history.digests == {*map(record_digest, [ENVIRONMENT, *RECORDS, full])}


def test_a_digest_is_the_sha256_of_the_line():
    """What sha256sum says of the line without its newline."""
    for line, value in zip(TEXT.split(b"\n"), [ENVIRONMENT, *RECORDS], strict=False):
        assert record_digest(value) == f"sha256:{hashlib.sha256(line).hexdigest()}"


def test_a_line_is_compact_json_with_sorted_keys():
    """Every value on one line, whatever line ends are in it; what is unset is left out."""
    for line in TEXT.decode().split("\n")[:-1]:
        tree = json.loads(line)
        assert line == json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert set(json.loads(encode_line(RECORDS[0]))) == {
        *("at", "by", "command", "commit", "dirty", "environment", "path", "previous", "reason", "sha256"),
        "type",
    }
    drift = json.loads(encode_line(record(cumulative=DRIFT)))["cumulative"]
    assert drift == {
        "from_first": {"name": "mae", "tolerances": None},
        "from_last": {"name": "ssim", "tolerances": 0.5},
        "restart": True,
        "summed": 1.5,
    }


def test_the_form_of_a_line_has_not_changed():
    """Digests of lines are written down in registries and records everywhere."""
    assert record_digest(ENVIRONMENT) == DIGESTS["environment"]
    assert record_digest(RECORDS[-1]) == DIGESTS["record"]


def test_appending_changes_no_other_byte():
    """A line that is there already is not added again."""
    new = record("four", previous=record_digest(RECORDS[-1]))
    assert append(TEXT, [ENVIRONMENT, new, new]) == TEXT + encode_line(new) + b"\n"
    assert append(TEXT, RECORDS) == TEXT
    assert append(TEXT[:-1], [new]) == TEXT + encode_line(new) + b"\n"


def test_order_duplicates_and_blank_lines_mean_nothing():
    """So that git may merge by keeping the lines of both branches."""
    expected = decode_history(TEXT, NAME)
    lines = TEXT.split(b"\n")
    for order in itertools.permutations(lines[:4]):
        text = b"\n\n".join((*order, order[0], b""))
        assert decode_history(text, NAME) == expected


def test_a_chain_is_returned_from_the_first_record_on():
    others = chained("one", "two", path="golden/b.npz")
    history = decode_history(append(TEXT, others), NAME)
    assert history.chain(PATH, record_digest(RECORDS[-1])) == tuple(RECORDS)
    assert history.chain(PATH, record_digest(RECORDS[0])) == tuple(RECORDS[:1])
    assert history.chain("golden/b.npz", record_digest(others[1])) == tuple(others)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_chain_ends_where_a_record_is_missing(lost):
    """Then its first record still names one before it, or there is none."""
    kept = [item for number, item in enumerate(RECORDS) if number != lost]
    found = decode_history(append(b"", kept), NAME).chain(PATH, record_digest(RECORDS[-1]))
    assert found == tuple(RECORDS[lost + 1 :])
    assert not found or found[0].previous is not None


def test_a_chain_does_not_continue_in_another_file():
    """A record vouches for one path only."""
    other = record("copied", path="golden/b.npz", previous=record_digest(RECORDS[-1]))
    history = decode_history(append(TEXT, [other]), NAME)
    assert history.chain("golden/b.npz", record_digest(other)) == (other,)
    assert history.chain(PATH, record_digest(other)) == ()


@pytest.mark.parametrize(
    "parts", [{"reason": "innocent"}, {"by": "Eve"}, {"dirty": True}, {"sha256": f"sha256:{'0' * 64}"}]
)
def test_a_changed_record_breaks_the_chain(parts):
    forged = [RECORDS[0], msgspec.structs.replace(RECORDS[1], **parts), RECORDS[2]]
    history = decode_history(append(b"", forged), NAME)
    assert history.chain(PATH, record_digest(RECORDS[2])) == (RECORDS[2],)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('"by":', '"author":', "unknown field `author`"),
        ('"commit":null,', "", "missing required field `commit`"),
        ('"dirty":false', '"dirty":0', "Expected `bool`, got `int` - at `$.dirty`"),
        ('"reason":"one"', '"reason":7', "Expected `str`, got `int` - at `$.reason`"),
        ('"previous":null', '"previous":"sha256:1"', "at `$.previous`"),
        ('"environment":"sha256:', '"environment":"xxh128:', "at `$.environment`"),
        ('"type":"record"', '"type":"remark"', "Invalid value 'remark' - at `$.type`"),
        ('"type":"record"', '"dirty":false,"type":"record"', "the key 'dirty' twice in $"),
        ('"at":', '"at": ', "another spelling of the same values"),
        ("Ada", "\\u0041da", "another spelling of the same values"),
        ("Ada", "\\ud800da", "hex escape"),
        ('"type":"record"}', '"type":"record"', "truncated"),
        ('"type":"record"}', '"type":"record"}\r', "Windows line endings"),
    ],
)
def test_any_other_line_is_refused_with_its_number(old, new, found):
    """Unknown, missing and repeated keys, wrong types and forms, another spelling, half a line."""
    text = TEXT.decode().replace(old, new, 1).encode()
    assert text != TEXT
    with pytest.raises(UnreadableError) as caught:
        decode_history(text, NAME)
    assert caught.value.thing == f"{NAME}, line 2"
    assert found in caught.value.found
    assert "Restore it" in caught.value.remedy or "line endings" in caught.value.found


def test_a_merge_that_left_conflict_markers_is_named():
    """With what to do: keep the lines of both sides."""
    with pytest.raises(UnreadableError, match="unresolved merge conflict of git") as caught:
        decode_history(b"<<<<<<< ours\n" + TEXT, NAME)
    assert "keep all others" in caught.value.remedy


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", ""])
def test_a_path_that_leaves_the_repository_is_refused(path):
    with pytest.raises(RefusedError) as caught:
        decode_history(append(b"", [record(path=path)]), NAME)
    assert caught.value.thing == path


def test_more_than_memory_should_take_is_refused(monkeypatch):
    monkeypatch.setattr(history_module, "LIMIT", Limit(1, 10))
    with pytest.raises(UnreadableError, match="more than 10 values"):
        decode_history(TEXT, NAME)


def test_no_file_is_an_empty_history(empty):
    assert read_history(empty) == History()


def test_a_link_that_leads_nowhere_is_refused(empty):
    empty.golden.mkdir()
    history_path(empty).symlink_to("none")
    with pytest.raises(UnreadableError):
        read_history(empty)


def test_a_history_is_read_from_its_file(empty):
    empty.golden.mkdir()
    history_path(empty).write_bytes(TEXT)
    assert read_history(empty) == decode_history(TEXT, NAME)


DIGESTS = {
    "environment": "sha256:d102112468770e0ffac143e1834f99cc3b288ebdd88b134b9929b69307e5dbc8",
    "record": "sha256:f183b9dd3324ddfd53e3fdc938fdabf96896dbba77a155c94df10d426bd7570b",
}


# Records of files that were removed or renamed


FIRST = record()


def ended(**parts) -> Record:
    return msgspec.structs.replace(FIRST, previous=record_digest(FIRST), **parts)


def test_a_chain_goes_on_under_the_old_path_of_a_renamed_file():
    end = ended(moved_to="golden/new.npz")
    start = msgspec.structs.replace(
        FIRST, path="golden/new.npz", previous=record_digest(end), moved_from=FIRST.path
    )
    history = History({record_digest(item): item for item in (FIRST, end, start)})
    assert history.chain("golden/new.npz", record_digest(start)) == (FIRST, end, start)
    assert history.version(record_digest(start)) is FIRST
    assert list(versions((FIRST, end, start))) == [FIRST]
    assert history.ends() == {FIRST.path: record_digest(end)}


@pytest.mark.parametrize("end", [{"removed": True}, {"moved_to": "golden/other.npz"}])
def test_a_renamed_file_must_come_from_where_the_old_one_went(end):
    before = ended(**end)
    start = msgspec.structs.replace(
        FIRST, path="golden/new.npz", previous=record_digest(before), moved_from=FIRST.path
    )
    history = History({record_digest(item): item for item in (FIRST, before, start)})
    assert history.chain("golden/new.npz", record_digest(start)) == (start,)


def test_a_removal_that_another_record_follows_is_not_an_end():
    end = ended(removed=True)
    again = msgspec.structs.replace(FIRST, previous=record_digest(end), reason="again")
    history = History({record_digest(item): item for item in (FIRST, end, again)})
    assert history.ends() == {}
    assert history.chain(FIRST.path, record_digest(again)) == (FIRST, end, again)
    assert list(versions((FIRST, end, again))) == [again]
    assert list(versions((FIRST, end))) == []


def test_records_from_before_a_fetch_were_made_elsewhere():
    first, second = chained("one", "two")
    fetched, later = record("wanted", fetched_from="doi:10.5281/zenodo.42"), record("better")
    assert own_records((first, second)) == (first, second)
    assert own_records((first, second, fetched, later)) == (fetched, later)
    assert own_records((first, fetched, second, fetched)) == (fetched,)
    assert own_records(()) == ()


def test_a_line_with_an_end_is_read_back():
    end = ended(removed=True)
    text = append(encode_line(FIRST) + b"\n", [end])
    assert decode_history(text, "history").records[record_digest(end)] == end
    assert b'"removed":true' in text
    assert b"moved" not in text.splitlines()[0]
