"""All JSON of the command line has one form, errors too."""

from __future__ import annotations

import json

import pytest

from harness.core.errors import UsageError
from harness.report.json_document import SCHEMA, asks_for_json, error_document, json_document


def test_a_result_is_beside_the_schema_and_the_verb():
    assert json.loads(json_document("diff", {"accepted": True})) == {
        "schema": SCHEMA,
        "verb": "diff",
        "accepted": True,
    }


def test_an_error_has_its_parts():
    error = UsageError("a", expected="b", found="c", remedy="Do d.")
    assert json.loads(error_document(["run", "--json"], error, str(error), 2)) == {
        "schema": SCHEMA,
        "verb": "run",
        "error": {
            "kind": "UsageError",
            "text": "a: expected b, found c. Do d.",
            "exit_code": 2,
            "thing": "a",
            "expected": "b",
            "found": "c",
            "remedy": "Do d.",
        },
    }


def test_another_error_has_its_kind_and_text():
    document = json.loads(error_document([], MemoryError(), "not enough memory", 2))
    assert document["verb"] is None
    assert document["error"] == {"kind": "MemoryError", "text": "not enough memory", "exit_code": 2}


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["run", "--json"], True),
        (["audit", "--format", "json"], True),
        (["audit", "--format=json"], True),
        (["audit", "--format", "text"], False),
        (["add", "--reason", "x", "--", "--json"], False),
    ],
)
def test_json_is_asked_for_by_an_option(words, asked):
    assert asks_for_json(words) is asked
