"""What was recorded: a line for each golden file."""

from __future__ import annotations

from pathlib import Path

from harness.core.recording.plan import Change
from harness.report.recorded import recorded_lines


def change(path: str, kind: str, *differences: str, before: str | None = None) -> Change:
    return Change(path, kind, Path(), before, "xxh128:0123456789abcdef", differences)


def test_a_fixture_has_one_line():
    """Its manifest is a part of it; what differs in either is below."""
    changes = [
        change("golden/a.json", "manifest", "version: 1 -> 2", before="xxh128:fedcba9876543210"),
        change("golden/a.npz", "fixture", "x: 1 of 2 elements", before="xxh128:fedcba9876543210"),
        change("golden/b.json", "manifest"),
        change("golden/b.npz", "fixture"),
    ]
    assert recorded_lines(changes) == [
        "recorded golden/a.npz: fedcba987654 -> 0123456789ab",
        "  x: 1 of 2 elements",
        "  version: 1 -> 2",
        "recorded golden/b.npz: new -> 0123456789ab",
    ]


def test_what_is_alone_has_its_own():
    """A manifest whose arrays did not change, a baseline beside an archive of its metrics."""
    changes = [
        change("golden/a.json", "manifest"),
        change("golden/b.net.json", "baseline"),
        change("golden/b.net.npz", "result"),
    ]
    assert [line.partition(":")[0] for line in recorded_lines(changes)] == [
        "recorded golden/a.json",
        "recorded golden/b.net.json",
        "recorded golden/b.net.npz",
    ]


def test_nothing_recorded_has_no_line():
    assert recorded_lines(()) == []
