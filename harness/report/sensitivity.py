"""A sensitivity run as text: a table that fits 80 columns, the lines after it, and a Markdown page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.terminal.table import TextTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.core.sensitivity.clean_runs import Repetition
    from harness.core.sensitivity.generic_faults import GenericFault, GoldenMove
    from harness.core.sensitivity.golden_tests import GoldenFile
    from harness.core.sensitivity.matrix import Detection, Matrix, Row
    from harness.core.sensitivity.moved_values import MovedValue

GENERIC_LEGEND = "Golden arrays and metrics that were moved, and how many moves the tests saw."
_AGAIN = 5
_FEW_ALIKE = 2
_SEEN = {
    "exit status": "{pipeline} ends with an error",
    "controls": "{pipeline} ends with status 0, and is not ahead of its controls",
    "metrics": "{pipeline} ends with status 0; only its baseline's tolerances see it",
    "nothing": "{pipeline} ends with status 0, and its metrics are within their tolerances",
}
_MATRIX_HEAD = ("fault", "first caught by", "by how much", "also caught by", "passed by")


def matrix_table(matrix: Matrix) -> TextTable:
    """Return a table with a row for each fault: which checks caught it, and which passed it."""
    return TextTable(_MATRIX_HEAD, tuple(map(_matrix_row, matrix.rows)))


def _matrix_row(row: Row) -> tuple[str, ...]:
    first = row.first
    also = [found.check for found in row.detections if found.caught and found is not first]
    passed = [found.check for found in row.detections if not found.caught]
    caught = (first.check, first.margin) if first else ("", "")
    return row.label, *caught, ", ".join(also), ", ".join(passed)


def matrix_lines(matrix: Matrix) -> Iterator[str]:
    """Yield how many faults were caught, then what the matrix cannot show or what is wrong in it."""
    faults = [row for row in matrix.rows if not row.harmless]
    if matrix.rows:
        yield f"{sum(row.caught for row in faults)} of {len(faults)} faults caught"
    if matrix.pipelines:
        yield _metrics_alone(matrix)
    yield from (f"{row.label} (harmless): {_harmless_result(row)}" for row in matrix.rows if row.harmless)
    for row in faults:
        if not row.caught:
            yield f"not caught: {row.label}, {row.title}"
        if row.unseen:
            yield f"{row.label} cannot be seen in the data alone: {row.unseen}"
    for pipeline in matrix.pipelines:
        if blind := matrix.blind(pipeline):
            yield f"metrics of {pipeline} that no fault changed: {', '.join(blind)}"


def seen_by(row: Row, pipeline: str) -> str:
    """Return what a pipeline's own tests see of a fault: its exit status, its controls, its metrics, nothing.

    Examples
    --------
    >>> from harness.core.sensitivity.matrix import Detection, Row
    >>> row = Row("F01", "first patterns", "fixture", (Detection("theirs metrics", caught=False),))
    >>> seen_by(row, "theirs")
    'nothing'
    """
    found = row.by(f"{pipeline} metrics")
    if found is None or not found.caught:
        return "nothing"
    if not found.figures:
        return "exit status"
    return "controls" if found.detail.startswith("collapsed") else "metrics"


def blind_lines(matrix: Matrix, pipeline: str) -> Iterator[str]:
    """Yield the faults that tests of *pipeline* would not see, by how much the tests ask of it."""
    rows = [row for row in matrix.rows if not row.harmless]
    for kind, words in _SEEN.items():
        some = [row for row in rows if seen_by(row, pipeline) == kind]
        if some:
            yield f"{words.format(pipeline=pipeline)}: {', '.join(row.label for row in some)}"
    blind = [row for row in rows if seen_by(row, pipeline) in {"nothing", "metrics"}]
    for row in blind:
        others = [d.check for d in row.detections if d.caught and d.check != f"{pipeline} metrics"]
        seen = f"seen by {', '.join(others)}" if others else "seen by nothing else"
        yield f"exit status 0 and ahead of its controls: {row.label}, {row.title}; {seen}"


def moved_value_lines(moved: Sequence[MovedValue]) -> Iterator[str]:
    """Yield how many values moved within their tolerance passed, and how many moved beyond it failed."""
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
    """Yield how many clean repetitions raised a false alarm, and which."""
    wrong = [repetition for repetition in repetitions if repetition.false_alarms]
    if repetitions:
        yield f"false alarms: {len(wrong)} in {len(repetitions)} clean repetitions"
    for repetition in wrong:
        alarms = "; ".join(f"{a.check}: {a.margin} {a.detail}" for a in repetition.false_alarms)
        yield f"false alarm: {repetition.name}: {alarms}"


def next_line(matrix: Matrix, files: Sequence[GoldenFile]) -> Iterator[str]:
    """Yield the command to type next, if a fault was missed and nothing explains it: it alone once more."""
    missed = [row.id for row in matrix.incorrect]
    missed += [move.fault for file in files for move in file.blind if not move.explained]
    if missed:
        yield f"next: harness sensitivity {' '.join(list(dict.fromkeys(missed))[:_AGAIN])}"


def generic_table(faults: Sequence[GenericFault], files: Sequence[GoldenFile]) -> TextTable:
    """Return a table with a row for each generic fault: how many moved arrays and metrics tests saw."""
    rows = ((fault.id, fault.title, seen, tried) for fault, seen, tried in _generic_rows(faults, files))
    head = ("fault", "title", "seen", "moved")
    return TextTable(head, tuple(rows), frozenset({"seen", "moved"}), GENERIC_LEGEND)


def generic_lines(faults: Sequence[GenericFault], files: Sequence[GoldenFile]) -> Iterator[str]:
    """Yield how many moves the tests saw, then what each golden file cannot see, and why."""
    moves = [move for file in files for move in file.moves]
    if files:
        yield f"{sum(move.seen for move in moves)} of {len(moves)} generic faults seen by the tests"
    titles = {fault.id: fault.title for fault in faults}
    for file in files:
        if file.problem:
            yield f"{file.path} cannot see any fault: {file.problem}"
        yield from (_blind_line(moves, titles[moves[0].fault]) for moves in _alike(file.blind))


def _alike(moves: Iterable[GoldenMove]) -> Iterator[list[GoldenMove]]:
    """Yield the moves of one golden file: those of one fault together if they are explained, else alone."""
    groups: dict[object, list[GoldenMove]] = {}
    for move in moves:
        key = (move.fault, move.case) if move.explained else move
        groups.setdefault(key, []).append(move)
    for alike in groups.values():
        yield from [alike] if len(alike) > _FEW_ALIKE else ([move] for move in alike)


def _blind_line(moves: Sequence[GoldenMove], title: str) -> str:
    first = moves[0]
    case = f" ({first.case})" if first.case else ""
    head = "explained: " if first.explained else ""
    where = first.name if len(moves) == 1 else f"{len(moves)} arrays, such as {first.name}"
    return f"{head}{first.file} cannot see {first.fault}, {title}{case}, in {where}: {first.why}"


def _generic_rows(
    faults: Sequence[GenericFault], files: Sequence[GoldenFile]
) -> Iterator[tuple[GenericFault, str, str]]:
    for fault in faults:
        moves = [move for file in files for move in file.moves if move.fault == fault.id]
        if moves:
            yield fault, str(sum(move.seen for move in moves)), str(len(moves))


def _generic_page(faults: Sequence[GenericFault], files: Sequence[GoldenFile]) -> Iterator[str]:
    if not files:
        return
    yield from ("## Faults of any array", "")
    yield "Every golden array and metric was moved, and compared as the project's tests compare it."
    yield from ("Moves that change nothing, such as zeroing zeros, are not counted.", "")
    yield from ("| fault | seen | moved |", "|---|---|---|")
    for fault, seen, tried in _generic_rows(faults, files):
        yield f"| {fault.id} {fault.title} | {seen} | {tried} |"
    yield ""


def page(  # noqa: PLR0913 - one argument a section
    matrix: Matrix,
    moved: Sequence[MovedValue],
    repetitions: Sequence[Repetition],
    *,
    command: str,
    generic: Sequence[GenericFault] = (),
    files: Sequence[GoldenFile] = (),
) -> str:
    """Return a Markdown page with all results, and the *command* that makes it."""
    lines = [
        "# What the harness catches",
        "",
        f"This page is generated: `{command}`. Each of these faults has occurred in practice, and most",
        "passed a green test suite. Each was injected into a copy, on which the checks of CI were run.",
        "",
        *(f"- {line}" for line in matrix_lines(matrix)),
        *(f"- {line}" for line in moved_value_lines(moved)),
        *(f"- {line}" for line in generic_lines(generic, files)),
        *(f"- {line}" for line in false_alarm_lines(repetitions)),
        "",
        *_generic_page(generic, files),
        *(_matrix_page(matrix) if matrix.rows else ()),
    ]
    return "\n".join(lines) + "\n"


def _matrix_page(matrix: Matrix) -> Iterator[str]:
    yield from ("## The matrix", "")
    yield "Numbers show by how much a check failed: findings, arrays or tolerances. **Bold**: the first check"
    yield from ("that caught the fault. Dash: the check passed. Empty: the check was not run.", "")
    yield from _markdown(matrix)
    yield from ("", "## The faults", "")
    for row in matrix.rows:
        yield from _paragraph(row)


def _harmless_result(row: Row) -> str:
    return f"wrongly reported by {row.first.check}" if row.first else "correctly not reported"


def _metrics_alone(matrix: Matrix) -> str:
    """Return how many pipeline faults the metrics catch without any other check."""
    rows = [row for row in matrix.rows if row.kind == "pipeline"]
    missed = [row.label for row in rows if not matrix.by_metrics_alone(row)]
    line = f"{len(rows) - len(missed)} of {len(rows)} pipeline faults caught by metrics alone"
    return line + (f", not {', '.join(missed)}" if missed else "")


def _markdown(matrix: Matrix) -> Iterator[str]:
    yield "| fault | " + " | ".join(matrix.checks) + " |"
    yield "|---" * (1 + len(matrix.checks)) + "|"
    for row in matrix.rows:
        cells = (_marked(row, row.by(check)) for check in matrix.checks)
        yield f"| {row.label} {row.title} | " + " | ".join(cells) + " |"


def _marked(row: Row, found: Detection | None) -> str:
    if found is None:
        return ""
    if not found.caught:
        return "-"
    return f"**{found.margin}**" if found is row.first else found.margin


def _paragraph(row: Row) -> Iterator[str]:
    yield f"**{row.label} {row.title}.** {row.description.partition(': ')[2] or row.description}"
    if row.unseen:
        yield f"Cannot be seen in the data alone: {row.unseen}."
    if row.first:
        yield f"First caught by {row.first.check}: {_sentence(row.first.detail)}"
    yield ""


def _sentence(detail: str, most: int = 300) -> str:
    text = detail.rstrip(".")
    return f"{text}." if len(text) <= most else f"{text[:most]} ..."
