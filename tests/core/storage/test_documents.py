"""JSON documents are encoded canonically, to the byte, and decoded strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import StaleFormatError, UnreadableError, UsageError
from harness.core.storage.documents import decode_document, encode_document, plain_json, read_document


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    title: str = ""
    values: tuple[float, ...] = ()


finite = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(plain, st.randoms(use_true_random=False))
def test_the_same_value_gives_the_same_bytes(value, order):
    """In any order of keys; and the bytes are JSON of that value."""
    data = encode_document(value)
    assert encode_document(shuffled(value, order)) == data
    assert json.loads(data) == value
    assert encode_document(json.loads(data)) == data


def shuffled(value, order):
    """The same value, with the keys of every mapping in another order."""
    if isinstance(value, list):
        return [shuffled(item, order) for item in value]
    if isinstance(value, dict):
        return {key: shuffled(value[key], order) for key in order.sample(list(value), len(value))}
    return value


def test_form_of_a_document():
    """Keys sorted, two spaces, a newline at the end, UTF-8."""
    assert (
        encode_document({"b": 1.5, "a": ["Å", {}]})
        == '{\n  "a": [\n    "Å",\n    {}\n  ],\n  "b": 1.5\n}\n'.encode()
    )


def test_scalars_of_numpy_are_written_as_numbers():
    given = {"a": np.float64(0.5), "b": np.float32(0.25), "c": np.int64(3), "d": np.array(True)}
    assert encode_document(given) == encode_document({"a": 0.5, "b": 0.25, "c": 3, "d": True})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float64("nan")])
@pytest.mark.parametrize(
    "wrap", [lambda x: x, lambda x: [0.5, x], lambda x: (0.5, x), lambda x: Page(1, "", (0.5, x))]
)
def test_numbers_that_json_lacks_are_refused_with_their_place(number, wrap):
    """In lists, tuples and structs alike: none is silently written as null."""
    with pytest.raises(UsageError, match="expected a finite number") as caught:
        encode_document({"a": wrap(number)})
    assert caught.value.thing.startswith("$.a")


@pytest.mark.parametrize("value", [object(), Path("a"), np.zeros(3), 1j, np.longdouble(1), np.complex64(1)])
def test_values_that_json_lacks_are_refused(value):
    with pytest.raises(UsageError, match="Convert it first"):
        encode_document({"a": value})


def test_a_document_is_read_as_it_was_written(tmp_path):
    page = Page(1, "Å", (0.5, 1.0))
    (tmp_path / "page.json").write_bytes(encode_document(page))
    assert read_document(tmp_path / "page.json", Page, schema=1) == page


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", "an empty file"),
        (b'{"schema": 1, "title', "truncated"),
        (b"\x80\x04]\x94.", "not UTF-8, the first at byte 0"),
        (b"[1]", "Expected `object`"),
        (b'{"title": "a"}', "missing required field `schema`"),
        (b'{"schema": "1"}', "Expected `int`, got `str` - at `$.schema`"),
        (b'{"schema": 1, "tilte": "a"}', "unknown field `tilte`"),
        (b'{"schema": 1, "title": 3}', "Expected `str`, got `int` - at `$.title`"),
        (b'{"schema": 1, "values": [1, "2"]}', "at `$.values[1]`"),
        (b'{"schema": 1, "title": "\xff"}', "not UTF-8, the first at byte 24"),
        (b'{"schema": 1, "values": ' + b"[" * 100_000, ""),
    ],
)
def test_a_damaged_document_is_refused_with_the_place(text, found):
    with pytest.raises(UnreadableError) as caught:
        decode_document(text, Page, name="golden/page.json", schema=1)
    assert caught.value.thing == "golden/page.json"
    assert found in caught.value.found
    assert "Restore it from git or from a copy, or re-record it." in caught.value.remedy


@pytest.mark.parametrize(("schema", "remedy"), [(2, "Upgrade"), (0, "--force-regen")])
def test_another_schema_is_reported_as_stale(schema, remedy):
    """Unknown keys of a newer schema are not reported as mistakes."""
    data = json.dumps({"schema": schema, "chapters": 3}).encode()
    with pytest.raises(StaleFormatError, match=f"found schema {schema}") as caught:
        decode_document(data, Page, name="page", schema=1)
    assert remedy in caught.value.remedy


def test_a_missing_document_or_a_directory_is_refused(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UnreadableError) as caught:
            read_document(path, Page, schema=1)
        assert caught.value.thing == str(path)


def test_plain_json_is_valid_and_sorted(tmp_path):
    """Paths as text, NaN and infinities as null."""
    shown = plain_json({"path": tmp_path, "a": float("nan"), "page": Page(1)})
    assert json.loads(shown) == {
        "a": None,
        "page": {"schema": 1, "title": "", "values": []},
        "path": str(tmp_path),
    }
    assert shown.index('"a"') < shown.index('"page"') < shown.index('"path"')


def test_canonical_text_is_parsed_once(monkeypatch):
    """It cannot have a key twice, so the slow search for one is left out."""
    monkeypatch.setattr("harness.core.storage.documents.structure_problem", lambda _: pytest.fail("searched"))
    page = Page(1, "a", (0.5, 1e300))
    assert decode_document(encode_document(page), Page, name="page", schema=1) == page


class Shelf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    content: dict[str, Any] = {}


def test_a_repeated_line_of_canonical_text_is_refused():
    """As a merge may leave it. Both values agree, but one of them was not intended."""
    line = b'    "a": 1,\n'
    text = encode_document(Shelf(1, {"a": 1, "b": 2}))
    assert line in text
    with pytest.raises(UnreadableError, match=r"the key 'a' twice in \$\.content"):
        decode_document(text.replace(line, 2 * line), Shelf, name="shelf", schema=1)


@pytest.mark.parametrize(("depth", "refused"), [(62, False), (63, True)])
def test_the_depth_limit_is_the_same_for_canonical_and_other_text(depth, refused):
    """The document is one level, `content` another. More spaces make the text take the slow way."""
    tree: Any = 1
    for _ in range(depth):
        tree = [tree]
    written = encode_document(Shelf(1, {"a": tree}))
    for text in (written, written.replace(b"\n", b"\n ")):
        if refused:
            with pytest.raises(UnreadableError, match="nested more than 64 deep"):
                decode_document(text, Shelf, name="shelf", schema=1)
        else:
            assert decode_document(text, Shelf, name="shelf", schema=1).content == {"a": tree}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"a": {1: 2.5}}, "expected text as the keys of each table, found a table whose keys are not text"),
        ({"a": ["\ud800"]}, "expected text that UTF-8 can encode"),
        ({"\udcff": 1}, "expected text that UTF-8 can encode"),
    ],
    ids=["keys", "text", "key"],
)
def test_what_json_cannot_hold_is_refused_in_a_sentence(value, problem):
    with pytest.raises(UsageError, match=problem):
        encode_document(value)


def test_plain_json_has_names_that_utf_8_cannot_encode_with_escapes():
    shown = plain_json({"b": float("nan"), "a": Path("x\udcff"), "pages": [Page(1)]})
    expected = {"a": "x\udcff", "b": None, "pages": [{"schema": 1, "title": "", "values": []}]}
    assert json.loads(shown) == expected
    assert (list(json.loads(shown)), shown.isascii()) == (["a", "b", "pages"], True)
