"""What others wrote cannot control a terminal or a CI service."""

from __future__ import annotations

import json

import pytest

from harness.report.plain_lines import plain_json, plain_line, plain_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("golden/a.npz: new", "golden/a.npz: new"),
        ("test_a.py::test_b failed", "test_a.py::test_b failed"),
        ("::error::x", "\\x3a:error::x"),
        ("  ::error::x", "  \\x3a:error::x"),
        ("a ##[error]x", "a #\\x23[error]x"),
        ("a\nb", "a\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202eright to left", "\\u202eright to left"),
        ("\ud800", "\\ud800"),
        ("\t::error::x", "\\t\\x3a:error::x"),
    ],
)
def test_a_line(text, shown):
    """Printable text stays as it is, two colons in the middle too."""
    assert plain_line(text) == shown


def test_lines_stay_apart():
    """Each of them is escaped."""
    assert plain_text("a\n::error::b") == "a\n\\x3a:error::b"


def test_json_keeps_its_values_and_shows_only_printable_characters():
    value = {
        "reason": "a\u202eb\u2028c\x9b ##[error]x ##vso[task] \U000e0001",
        "lines": ["é", "\n", "::error::"],
    }
    for indent in (None, 2):
        shown = plain_json(json.dumps(value, ensure_ascii=False, indent=indent))
        assert json.loads(shown) == value
        assert shown.replace("\n", "").isprintable()
        assert "##[" not in shown
        assert not any(line.lstrip().startswith("::") for line in shown.splitlines())
    assert plain_json('{"a": "é"}') == '{"a": "é"}'
