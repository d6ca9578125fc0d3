"""Summaries of arrays as lines of text, for ``git diff`` to compare.

A line depends on its own array alone: columns have fixed widths, so a change of one array leaves all other
lines as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.fixtures.summary import ArraySummary
    from harness.core.system.pointers import Pointer


def array_lines(summaries: Sequence[ArraySummary]) -> list[str]:
    """Return one line per array: name, dtype, shape, range and digest."""
    return [_line(summary) for summary in summaries] or ["no arrays"]


def pointer_lines(pointer: Pointer) -> list[str]:
    """Return what a Git LFS pointer refers to, and the command that downloads it."""
    size = "unknown" if pointer.size is None else f"{pointer.size} bytes"
    return [
        "a Git LFS pointer; download the file with `git lfs pull`",
        f"digest {pointer.digest or 'unknown'}",
        f"size {size}",
    ]


def _line(summary: ArraySummary) -> str:
    cells = [f"{printable(summary.name):<16}", f"{summary.dtype:<10}", f"{summary.shape!s:<14}"]
    cells += [
        f"{word} {_text(value):<14}"
        for word, value in (("min", summary.minimum), ("max", summary.maximum), ("mean", summary.mean))
    ]
    return "  ".join([*cells, summary.digest, *_remarks(summary)])


def _text(value: float | str | None) -> str:
    return "-" if value is None else str(value)


def _remarks(summary: ArraySummary) -> list[str]:
    remarks = {
        "of magnitude": summary.magnitude,  # minimum, maximum and mean of a complex array
        f"{summary.nan} NaN": summary.nan,
        f"{summary.infinite} infinite": summary.infinite,
    }
    return [remark for remark, applies in remarks.items() if applies]
