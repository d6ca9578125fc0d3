"""What verify reads of the registry: the same as a strict reading gives, without the records."""

from __future__ import annotations

import json
import typing

import msgspec
import pytest

from harness.core.errors import RefusedError, StaleFormatError, UnreadableError
from harness.core.registry.expected import KINDS, read_outline
from harness.core.registry.large_outline import _outlined
from harness.core.registry.registry import Entry, Kind, read_registry
from harness.core.storage.documents import encode_document

FIXTURE = "golden/lattice.npz"


@pytest.fixture(params=["small", "large"], autouse=True)
def size(request, monkeypatch) -> str:
    """Whether the registry counts as a small one, or as a large one."""
    if request.param == "large":
        monkeypatch.setattr("harness.core.registry.expected._SMALL_BYTES", 0)
    return str(request.param)


def summary(entries):
    return {path: (entry.kind, entry.size, entry.xxh128) for path, entry in entries.items()}


def test_an_outline_says_of_files_what_the_registry_says(project, record, staged, arrays):
    """With records that have a history, too."""
    record(staged(arrays={**arrays, "image": arrays["image"] + 1}), reason="brighter")
    outline = read_outline(project.registry)
    assert summary(outline) == summary(read_registry(project.registry).entries)
    assert not any(isinstance(entry, Entry) for entry in outline.values())


def test_where_there_is_no_registry_nothing_is_expected(empty):
    assert read_outline(empty.registry) == {}


@pytest.mark.parametrize("indent", [0, 4])
def test_another_layout_is_outlined_as_well(project, indent):
    expected = summary(read_outline(project.registry))
    project.registry.write_bytes(msgspec.json.format(project.registry.read_bytes(), indent=indent))
    assert summary(read_outline(project.registry)) == expected


def test_an_order_of_another_program_gives_the_same(project, size):
    """A large one is read strictly then, since a key that is twice would not show."""
    tree = json.loads(project.registry.read_bytes())
    entries = {path: dict(reversed(entry.items())) for path, entry in tree["entries"].items()}
    project.registry.write_text(json.dumps({**tree, "entries": entries}))
    outline = read_outline(project.registry)
    assert summary(outline) == summary(read_registry(project.registry).entries)
    assert {isinstance(entry, Entry) for entry in outline.values()} == {size == "large"}


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('"size"', '"size": 1,\n      "size"', "the key 'size' twice"),
        (f'"{FIXTURE}": {{', f'"{FIXTURE}": {{}}, "{FIXTURE}": {{', f"the key '{FIXTURE}' twice"),
        ('"kind": "fixture"', '"kind": "picture"', "picture"),
        ('"kind"', '"colour": 1, "kind"', "colour"),
        ('"xxh128":', '"xxh127":', "xxh127"),
        ('"entries"', '"more": 1, "entries"', "more"),
        ('"size": ', '"size": 0.5, "was": ', "0.5|float"),
        ('"xxh128": ', '"xxh128": 5, "was": ', "int"),
        ('"schema": 1', '"schema": true', "bool"),
    ],
)
def test_what_an_entry_may_not_have_is_refused(project, old, new, found):
    project.registry.write_text(project.registry.read_text().replace(old, new, 1))
    with pytest.raises(UnreadableError, match=found):
        read_outline(project.registry)


def test_a_newer_schema_is_refused_by_name(project):
    text = project.registry.read_text().replace('"schema": 1', '"schema": 2')
    project.registry.write_text(text)
    with pytest.raises(StaleFormatError, match="schema 2"):
        read_outline(project.registry)


def test_a_path_that_leads_out_is_refused(project):
    project.registry.write_text(project.registry.read_text().replace(FIXTURE, "../lattice.npz"))
    with pytest.raises(RefusedError, match="a path inside the repository"):
        read_outline(project.registry)


def test_both_readers_know_the_kinds_of_files():
    assert typing.get_args(Kind) == KINDS


def test_too_many_tables_are_left_to_the_strict_reader(project, monkeypatch):
    assert _outlined(project.registry)
    monkeypatch.setattr("harness.core.registry.large_outline._MOST_TABLES", 3)  # it is longer than 3 can be
    assert _outlined(project.registry) is None
    assert read_outline(project.registry)


def test_records_are_passed_over(project):
    """Whatever a record says: an audit reads it, verify does not."""
    tree = json.loads(project.registry.read_bytes())
    tree["entries"][FIXTURE]["record"] = {"by": 7}
    project.registry.write_bytes(encode_document(tree))
    assert FIXTURE in read_outline(project.registry)
    with pytest.raises(UnreadableError):
        read_registry(project.registry)
