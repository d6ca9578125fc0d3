"""Two revisions, compared, as the comment that a reviewer of a pull request wants: GitHub's Markdown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.core.errors import printable
from harness.core.revisions.values import State, largest
from harness.report.ci.change_words import (
    both_words,
    change_words,
    count_words,
    name_words,
    place_words,
    record_words,
    revision_words,
    value_words,
)
from harness.report.ci.markdown import code, details, prose, size, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.registry.history import Record
    from harness.core.revisions.values import Comparison, FileChange, ValueChange
    from harness.report.ci.pictures import Picture

LIMIT = 65_536
"""Characters that GitHub takes for a comment."""

_HEAD = ("golden file", "what", "before", "after", "tolerances", "where", "reason")
_ONE_SIDED = frozenset({State.ADDED, State.REMOVED})
_ROOM = 300  # for the line that counts what is left out
_FOR_TABLE = 2 / 3
"""The part of the limit that the table may take up, if there are details too."""


def review_comment(
    comparison: Comparison, pictures: Sequence[Picture] = (), *, folder: str = "", limit: int = LIMIT
) -> str:
    """Return a comment of at most *limit* characters; what does not fit is counted.

    Parameters
    ----------
    comparison : Comparison
    pictures : sequence of Picture, optional
        Pictures that were written.
    folder : str, optional
        Where they are, as the comment shall refer to it.
    limit : int, optional
    """
    head = [*_summary(comparison), ""]
    room = limit - _ROOM - sum(map(_size, head))
    files = sorted(comparison.listed, key=_urgency)
    rows = [row for file in files for row in _rows(file)]
    lines, left = _fitting(table(_HEAD, rows) if rows else [], int(room * _FOR_TABLE))
    room -= sum(map(_size, lines))
    if left:
        lines += ["", f"{left} more rows are left out."]
    skipped = 0
    for block in _blocks(files, pictures, folder):
        needed = sum(map(_size, ["", *block]))
        if needed > room:
            skipped += 1
        else:
            room -= needed
            lines += ["", *block]
    if skipped:
        lines += ["", f"Details of {skipped} more files are left out: GitHub takes {LIMIT} characters."]
    return "\n".join([*head, *lines, ""])


def _summary(comparison: Comparison) -> Iterator[str]:
    """Yield what a reader sees first: how many files changed, what most, and what could not be compared."""
    ends = [code(printable(revision_words(end))) for end in (comparison.before, comparison.after)]
    yield f"**Golden files: {count_words(comparison)}**, between {' and '.join(ends)}."
    both = [file for file in comparison.files if file.state not in _ONE_SIDED]
    values = [value for file in both for value in file.values]
    beyond = sum(not value.accepted and value.limit is not None for value in values)
    most = largest(values)
    if values:
        words = f"{beyond} of {len(values)} changed values are beyond their tolerance"
        if most is not None:
            words += f"; the largest change is {change_words(most).partition(',')[0]} tolerances, in "
            words += code(printable(name_words(most)))
        yield f"{words}."
    obstacles = sum(bool(file.obstacle) for file in comparison.files)
    if obstacles:
        yield f"**{obstacles} of them could not be compared**; see the details."
    yield from (f"{prose(printable(text))}." for text in comparison.notes)


def _rows(file: FileChange) -> Iterator[tuple[str, ...]]:
    """Yield a row for each value of a file; one for a file without values."""
    reason, title = _reason(file), _title(file)
    if not file.values or file.state in _ONE_SIDED:
        yield title, _state(file), "", "", "", "", reason
        return
    for value in file.values:
        before, after = map(code, value_words(value))
        change = f"**{change_words(value)}**" if _is_beyond(value) else change_words(value)
        yield title, code(name_words(value)), before, after, change, place_words(value), reason


def _reason(file: FileChange) -> str:
    reason, who = map(prose, record_words(file.record))
    return f"{reason} ({who})" if who else ""


def _title(file: FileChange) -> str:
    old = f"{code(file.old_path)} → " if file.old_path else ""
    return f"{old}{code(file.path)}"


def _urgency(file: FileChange) -> tuple[bool, bool, str]:
    """Files that could not be compared come first, then those that changed beyond a tolerance."""
    return not file.obstacle, not any(map(_is_beyond, file.values)), file.path


def _state(file: FileChange) -> str:
    return "cannot be compared" if file.obstacle else file.state.value


def _is_beyond(value: ValueChange) -> bool:
    return value.limit is not None and not value.accepted


def _blocks(files: Sequence[FileChange], pictures: Sequence[Picture], folder: str) -> Iterator[list[str]]:
    """Yield the folded details of each file that has any."""
    for file in files:
        shown = [picture for picture in pictures if picture.path == file.path]
        lines = [*_detail_lines(file), *_picture_lines(shown, folder)]
        if lines:
            yield details(f"{_title(file)}: {_state(file)}", lines)


def _detail_lines(file: FileChange) -> Iterator[str]:
    if file.obstacle:
        yield f"- cannot be compared: {prose(file.obstacle)}"
    yield from (f"- {prose(text)}" for text in file.notes)
    for value in file.values:
        yield from _value_lines(value)
    yield from (f"- recorded {_record(record)}" for record in file.records if not record.moved_to)


def _value_lines(value: ValueChange) -> Iterator[str]:
    if value.before is None or value.after is None:
        yield f"- {code(name_words(value))}: {prose(both_words(value))}"
    words = [f"allowed: {value.limit.text} ({value.limit.origin})"] if value.limit else []
    words += [value.largest] if value.largest else []
    if words:
        yield f"- {code(name_words(value))}: {prose('; '.join(words))}"
    for element in value.elements:
        index = "[" + ", ".join(map(str, element.index)) + "]"
        yield f"    - {code(index)}: {code(repr(element.expected))} → {code(repr(element.found))}"


def _record(record: Record) -> str:
    what = "as renamed " if record.moved_from else "as removed " if record.removed else ""
    dirty = ", with uncommitted changes" if record.dirty else ""
    reason = prose(record.reason or "no reason")
    return f"{what}{prose(record.at)} by {prose(record.by)}{dirty}: {reason}"


def _picture_lines(pictures: Sequence[Picture], folder: str) -> Iterator[str]:
    for array in dict.fromkeys(picture.array for picture in pictures):
        own = [picture for picture in pictures if picture.array == array]
        cells = [f"![{prose(one.alt)}]({_address(folder, one.file)})" for one in own]
        yield ""
        yield code(array)
        yield ""
        yield from table([one.shows for one in own], [cells])


def _address(folder: str, file: str) -> str:
    return quote(os.fsencode(f"{folder.rstrip('/')}/{file}" if folder else file), safe="/:")


def _fitting(lines: list[str], room: int) -> tuple[list[str], int]:
    """Return the first lines that fit, and the number of those that do not."""
    used = 0
    for number, line in enumerate(lines):
        used += _size(line)
        if used > room:
            return lines[:number], len(lines) - number
    return lines, 0


def _size(line: str) -> int:
    return size(line) + 1
