"""Items as workflow commands of GitHub Actions, which shows them in the checks of a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.ci.items import Level, by_severity, count_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.report.ci.items import Item

MOST = 10
"""GitHub shows this many annotations of a level for each step and drops the others without a word."""

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def annotation_lines(items: Sequence[Item], prefix: str = "") -> list[str]:
    """Return a workflow command for each of the most serious items, and one that counts the others.

    Parameters
    ----------
    items : sequence of Item
        Those that passed have no annotation.
    prefix : str, optional
        Path of the project in its repository, ending in /; empty if the project is the repository.

    Examples
    --------
    >>> from harness.report.ci.items import Item
    >>> annotation_lines([Item(Level.ERROR, "golden/a.npz", "missing", "100% gone")])
    ['::error file=golden/a.npz,title=missing%3A golden/a.npz::100%25 gone']
    """
    shown = [item for item in by_severity(items) if item.level is not Level.PASSED]
    lines = [_command(item, prefix) for item in shown[:MOST]]
    if rest := shown[MOST:]:
        text = f"{count_line(rest)} more; the step's summary and `harness verify` list them"
        lines.append(f"::notice title=harness::{_escaped(text, _DATA)}")
    return lines


def _command(item: Item, prefix: str) -> str:
    title = f"{item.rule}: {item.path}" if item.path else item.rule
    properties = {"file": f"{prefix}{item.path}"} if item.path else {}
    properties["title"] = title
    listed = ",".join(f"{key}={_escaped(value, _PROPERTY)}" for key, value in properties.items())
    return f"::{item.level.value} {listed}::{_escaped(item.text, _DATA)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)
