"""registry.json as text: canonical, read back exactly; anything else is refused with its place."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import RefusedError, StaleFormatError, UnreadableError, UsageError
from harness.core.registry import format as registry_format
from harness.core.registry.format import (
    KINDS,
    Entry,
    Registry,
    decode_registry,
    decode_with_any_path,
    encode_registry,
    entry_text,
)

HEXADECIMAL = "0123456789abcdef"
ENTRY = Entry("fixture", 3, f"xxh128:{'0' * 32}", f"sha256:{'1' * 64}", f"sha256:{'2' * 64}")
PATH = "golden/a.npz"
TEXT = encode_registry(Registry({PATH: ENTRY}))
PLACE = f"$.entries['{PATH}']"


def digests(name: str, length: int) -> st.SearchStrategy[str]:
    return st.text(HEXADECIMAL, min_size=length, max_size=length).map(lambda digits: f"{name}:{digits}")


def names() -> st.SearchStrategy[str]:
    letters = st.characters(exclude_categories=["C", "Z"], exclude_characters="\\:/.")
    return st.text(letters, min_size=1, max_size=20)


ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from(KINDS),
    size=st.integers(0, (1 << 62) - 1),
    xxh128=digests("xxh128", 32),
    sha256=digests("sha256", 64),
    record=digests("sha256", 64),
)
PATHS = st.lists(names(), min_size=1, max_size=3).map("/".join)
REGISTRIES = st.dictionaries(PATHS, ENTRIES, max_size=4).map(Registry)


@given(REGISTRIES)
def test_what_is_written_is_read_back(registry):
    """Every kind, size, digest and path, non-ASCII ones included."""
    assert decode_registry(encode_registry(registry), "registry.json") == registry


@given(REGISTRIES)
def test_the_text_is_canonical_json(registry):
    """Keys sorted, two spaces, UTF-8, a newline at the end: the text that the json module writes."""
    entries = {path: entry._asdict() for path, entry in registry.entries.items()}
    tree = {"schema": 2, "entries": entries}
    expected = json.dumps(tree, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert encode_registry(registry).decode() == expected


def test_entries_are_on_lines_of_their_own():
    """So that a pull request shows a changed entry as a few lines."""
    lines = encode_registry(Registry({"golden/b": ENTRY, "golden/a": ENTRY})).decode().splitlines()
    assert lines[:3] == ["{", '  "entries": {', '    "golden/a": {']
    assert len(lines) == 2 * 7 + 5


@pytest.mark.parametrize("indent", [None, 0, 4])
def test_another_layout_is_read_as_well(indent):
    """Order of keys, spaces and escapes may be another program's."""
    tree = json.loads(TEXT)
    tree["entries"][PATH] = dict(reversed(tree["entries"][PATH].items()))
    text = (
        json.dumps(dict(reversed(tree.items())), indent=indent).replace("fixture", "fi\\u0078ture").encode()
    )
    assert decode_registry(text, "registry.json").entries == {PATH: ENTRY}


def edited(**values: object) -> bytes:
    """Return the text with values of its entry replaced; None removes one."""
    tree = json.loads(TEXT)
    entry = {**tree["entries"][PATH], **values}
    tree["entries"][PATH] = {key: value for key, value in entry.items() if value is not None}
    return json.dumps(tree).encode()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (edited(colour=1), f"an unknown key 'colour' at {PLACE}"),
        (edited(kind=None), f"no key 'kind' at {PLACE}"),
        (edited(kind="photo"), f"the kind 'photo' at {PLACE}.kind"),
        (edited(kind=["fixture"]), f"at {PLACE}.kind"),
        (edited(size="3"), f"the size '3' at {PLACE}.size"),
        (edited(size=True), f"the size True at {PLACE}.size"),
        (edited(size=3.0), f"the size 3.0 at {PLACE}.size"),
        (edited(size=-1), f"the size -1 at {PLACE}.size"),
        (edited(size=1 << 62), f"at {PLACE}.size"),
        (edited(xxh128=ENTRY.xxh128.upper()), f"at {PLACE}.xxh128"),
        (edited(xxh128=ENTRY.xxh128 + "0"), f"at {PLACE}.xxh128"),
        (edited(sha256=ENTRY.xxh128), f"at {PLACE}.sha256"),
        (edited(sha256=f"0sha256:{'1' * 63}"), f"at {PLACE}.sha256"),
        (edited(sha256=f"sha256:{'1' * 63}\n"), f"at {PLACE}.sha256"),
        (edited(record=f"sha256:{'1' * 63}\ud800"), f"at {PLACE}.record"),
        (edited(record=7), f"the record 7 at {PLACE}.record"),
        (edited(record={}), f"the record {{}} at {PLACE}.record"),
        (TEXT.replace(b'"schema"', b'"more": 1, "schema"'), "an unknown key 'more' at $"),
        (b'{"schema": 2}', "no key 'entries' at $"),
        (b'{"schema": 2, "entries": []}', "a value other than an object at $.entries"),
        (b'{"schema": 2, "entries": {"a": 1}}', "a value other than an object at $.entries['a']"),
        (b'{"schema": true, "entries": {}}', "a wrong schema number at $.schema"),
        (b'{"schema": 2.0, "entries": {}}', "a wrong schema number at $.schema"),
        (b'{"entries": {}}', "no schema number at $.schema"),
        (b"[]", "a list at $, not an object"),
        (b"", "an empty file"),
        (TEXT[:-20], "delimiter"),
        (b"\xff" + TEXT, "not UTF-8"),
        (TEXT.replace(b"golden/a.npz", b"\\ud800"), "a path that is not Unicode text"),
        (b"[" * 100_000, "nested"),
        (b'{"schema": ' + b"9" * 5000 + b"}", "digits"),
    ],
)
def test_anything_else_is_refused_with_its_place(text, found):
    """Unknown and missing keys, wrong types and forms, text that is not JSON."""
    with pytest.raises(UnreadableError) as caught:
        decode_registry(text, "registry.json")
    assert caught.value.thing == "registry.json"
    assert found in caught.value.found


@pytest.mark.parametrize("spelling", ['"size"', '"size" ', '"\\u0073ize"'])
@pytest.mark.parametrize("value", ["1", '"\\u003a"', '{"a": [{"b": 1}]}'])
def test_a_key_that_is_given_twice_is_refused(spelling, value):
    """However it is written and whatever it holds: JSON itself would drop the first value in silence."""
    text = TEXT.decode().replace('"size": 3', f'{spelling}: {value},\n      "size": 3')
    with pytest.raises(UnreadableError, match="the key 'size' twice"):
        decode_registry(text.encode(), "registry.json")


def test_escaped_colons_do_not_hide_a_key_that_is_given_twice():
    """The quick search counts colons; a digest with an escaped one would make room for another."""
    text = TEXT.replace(b"xxh128:0", b"xxh128\\u003a0").replace(b'"size": 3', b'"size": 1, "size": 3')
    assert text.count(b":") == TEXT.count(b":")
    with pytest.raises(UnreadableError, match="the key 'size' twice"):
        decode_registry(text, "registry.json")


def test_a_path_that_is_given_twice_is_refused():
    text = TEXT.replace(b'"golden/a.npz": {', b'"golden/a.npz": {}, "golden/a.npz": {')
    with pytest.raises(UnreadableError, match=r"the key 'golden/a\.npz' twice"):
        decode_registry(text, "registry.json")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a", "golden/../../a", "C:/a", "golden\\a", "", "golden/a\0"]
)
def test_a_path_that_leaves_the_repository_is_refused(path):
    """On reading and on writing, by name."""
    tree = json.loads(TEXT)
    tree["entries"] = {path: tree["entries"][PATH]}
    with pytest.raises(RefusedError) as caught:
        decode_registry(json.dumps(tree).encode(), "registry.json")
    assert caught.value.thing == path
    with pytest.raises(RefusedError):
        encode_registry(Registry({path: ENTRY}))
    assert decode_with_any_path(json.dumps(tree).encode(), "registry.json").entries == {path: ENTRY}


def test_only_paths_are_left_to_an_audit():
    """Everything else is refused just the same."""
    for text in (edited(size=-1), TEXT.replace(b'"size"', b'"size": 1, "size"'), b'{"schema": 1}'):
        with pytest.raises((UnreadableError, StaleFormatError)):
            decode_with_any_path(text, "registry.json")


@pytest.mark.parametrize(("schema", "remedy"), [(1, "Record the golden files again"), (3, "Upgrade")])
def test_another_schema_is_refused_by_number(schema, remedy):
    """Whatever else the file holds: a newer version may have anything in any place."""
    with pytest.raises(StaleFormatError, match=remedy) as caught:
        decode_registry(json.dumps({"schema": schema, "signatures": []}).encode(), "registry.json")
    assert str(caught.value).startswith(f"registry.json has schema {schema}; this version reads schema 2. ")


def test_conflict_markers_of_git_are_named():
    with pytest.raises(UnreadableError, match="conflict markers"):
        decode_registry(b"<<<<<<< HEAD\n" + TEXT, "registry.json")


@pytest.mark.parametrize(
    ("limit", "value", "found"), [("MEBIBYTES", 0, "more than 0 MiB"), ("VALUES", 7, "more than 7 values")]
)
def test_more_than_memory_should_take_is_refused(monkeypatch, limit, value, found):
    """On reading and on writing; one value more is enough."""
    monkeypatch.setattr(registry_format, limit, value)
    with pytest.raises(UnreadableError, match=found):
        decode_registry(TEXT, "registry.json")
    with pytest.raises(UsageError, match=found):
        encode_registry(Registry({PATH: ENTRY}))
    monkeypatch.setattr(registry_format, limit, value + 1)
    assert decode_registry(TEXT, "registry.json").entries == {PATH: ENTRY}


@pytest.mark.parametrize("wrong", [{"record": ""}, {"size": -1}, {"kind": "photo"}, {"sha256": "sha256:0"}])
def test_an_entry_that_could_not_be_read_is_not_written(wrong):
    """An entry whose file was described and not recorded yet, for one."""
    with pytest.raises(UsageError):
        entry_text(PATH, ENTRY._replace(**wrong))


def test_reading_imports_neither_msgspec_nor_numpy():
    """Plain ``harness verify`` starts without them, click and dataclasses."""
    script = (
        "import sys; from harness.core.registry.format import decode_registry;"
        "decode_registry(sys.stdin.buffer.read(), 'x');"
        "print({'msgspec', 'numpy', 'click', 'dataclasses'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], input=TEXT, capture_output=True, check=True)
    assert done.stdout == b"set()\n"
