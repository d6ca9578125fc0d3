"""Items as a Markdown table in the summary of a GitHub Actions step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UnwritableError
from harness.report.ci.items import Level, count_line
from harness.report.ci.markdown import code, prose, size, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.report.ci.items import Item

VARIABLE = "GITHUB_STEP_SUMMARY"
"""Where GitHub names the file to which a step appends its summary."""

LIMIT = 1 << 20
"""GitHub drops the whole summary of a step if it has more bytes."""

_HEAD = ("", "golden file", "what", "detail", "next step")
_ROOM = 200  # for the line that counts what is left out


def summary_text(title: str, items: Sequence[Item], limit: int = LIMIT) -> str:
    """Return a heading, the number of items of each level, and a table of those that did not pass.

    Parameters
    ----------
    title : str
        The command, such as ``harness verify``.
    items : sequence of Item
        The most serious first.
    limit : int, optional
        The most bytes; rows that would exceed it are counted in a last line.
    """
    shown = [item for item in items if item.level is not Level.PASSED]
    lines = [f"### {code(title)}", "", f"{prose(count_line(items))}.", ""]
    rows = table(_HEAD, map(_row, shown)) if shown else []
    used = sum(map(_size, lines)) + _ROOM
    for number, row in enumerate(rows):
        used += _size(row)
        if used > limit:
            left = len(rows) - number
            return "\n".join([*lines, "", f"{left} more rows are left out: GitHub shows 1 MiB.", ""])
        lines.append(row)
    return "\n".join([*lines, ""])


def append_summary(title: str, items: Sequence[Item]) -> None:
    """Append the summary to the file that GitHub names; does nothing where GitHub names none.

    Raises
    ------
    UnwritableError
        If the file cannot be written.
    """
    name = os.environ.get(VARIABLE, "")
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(summary_text(title, items, LIMIT - stream.tell()))
    except (OSError, ValueError) as error:
        raise UnwritableError(
            f"{VARIABLE}={name}",
            expected="a file to which the step's summary can be appended",
            found=getattr(error, "strerror", None) or str(error),
            message=f"cannot append the step's summary to {name}: "
            f"{getattr(error, 'strerror', None) or error}",
            remedy=f"Correct or unset {VARIABLE}.",
        ) from error


def _row(item: Item) -> tuple[str, ...]:
    return item.level.value, code(item.path), prose(item.rule), prose(item.detail), prose(item.remedy)


def _size(line: str) -> int:
    return size(line) + 1
