"""The detection matrix for people: a table that fits 80 columns, the sentences after it, and a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.sensitivity.clean_runs import Repetition
    from harness.core.sensitivity.matrix import Detection, Matrix, Row
    from harness.core.sensitivity.moved_values import MovedValue

LEGEND = (
    "A number says by how much a check caught the fault: findings, arrays, tolerances. * caught it first, "
    "- let it pass, blank was not asked."
)
_WIDTH = 7
_OTHER = "another "


def matrix_table(matrix: Matrix) -> Table:
    """One row per fault, one column per check."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), title=LEGEND, title_justify="left")
    table.add_column("fault", no_wrap=True)
    for check in matrix.checks:
        table.add_column(_heading(check), justify="right", no_wrap=True)
    for row in matrix.rows:
        table.add_row(row.id, *(_cell(row, row.by(check)) for check in matrix.checks))
    return table


def summary_lines(matrix: Matrix) -> Iterator[str]:
    """What the matrix comes to."""
    faults = [row for row in matrix.rows if not row.harmless]
    yield f"{sum(row.caught for row in faults)} of {len(faults)} faults caught"
    if matrix.pipelines:
        yield from _alone(matrix)
    for row in matrix.rows:
        if row.harmless:
            first = row.first
            verdict = f"wrongly reported by {first.check}" if first else "correctly not reported"
            yield f"{row.id} (harmless): {verdict}"
    for row in faults:
        if not row.caught:
            yield f"not caught: {row.id}, {row.title}"
        if row.unseen:
            yield f"not in the data of {row.id}: {row.unseen}"
    for pipeline in matrix.pipelines:
        if blind := matrix.blind(pipeline):
            yield f"blind metrics of {pipeline}, which no fault moved: {', '.join(blind)}"


def moved_value_lines(moved: Sequence[MovedValue]) -> Iterator[str]:
    """How many values moved within their tolerance passed, and how many moved out of it failed."""
    inside = [value for value in moved if value.tolerances < 1]
    outside = [value for value in moved if value.tolerances > 1]
    if moved:
        yield f"moved by 0.5 tolerances: {sum(m.correct for m in inside)} of {len(inside)} accepted"
        yield f"moved by 2 tolerances: {sum(m.correct for m in outside)} of {len(outside)} refused"
    for value in moved:
        if not value.correct:
            verdict = "accepted" if value.accepted else "refused"
            yield f"wrong: {value.name} moved by {value.tolerances:g} tolerances was {verdict}"


def false_alarm_lines(repetitions: Sequence[Repetition]) -> Iterator[str]:
    """How many clean repetitions raised an alarm, and which."""
    wrong = [repetition for repetition in repetitions if repetition.false_alarms]
    if repetitions:
        yield f"false alarms: {len(wrong)} in {len(repetitions)} clean repetitions"
    for repetition in wrong:
        told = "; ".join(f"{alarm.check}: {alarm.margin} {alarm.detail}" for alarm in repetition.false_alarms)
        yield f"false alarm: {repetition.name}: {told}"


def page(
    matrix: Matrix, moved: Sequence[MovedValue], repetitions: Sequence[Repetition], *, command: str
) -> str:
    """Markdown page of all of it, with the *command* that made it."""
    lines = [
        "# What the harness catches",
        "",
        f"This page is generated: `{command}`. Each fault below happened once, most of them through a green",
        "suite. Each was made again on purpose, in a copy, and the checks that CI runs were asked.",
        "",
        *(f"- {line}" for line in summary_lines(matrix)),
        *(f"- {line}" for line in moved_value_lines(moved)),
        *(f"- {line}" for line in false_alarm_lines(repetitions)),
        "",
        "## The matrix",
        "",
        "**Bold** caught it first. A number says by how much: findings, arrays, tolerances.",
        "A dash let it pass, an empty cell was not asked.",
        "",
        *_markdown(matrix),
        "",
        "## The faults",
        "",
        *(line for row in matrix.rows for line in _story(row)),
    ]
    return "\n".join(lines) + "\n"


def _alone(matrix: Matrix) -> Iterator[str]:
    """How many faults of pipelines the metrics catch without any other check."""
    rows = [row for row in matrix.rows if row.kind == "pipeline"]
    missed = [row.id for row in rows if not matrix.by_metrics_alone(row)]
    told = f"by metrics alone: {len(rows) - len(missed)} of {len(rows)} faults of pipelines"
    yield told + (f", not {', '.join(missed)}" if missed else "")


def _markdown(matrix: Matrix) -> Iterator[str]:
    yield "| fault | " + " | ".join(matrix.checks) + " |"
    yield "|---" * (1 + len(matrix.checks)) + "|"
    for row in matrix.rows:
        cells = (_marked(row, row.by(check)) for check in matrix.checks)
        yield f"| {row.id} {row.title} | " + " | ".join(cells) + " |"


def _marked(row: Row, found: Detection | None) -> str:
    if found is None:
        return ""
    if not found.caught:
        return "-"
    return f"**{found.margin}**" if found is row.first else found.margin


def _story(row: Row) -> Iterator[str]:
    yield f"**{row.id} {row.title}.** {row.description.partition(': ')[2] or row.description}"
    if row.unseen:
        yield f"The data cannot tell: {row.unseen}."
    if row.first:
        yield f"First caught by {row.first.check}: {_short(row.first.detail)}."
    yield ""


def _short(detail: str, most: int = 300) -> str:
    text = detail.rstrip(".")
    return text if len(text) <= most else f"{text[:most]} ..."


def _cell(row: Row, found: Detection | None) -> str:
    """By how much, in a few characters."""
    if found is None:
        return ""
    if not found.caught:
        return "-"
    word = found.margin.split()[-1 if found.margin.startswith(_OTHER) else 0] if found.margin else "x"
    short = word if len(word) < _WIDTH else f"{word[: _WIDTH - 4]}."
    return f"{short}*" if found is row.first else short


def _heading(check: str) -> str:
    """A check's name as it fits above a narrow column: on two lines where it has two words."""
    return "\n".join(word if len(word) < _WIDTH else f"{word[: _WIDTH - 2]}." for word in check.split())
