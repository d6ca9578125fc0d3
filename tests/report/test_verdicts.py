"""Verdicts: lines for what does not match, a count, and nothing for what is the same."""

from __future__ import annotations

import math

import pytest

from harness.core.baselines.baseline import MetricVerdict
from harness.core.verdict import Outcome, Verdict
from harness.report.verdicts import metric_lines, remedy_lines, summary_lines, verdict_lines, verdict_table

SAME = Verdict("golden/a.npz", Outcome.SAME)
REPACKED = Verdict("golden/b.npz", Outcome.REPACKED, "expected 3 bytes, found 2", "Restore it.")
DRIFTED = Verdict("golden/c.npz", Outcome.DRIFTED, "expected 3 bytes, found 4", "Restore it.")


def test_files_that_differ_have_a_line_each():
    """The remedy follows only where the file is not accepted."""
    assert verdict_lines([SAME, REPACKED, DRIFTED]) == [
        "same content, other container: golden/b.npz: expected 3 bytes, found 2",
        "drifted: golden/c.npz: expected 3 bytes, found 4",
        "  Restore it.",
    ]


def test_whatever_others_wrote_is_escaped():
    """Names with right-to-left marks, and details with lines of their own."""
    evil = "\x1b[31m\u202eevil\n::error::x ##[error]y"
    for line in verdict_lines([Verdict(evil, Outcome.CORRUPT, evil, evil)]):
        assert line.isprintable()
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


def test_the_last_line_counts_accepted_files():
    """A repacked archive holds the same arrays, so it matches."""
    assert summary_lines([SAME, REPACKED, DRIFTED])[-1] == "2 of 3 golden files match the registry."
    assert summary_lines([SAME]) == ["1 of 1 golden files match the registry."]
    assert summary_lines([]) == ["0 of 0 golden files match the registry."]


def test_a_terminal_gets_a_table():
    """Of the same files, and each remedy once."""
    table = verdict_table([SAME, REPACKED, DRIFTED])
    assert table is not None
    assert table.rows == (
        ("golden/b.npz", "same content, other container", "expected 3 bytes, found 2"),
        ("golden/c.npz", "drifted", "expected 3 bytes, found 4"),
    )
    assert remedy_lines([SAME, REPACKED, DRIFTED, DRIFTED]) == ["Restore it."]
    assert verdict_table([SAME]) is None
    every = verdict_table([SAME], every=True)
    assert every is not None
    assert every.rows == (("golden/a.npz", "same", ""),)


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (
            MetricVerdict("ssim", Outcome.DRIFTED, value=0.5, expected=0.75, allowed=0.125, better="higher"),
            "ssim: 0.5, baseline 0.75 +/- 0.125, off by -0.25",
        ),
        (
            MetricVerdict("mae", Outcome.DRIFTED, value=0.5, expected=0.75, allowed=0, better="lower"),
            (
                "mae: 0.5, baseline 0.75 exactly, off by -0.25, "
                "unexpectedly better: check for an easier problem or leaked ground truth"
            ),
        ),
        (
            MetricVerdict("ssim", Outcome.UNREGISTERED, value=0.5, expected=None, allowed=math.nan),
            "ssim: 0.5, not in the baseline",
        ),
        (
            MetricVerdict("ssim", Outcome.MISSING, value=None, expected=0.75, allowed=0.125),
            "ssim: baseline 0.75, not measured",
        ),
        (
            MetricVerdict("ssim", Outcome.COLLAPSED, value=0.5, expected=0.45, allowed=0.1, control="flat"),
            "ssim: collapsed: expected at least 0.1 above control 'flat' (0.45), found 0.5",
        ),
        (
            MetricVerdict("mae", Outcome.COLLAPSED, value=None, expected=0.5, allowed=-0.1, control="flat"),
            "mae: collapsed: expected at least 0.1 below control 'flat' (0.5), found none",
        ),
    ],
)
def test_a_metric_that_is_not_accepted_has_a_line(verdict, line):
    """Its value, what it is compared with, and by how much it is off."""
    assert metric_lines([verdict]) == [line]


@pytest.mark.parametrize("outcome", [Outcome.SAME, Outcome.TOLERATED])
def test_an_accepted_metric_has_none(outcome):
    """Whether equal or within its tolerance."""
    assert metric_lines([MetricVerdict("ssim", outcome, value=0.5, expected=0.5, allowed=0.1)]) == []
