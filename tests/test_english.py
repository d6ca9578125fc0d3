"""Words that nobody outside this project would use stay out of what users and contributors read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FORBIDDEN = re.compile(r"\b(told|anew|mend(?:s|ed|ing)?|dealt|aught)\b", re.IGNORECASE)
IS_NO = re.compile(r"\bis no (?!longer\b|more\b|such\b|need\b|other\b|further\b)", re.IGNORECASE)
"""Where "is not a" is meant. "There is no registry" states an absence, and is standard."""
PAGES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in (
        *(REPOSITORY / "harness").rglob("*.py"),
        *(REPOSITORY / "docs").rglob("*.md"),
        *REPOSITORY.glob("*.md"),
    )
)


def odd(text: str) -> list[str]:
    """Lines that hold a forbidden word, or "is no X" that does not state an absence."""
    return [
        line.strip()
        for line in text.splitlines()
        if FORBIDDEN.search(line) or IS_NO.search(re.sub(r"\bthere is no\b", "", line, flags=re.IGNORECASE))
    ]


@pytest.mark.parametrize("page", PAGES)
def test_english_is_plain(page):
    assert odd((REPOSITORY / page).read_text("utf-8")) == []


@pytest.mark.parametrize(
    "line", ["as the registry told", "Measure it anew", "mend the file", "it is no file", "Dealt to others"]
)
def test_odd_english_is_seen(line):
    assert odd(f"First line.\n{line}\n") == [line]


@pytest.mark.parametrize("line", ["There is no registry here.", "It is no longer used.", "Recommended."])
def test_plain_english_is_not(line):
    assert odd(line) == []
