"""The words for what differs between two revisions, which text and Markdown share. Nothing is escaped yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.core.revisions.values import State, Subject

if TYPE_CHECKING:
    from harness.core.registry.history import Record
    from harness.core.revisions.values import Comparison, FileChange, RevisionName, ValueChange

_DIGITS = 12
_LONGEST = 60
_NOTHING = "-"
_EXACT = "must be equal"
_NAMES = {Subject.TOLERANCE: "tolerance of ", Subject.CONTROL: "control ", Subject.MANIFEST: "manifest "}


def revision_words(revision: RevisionName) -> str:
    """Return how a revision is called, with its commit.

    >>> from harness.core.revisions.values import RevisionName
    >>> revision_words(RevisionName("main", "1a2b3c4d5e6f" + "0" * 28)), revision_words(RevisionName())
    ('main (1a2b3c4d5e6f)', 'the work tree')
    """
    return "the work tree" if revision.is_work_tree else f"{revision.typed} ({revision.commit[:_DIGITS]})"


def count_words(comparison: Comparison) -> str:
    """Return how many golden files changed in which way, and how many are the same."""
    counts = [(len(comparison.with_state(state)), state.value) for state in State]
    words = [f"{number} {word}" for number, word in counts if number] or ["no change"]
    return ", ".join([*words, f"{comparison.same} the same"])


def file_words(file: FileChange) -> str:
    """Return a file's path, with its old one if it was renamed."""
    return f"{file.old_path} -> {file.path}" if file.old_path else file.path


def name_words(value: ValueChange) -> str:
    """Return what differs: an array's or a metric's name alone, anything else with what it is."""
    return f"{_NAMES.get(value.subject, '')}{value.name}"


def value_words(value: ValueChange) -> tuple[str, str]:
    """Return the values before and after, with as many digits as tell them apart."""
    before, after = (_short(side) for side in (value.before, value.after))
    if before == after:
        before, after = (_cut(str(side)) for side in (value.before, value.after))
    return before, after


def both_words(value: ValueChange) -> str:
    """Return both values in one text; one alone where there is no other."""
    before, after = value_words(value)
    if value.before is None or value.after is None:
        return f"new, {after}" if value.before is None else f"gone, was {before}"
    return f"{before} -> {after}"


def change_words(value: ValueChange) -> str:
    """Return how many tolerances a change is; in words where that is not a number."""
    if value.tolerances is not None and value.limit is not None:
        within = ", within" if value.accepted else ""
        return f"{value.tolerances:.3g}{within}"
    if value.before is None or value.after is None:
        return "new" if value.before is None else "gone"
    if value.subject is not Subject.ARRAY:
        return _EXACT if value.subject is Subject.METRIC else _NOTHING
    if value.limit is None:
        return "other dtype or shape"
    if value.accepted:
        return "only reported"
    return _EXACT if value.limit.text == "no difference" else "NaN or infinity"


def place_words(value: ValueChange) -> str:
    """Return where an array differs most, and in how many elements."""
    if not value.where:  # also of a single number
        return ""
    index = "[" + ", ".join(map(str, value.where)) + "]"
    return f"{index}; {value.differing} of {value.size}"


def record_words(record: Record | None) -> tuple[str, str]:
    """Return why a file was recorded, and who did it on which day; empty without a record."""
    if record is None:
        return "", ""
    return record.reason or "no reason", f"{record.by}, {record.at[:10]}"


def _short(value: Any) -> str:
    """Return a value in a few characters; numbers with six digits."""
    if value is None:
        return _NOTHING
    if isinstance(value, (float, complex)):
        return f"{value:.6g}"
    return _cut(value if isinstance(value, str) else str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
