"""Summaries of arrays as lines of plain text, for ``git diff`` to compare.

A line depends on its own array alone: columns have fixed widths, so that a change of one array moves no other
line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.fixtures.summary import ArraySummary
    from harness.core.storage.lfs import Pointer


def summary_lines(summaries: Sequence[ArraySummary]) -> list[str]:
    """One line per array: name, dtype, shape, range and digest."""
    return [_line(summary) for summary in summaries] or ["no arrays"]


def pointer_lines(pointer: Pointer) -> list[str]:
    """What a Git LFS pointer stands for, and the command that fetches it."""
    size = "unknown" if pointer.size is None else f"{pointer.size} bytes"
    return [
        "a Git LFS pointer in place of the file; fetch it with `git lfs pull`",
        f"digest {pointer.digest or 'unknown'}",
        f"size {size}",
    ]


def _line(summary: ArraySummary) -> str:
    cells = [f"{_printable(summary.name):<16}", f"{summary.dtype:<10}", f"{summary.shape!s:<14}"]
    cells += [
        f"{word} {_text(value):<14}"
        for word, value in (("min", summary.minimum), ("max", summary.maximum), ("mean", summary.mean))
    ]
    return "  ".join([*cells, summary.digest, *_remarks(summary)])


def _text(value: float | str | None) -> str:
    return "-" if value is None else str(value)


def _remarks(summary: ArraySummary) -> list[str]:
    remarks = {
        "of magnitude": summary.magnitude,
        f"{summary.nan} NaN": summary.nan,
        f"{summary.infinite} infinite": summary.infinite,
    }
    return [remark for remark, holds in remarks.items() if holds]


def _printable(name: str) -> str:
    """A name without line breaks and control codes, whoever packed the archive."""
    return name if name.isprintable() else name.encode("unicode_escape").decode()
