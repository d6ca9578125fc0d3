"""SARIF 2.1.0: the properties that GitHub requires, and valid whatever the names are."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report.ci import sarif as module
from harness.report.ci.items import Item, Level
from harness.report.ci.sarif import sarif_document

# The part of the official schema that is about what is written here, with GitHub's required properties.
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
SCHEMA = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "properties": {"type": "object"},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "informationUri": {"type": "string", "format": "uri"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id", "shortDescription"],
                                            "properties": {
                                                "id": {"type": "string", "pattern": r"\A[^\s]+\Z"},
                                                "shortDescription": TEXT,
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["ruleId", "level", "message", "locations", "partialFingerprints"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": TEXT,
                                "partialFingerprints": {
                                    "type": "object",
                                    "required": ["primaryLocationLineHash"],
                                    "additionalProperties": {"type": "string"},
                                },
                                "locations": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": {
                                        "type": "object",
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "type": "object",
                                                "required": ["artifactLocation", "region"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "type": "object",
                                                        "required": ["uri"],
                                                        "properties": {
                                                            "uri": {
                                                                "type": "string",
                                                                "pattern": r"\A(%[0-9A-F]{2}|[\w.~/-])+\Z",
                                                            }
                                                        },
                                                    },
                                                    "region": {
                                                        "type": "object",
                                                        "required": ["startLine"],
                                                        "properties": {
                                                            "startLine": {"type": "integer", "minimum": 1}
                                                        },
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def valid():
    """Return the document of a text, after the schema."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed: `dev` brings it")
    validator = jsonschema.Draft7Validator(SCHEMA)

    def decode(text: str):
        document = json.loads(text)
        validator.validate(document)
        return document

    return decode


def place(result) -> str:
    return result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_results_have_level_rule_place_and_fingerprint(valid):
    items = [
        Item(Level.ERROR, "golden/a b.npz", "stale format", "schema 1", "Upgrade."),
        Item(Level.WARNING, "", "history", "no git"),
        Item(Level.NOTICE, "golden/c.npz", "removed", "once"),
        Item(Level.PASSED, "golden/d.npz", "same"),
    ]
    (run,) = valid(sarif_document(items, "sub/"))["runs"]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [rules[result["ruleIndex"]] for result in run["results"]] == [r["ruleId"] for r in run["results"]]
    assert [place(result) for result in run["results"]] == [
        "sub/golden/a%20b.npz",
        "sub/registry.json",
        "sub/golden/c.npz",
    ]
    assert run["results"][0]["message"]["text"] == "golden/a b.npz: stale format: schema 1\nUpgrade."


def test_a_fingerprint_is_the_same_in_every_run_and_its_own():
    """So that GitHub knows a finding again, and does not take two for one."""
    one, other = Item(Level.ERROR, "a", "r", "d"), Item(Level.ERROR, "b", "r", "d")
    prints = [
        result["partialFingerprints"]["primaryLocationLineHash"]
        for result in json.loads(sarif_document([one, other]))["runs"][0]["results"]
    ]
    assert len(set(prints)) == 2
    assert sarif_document([one, other]) == sarif_document([one, other])


def test_no_result_is_a_valid_run(valid):
    """GitHub closes the alerts of the last run."""
    assert valid(sarif_document([]))["runs"][0]["results"] == []


def test_more_than_github_shows_is_counted(valid, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    (run,) = valid(sarif_document([Item(Level.ERROR, "a", "r")] * 5))["runs"]
    assert (len(run["results"]), run["properties"]) == (2, {"left_out": 3})


def test_a_message_has_no_links():
    """SARIF writes them as Markdown does."""
    text = sarif_document([Item(Level.ERROR, "[x](https://example.org)", "r", "[y](1)")])
    assert "](" not in text


@settings(deadline=None, derandomize=True)
@given(data=st.data())
def test_hostile_names_are_valid(data, valid, hostile_items, hostile_texts):
    items = hostile_items(*data.draw(st.lists(hostile_texts, max_size=4)))
    document = sarif_document(items)
    assert document.encode("utf-8")
    results = valid(document)["runs"][0]["results"]
    places = [unquote(place(result)) for result in results]
    assert places == [item.path or "registry.json" for item in items]
