"""Items as SARIF 2.1.0, the format that GitHub code scanning and other dashboards read."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.core.storage.documents import plain_json
from harness.report.ci.items import Level
from harness.report.plain_lines import plain_json as printable_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.report.ci.items import Item

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST = 5000
"""GitHub takes 25,000 results of a run and shows the first 5,000 of them."""

_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTICE: "note"}
_HOME = "https://github.com/golden-harness/golden-harness"
_HELP = f"{_HOME}/tree/main/docs"
_DISTRIBUTION = "golden-harness"


def sarif_document(items: Sequence[Item], prefix: str = "", about: str = "registry.json") -> str:
    """Return the results of one run; items that passed are left out.

    Parameters
    ----------
    items : sequence of Item
    prefix : str, optional
        Path of the project in its repository, ending in /; empty if the project is the repository.
    about : str, optional
        The file that an item without a path is placed at: each result needs a place.
    """
    shown = [item for item in items if item.level is not Level.PASSED]
    rules = sorted({item.rule for item in shown})
    driver = {
        "name": "harness",
        "informationUri": _HOME,
        "rules": [_rule(name) for name in rules],
        **({"version": found} if (found := _version()) else {}),
    }
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "results": [_result(item, rules, f"{prefix}{item.path or about}") for item in shown[:MOST]],
    }
    if len(shown) > MOST:
        run["properties"] = {"left_out": len(shown) - MOST}
    return printable_json(plain_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}))


def _rule(name: str) -> dict[str, Any]:
    text = {"text": f"golden file: {name}"}
    return {
        "id": _rule_id(name),
        "name": _rule_id(name),
        "shortDescription": text,
        "helpUri": f"{_HOME}#readme",
    }


def _result(item: Item, rules: list[str], place: str) -> dict[str, Any]:
    location = {
        "artifactLocation": {"uri": quote(place), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 1},  # GitHub shows a result at a line, also in a binary file
    }
    return {
        "ruleId": _rule_id(item.rule),
        "ruleIndex": rules.index(item.rule),
        "level": _LEVELS[item.level],
        "message": {"text": _without_links(f"{item.path or 'golden files'}: {item.rule}: {item.text}")},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(item, place)},
    }


def _without_links(text: str) -> str:
    """Return a message in which nothing is a link, which SARIF writes as ``[text](target)``."""
    return text.replace("](", "] (")


def _rule_id(name: str) -> str:
    """Return a rule's name without blanks, under the name of the tool."""
    return f"golden/{'-'.join(name.replace(',', '').split())}"


def _fingerprint(item: Item, place: str) -> str:
    """Return what identifies a result from run to run: its file, its rule and what was found."""
    text = f"{place}\0{item.rule}\0{item.detail}"
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16] + ":1"


def _version() -> str:
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return ""
