"""The registry: what it stands behind, by whom and why, in a chain that shows a rewritten record."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from harness.core.errors import RefusedError, StaleFormatError, UnreadableError
from harness.core.registry.format import Entry, Registry
from harness.core.registry.history import Record, record_digest
from harness.core.registry.registry import describe_file, new_record, read_registry, with_entries
from harness.core.storage.digest import digest_file, sha256_file
from harness.core.storage.documents import encode_document
from harness.core.system.environment import fingerprint


def record(reason: str = "first light", **parts) -> Record:
    given = {
        "at": "2020-01-02T03:04:05Z",
        "by": "Ada Lovelace",
        "reason": reason,
        "commit": None,
        "dirty": False,
        "command": "pytest --force-regen",
        "environment": {"python": "3.11.0"},
    }
    return Record(**(given | parts))


def entry(reason: str = "first light", size: int = 3) -> Entry:
    return Entry("file", size, "xxh128:0", "sha256:0", record(reason))


def test_a_registry_is_read_as_it_was_written(tmp_path):
    registry = with_entries(Registry(1, {}), {"golden/b": entry("b"), "golden/a": entry("a")})
    path = tmp_path / "registry.json"
    path.write_bytes(encode_document(registry))
    assert read_registry(path) == registry
    before = path.read_bytes()
    path.write_bytes(encode_document(read_registry(path)))
    assert path.read_bytes() == before


def test_entries_are_sorted_by_path_each_on_lines_of_its_own(tmp_path):
    """So that two branches that record different files merge."""
    path = tmp_path / "registry.json"
    path.write_bytes(
        encode_document(with_entries(Registry(1, {}), {"golden/b": entry(), "golden/a": entry()}))
    )
    lines = path.read_text("utf-8").splitlines()
    assert [line for line in lines if '"golden/' in line] == ['    "golden/a": {', '    "golden/b": {']


def test_no_file_is_an_empty_registry(tmp_path):
    assert read_registry(tmp_path / "registry.json") == Registry(1, {})


def test_a_file_is_described_as_it_is_on_disk(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    told = describe_file(path, "file", record())
    assert told == Entry("file", 3, digest_file(path), sha256_file(path), record())


def test_records_form_a_chain():
    """Each names the digest of the one before it, which the history keeps, newest first."""
    registry = Registry(1, {})
    for reason in ("one", "two", "three"):
        registry = with_entries(registry, {"golden/a": entry(reason)})
    told = registry.entries["golden/a"]
    chain = (told.record, *told.history)
    assert [item.reason for item in chain] == ["three", "two", "one"]
    assert [item.previous for item in chain] == [record_digest(chain[1]), record_digest(chain[2]), None]


@pytest.mark.parametrize(
    "parts", [{"reason": "innocent"}, {"by": "Eve"}, {"dirty": True}, {"previous": "sha256:1"}]
)
def test_a_rewritten_record_breaks_the_chain(parts):
    registry = with_entries(Registry(1, {"golden/a": entry("one")}), {"golden/a": entry("two")})
    told = registry.entries["golden/a"]
    forged = msgspec.structs.replace(told.history[0], **parts)
    assert record_digest(told.history[0]) == told.record.previous
    assert record_digest(forged) != told.record.previous


def test_form_of_a_records_digest_has_not_changed():
    """The digest of one record as it was written down: other chains hold such digests."""
    assert (
        record_digest(record()) == "sha256:9ae96c6ac8bfd57d93acc8b6b26466832575ff6961a4a0f1b82df41245cc690a"
    )


def test_other_entries_stay_as_they_are():
    before = Registry(1, {"golden/a": entry("a"), "golden/c": entry("c")})
    after = with_entries(before, {"golden/b": entry("b")})
    assert list(after.entries) == ["golden/a", "golden/b", "golden/c"]
    assert (after.entries["golden/a"], after.entries["golden/c"]) == (entry("a"), entry("c"))
    assert list(before.entries) == ["golden/a", "golden/c"]


def test_a_new_record_says_when_why_and_with_what(empty):
    told = new_record(empty, reason="wider probe", command="pytest --force-regen")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told.at)
    assert (told.reason, told.command, told.previous) == ("wider probe", "pytest --force-regen", None)
    assert told.environment == fingerprint()


def edited(place, value) -> bytes:
    """A registry's file with one value set by hand."""
    told = json.loads(encode_document(Registry(1, {"golden/a": entry()})))
    part = told
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (edited(["author"], "me"), "unknown field `author`"),
        (edited(["entries", "golden/a", "sise"], 3), "unknown field `sise` - at `$.entries[...]`"),
        (
            edited(["entries", "golden/a", "size"], "3"),
            "Expected `int`, got `str` - at `$.entries[...].size`",
        ),
        (
            edited(["entries", "golden/a", "kind"], "photo"),
            "Invalid enum value 'photo' - at `$.entries[...].kind`",
        ),
        (
            edited(["entries", "golden/a", "record"], {}),
            "missing required field `at` - at `$.entries[...].record`",
        ),
        (edited(["entries", "golden/a", "history"], [3]), "at `$.entries[...].history[0]`"),
        (b"", "an empty file"),
        (encode_document(Registry(1, {"golden/a": entry()}))[:-20], "truncated"),
    ],
)
def test_an_edited_or_truncated_registry_is_refused_with_the_place(tmp_path, data, found):
    path = tmp_path / "registry.json"
    path.write_bytes(data)
    with pytest.raises(UnreadableError) as caught:
        read_registry(path)
    assert caught.value.thing == str(path)
    assert found in caught.value.found


def test_a_newer_registry_is_stale(tmp_path):
    path = tmp_path / "registry.json"
    path.write_bytes(b'{"schema": 2, "signatures": []}')
    with pytest.raises(StaleFormatError, match="Upgrade"):
        read_registry(path)


def test_a_directory_is_no_registry(tmp_path):
    with pytest.raises(UnreadableError, match="directory"):
        read_registry(tmp_path)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a", "golden/../../a", "C:/a", "golden\\a", "", "golden/a\0"]
)
def test_a_path_that_leaves_the_repository_is_refused(tmp_path, path):
    file = tmp_path / "registry.json"
    file.write_bytes(encode_document(Registry(1, {"golden/a": entry(), path: entry()})))
    with pytest.raises(RefusedError) as caught:
        read_registry(file)
    assert caught.value.thing == path
