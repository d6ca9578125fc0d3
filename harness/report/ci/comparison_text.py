"""Two revisions, compared, as text for a terminal and as the document for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.report.ci.change_words import (
    both_words,
    change_words,
    count_words,
    file_words,
    name_words,
    place_words,
    record_words,
    revision_words,
)
from harness.report.plain_lines import plain_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.revisions.values import Comparison, FileChange, RevisionName, ValueChange

_COLUMNS = 80


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return the changes of each golden file, then one line that counts them."""
    lines = [line for file in comparison.listed for line in _file_lines(file)]
    lines += [f"note: {text}" for text in comparison.notes]
    ends = f"{revision_words(comparison.before)} -> {revision_words(comparison.after)}"
    lines.append(f"{ends}: {count_words(comparison)}")
    return list(map(plain_line, lines))


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison for JSON."""
    return {
        "before": _revision(comparison.before),
        "after": _revision(comparison.after),
        "same": comparison.same,
        "files": [_file(file) for file in comparison.files],
        "notes": comparison.notes,
    }


def _file_lines(file: FileChange) -> Iterator[str]:
    yield f"{file.state.value}: {file_words(file)}"
    for value in file.values:
        yield from _value_lines(value)
    reason, who = record_words(file.record)
    if who:
        yield f"  {reason} ({who})"
    yield from (f"  note: {text}" for text in file.notes)
    if file.obstacle:
        yield f"  cannot be compared: {file.obstacle}"


def _value_lines(value: ValueChange) -> Iterator[str]:
    """Yield a line, or two if it would be long: the values, then how much that is and what is allowed."""
    head = f"  {name_words(value)}: {both_words(value)}"
    place = place_words(value)
    head += f" at {place} elements" if place else ""
    rest = _distance(value)
    if not rest:
        yield head
    elif len(head) + len(rest) + 2 <= _COLUMNS:
        yield f"{head}; {rest}"
    else:
        yield from (head, f"    {rest}")


def _distance(value: ValueChange) -> str:
    words = change_words(value)
    if value.limit is None:
        return "" if words in {"-", "new", "gone"} else words
    unit = " tolerances" if value.tolerances is not None else ""
    head, comma, within = words.partition(",")
    return f"{head}{unit}{comma}{within} ({value.limit.origin}: {value.limit.text})"


def _revision(revision: RevisionName) -> dict[str, Any]:
    return {"revision": revision.typed or None, "commit": revision.commit or None}


def _file(file: FileChange) -> dict[str, Any]:
    return {
        "path": file.path,
        "old_path": file.old_path or None,
        "state": file.state,
        "kind": file.kind,
        "values": [_value(value) for value in file.values],
        "records": file.records,
        "notes": file.notes,
        "obstacle": file.obstacle or None,
    }


def _value(value: ValueChange) -> dict[str, Any]:
    return {
        "subject": value.subject,
        "name": value.name,
        "before": value.before,
        "after": value.after,
        "tolerances": value.tolerances,
        "accepted": value.accepted,
        "limit": value.limit and {"text": value.limit.text, "origin": value.limit.origin},
        "where": value.where,
        "differing": value.differing,
        "size": value.size,
        "largest": value.largest or None,
    }
