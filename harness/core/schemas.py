"""JSON Schemas of the formats, made from the types and constants by which they are read.

``docs/schemas/`` has them as files. A schema says less than the reader: that paths stay in the project, that
digests belong together and that no key is given twice is checked by code.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec

from harness.core.baselines import array_tolerances, baseline, samples
from harness.core.fixtures import manifest
from harness.core.obtained import results
from harness.core.registry import format as registry
from harness.core.registry.history import Environment, Record

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES: dict[str, tuple[Any, int | None]] = {
    "manifest": (manifest.Manifest, manifest.SCHEMA),
    "baseline": (baseline.Baseline, baseline.SCHEMA),
    "tolerances": (array_tolerances.ToleranceDocument, array_tolerances.SCHEMA),
    "samples": (samples.Samples, samples.SCHEMA),
    "results": (results.SessionResults, results.SCHEMA),
    "history-line": (Record | Environment, None),
}
"""What msgspec decodes, and the number of its schema; a line of the history has none."""

_ATTRIBUTE = re.compile(r"^(\w[\w, ]*) : .*\n((?:    .*\n?|\n(?=    ))*)", re.MULTILINE)


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each format, by the name of its file without ``.schema.json``.

    Examples
    --------
    >>> sorted(json_schemas())
    ['baseline', 'history-line', 'manifest', 'registry', 'results', 'samples', 'tolerances']
    >>> json_schemas()["registry"]["properties"]["schema"]
    {'const': 2}
    """
    return {**{name: _of_type(name) for name in _TYPES}, "registry": _of_registry()}


def _of_type(name: str) -> dict[str, Any]:
    """Return the schema of a format that msgspec reads."""
    kind, version = _TYPES[name]
    schema = msgspec.json.schema(kind)
    for key, definition in schema["$defs"].items():
        _describe(definition)
        if schema.get("$ref") == f"#/$defs/{key}":
            definition["properties"]["schema"] = {"const": version}
    return {"$schema": _DIALECT, **_portable(schema)}


def _describe(definition: dict[str, Any]) -> None:
    """Leave the first paragraph of a struct's docstring, and give each attribute's text to its property."""
    text = inspect.cleandoc(definition.pop("description", ""))
    if text:
        definition["description"] = " ".join(text.partition("\n\n")[0].split())
    _, _, listed = text.partition("Attributes\n----------\n")
    properties = definition.get("properties", {})
    for names, meaning in _ATTRIBUTE.findall(listed.partition("\n\nExamples\n")[0] + "\n"):
        for name in set(names.split(", ")) & properties.keys():
            if meaning.strip():
                properties[name] = {"description": " ".join(meaning.split()), **properties[name]}


def _portable(value: Any) -> Any:
    """Return a schema whose patterns every validator reads: ``^`` and ``$`` in place of Python's signs."""
    if isinstance(value, dict):
        return {key: _portable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_portable(item) for item in value]
    return value.replace(r"\A", "^").replace(r"\Z", "$") if isinstance(value, str) else value


def _of_registry() -> dict[str, Any]:
    """Return the schema of registry.json, which is read without msgspec so that verify starts fast."""
    digests = {
        key: {"type": "string", "pattern": f"^{name}:[0-9a-f]{{{digits}}}$"}
        for key, (name, digits) in registry.DIGESTS.items()
    }
    size = {"type": "integer", "minimum": 0, "exclusiveMaximum": registry.MOST_BYTES}
    entry = _object({"kind": {"enum": list(registry.KINDS)}, "size": size, **digests})
    entries = {"type": "object", "additionalProperties": {"$ref": "#/$defs/Entry"}}
    document = _object({"schema": {"const": registry.SCHEMA}, "entries": entries})
    described = {"title": "Registry", "description": "Entries by path, relative to the root."}
    return {"$schema": _DIALECT, **described, **document, "$defs": {"Entry": entry}}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }
