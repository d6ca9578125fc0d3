"""JSON Schemas: docs/schemas has what the code exports; they accept and refuse what the readers do."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from harness.core.baselines.samples import Samples
from harness.core.errors import HarnessError
from harness.core.obtained.results import CheckResult, SessionResults
from harness.core.registry.format import decode_registry
from harness.core.schemas import json_schemas
from harness.core.storage.documents import encode_document
from harness.core.verdict import Outcome

jsonschema = pytest.importorskip(
    "jsonschema", reason="jsonschema is not installed: the extra `dev` brings it"
)

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "docs/schemas"
SCHEMAS = json_schemas()
ROOTS = (".", "examples/signal", "examples/vision", "examples/ptychopinn")
KINDS = ("manifest", "baseline", "tolerances")
"""Kinds of golden files that are JSON documents; a schema has the same name."""


def problems(name: str, value: object) -> list[str]:
    """What a validator says about a document."""
    validator = jsonschema.Draft202012Validator(SCHEMAS[name])
    return [error.message for error in validator.iter_errors(value)]


def golden_files() -> dict[str, str]:
    """Manifests, baselines and measured tolerances of this repository and its examples, with their kinds."""
    found = {}
    for root in ROOTS:
        entries = json.loads((REPOSITORY / root / "registry.json").read_text("utf-8"))["entries"]
        found |= {
            f"{root}/{path}": entry["kind"] for path, entry in entries.items() if entry["kind"] in KINDS
        }
    return found


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_file_is_what_the_code_exports(name):
    """``python docs/write_schemas.py`` writes it."""
    assert json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8")) == SCHEMAS[name]


def test_every_file_belongs_to_a_format():
    assert {path.name.removesuffix(".schema.json") for path in FOLDER.iterdir()} == SCHEMAS.keys()


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_a_schema_with_patterns_of_any_language(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert "\\A" not in json.dumps(SCHEMAS[name])
    assert "Attributes" not in json.dumps(SCHEMAS[name])


@pytest.mark.parametrize(("file", "kind"), golden_files().items())
def test_golden_files_meet_their_schema(file, kind):
    assert problems(kind, json.loads((REPOSITORY / file).read_text("utf-8"))) == []


def test_there_are_golden_files_of_each_kind():
    assert set(golden_files().values()) >= {"manifest", "baseline"}


@pytest.mark.parametrize("root", ROOTS)
def test_registry_and_history_meet_their_schema(root):
    assert problems("registry", json.loads((REPOSITORY / root / "registry.json").read_text("utf-8"))) == []
    lines = (REPOSITORY / root / "golden/history.jsonl").read_text("utf-8").splitlines()
    assert [found for line in lines for found in problems("history-line", json.loads(line))] == []


def test_results_and_samples_meet_their_schema():
    check = CheckResult("test_a.py::test_a", "test_a/test_a", "fixture", Outcome.SAME, "identical")
    digest = f"sha256:{'0' * 64}"
    session = SessionResults(
        at="2026-01-31T12:00:00Z", seconds=1.5, environment={}, environment_digest=digest, checks=(check,)
    )
    assert problems("results", json.loads(encode_document(session))) == []
    samples = msgspec.convert({"schema": 1, "environment": {}, "arrays": {}, "metrics": {}}, Samples)
    assert problems("samples", json.loads(encode_document(samples))) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema",), 1),
        (("other",), 1),
        (("entries", "golden/a.npz", "kind"), "picture"),
        (("entries", "golden/a.npz", "size"), -1),
        (("entries", "golden/a.npz", "size"), 1 << 62),
        (("entries", "golden/a.npz", "xxh128"), f"xxh128:{'0' * 31}"),
        (("entries", "golden/a.npz", "sha256"), f"sha256:{'G' * 64}"),
        (("entries", "golden/a.npz", "other"), 1),
        (("entries", "golden/a.npz", "record"), None),
    ],
)
def test_the_schema_of_the_registry_refuses_what_its_reader_refuses(place, value):
    """It is stated beside the reader, from the reader's constants; a wrong value fails in both."""
    entry = {"kind": "fixture", "size": 1, "xxh128": f"xxh128:{'0' * 32}"}
    entry |= dict.fromkeys(("sha256", "record"), f"sha256:{'0' * 64}")
    tree: dict[str, object] = {"schema": 2, "entries": {"golden/a.npz": entry}}
    assert problems("registry", tree) == []
    decode_registry(json.dumps(tree).encode(), "registry.json")
    *parents, key = place
    inner = tree
    for parent in parents:
        inner = inner[parent]
    inner[key] = value
    assert problems("registry", tree)
    with pytest.raises(HarnessError):
        decode_registry(json.dumps(tree).encode(), "registry.json")


def test_a_manifest_with_an_unknown_key_is_refused():
    manifest = json.loads((REPOSITORY / "golden/minimal_v1.json").read_text("utf-8"))
    assert problems("manifest", {**manifest, "host": "here"})
    assert problems("manifest", {**manifest, "schema": 1})
