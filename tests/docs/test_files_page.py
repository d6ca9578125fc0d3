"""The table of formats on docs/files.md is what the readers and writers say of themselves.

``python tests/docs/test_files_page.py`` writes it again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.ptycho.files.library import all_formats

pytest.importorskip("h5py", reason="h5py is not installed: the extra `files` brings it")

PAGE = Path(__file__).parents[2] / "docs" / "files.md"
BEGIN, END = (f"<!-- tests/docs/test_files_page.py: {word} -->\n" for word in ("begin", "end"))
COLUMNS = {
    "patterns": {"diffraction"},
    "positions": {"x", "y"},
    "object": {"object"},
    "layers": {"object.layers"},
    "probe": {"probe"},
    "modes": {"probe.modes"},
    "mask": {"mask"},
    "masks": {"mask.patterns"},
    "metres": {"geometry.object_pixel"},
}


def table() -> str:
    """Return the table in Markdown: one row a format, and a dot where it holds a part."""
    head = ("`--to`", "what it is", "suffix", *COLUMNS)
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for form in all_formats():
        suffixes = " ".join(f"`{suffix}`" for suffix in form.suffixes)
        title = form.title if form.write is not None else f"{form.title}; only read"
        marks = ("•" if parts <= form.holds else "" for parts in COLUMNS.values())
        rows.append(f"| `{form.name}` | {title} | {suffixes} | {' | '.join(marks)} |")
    return "\n".join(rows) + "\n"


def test_the_table_is_what_the_formats_hold():
    text = PAGE.read_text("utf-8")
    shown = text.partition(BEGIN)[2].partition(END)[0]
    assert shown == table(), "python tests/docs/test_files_page.py writes it again"


if __name__ == "__main__":
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2], "utf-8")
