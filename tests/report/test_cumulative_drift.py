"""Cumulative drift: distances from the last and the first version, and what led to them."""

from __future__ import annotations

import pytest

from harness.core.recording.cumulative_drift import DriftHistory
from harness.core.registry.history import CumulativeDrift, Distance
from harness.report.cumulative_drift import drift_history_line, record_lines


def line(record, **drift) -> str:
    """The line of a file that was recorded on January 1st and 2nd before."""
    whole = {"from_last": Distance(0.8, "ssim"), "from_first": Distance(3.1, "ssim"), "summed": 3.1}
    cumulative = CumulativeDrift(**({"restart": False} | whole | drift))
    return drift_history_line(DriftHistory(cumulative, (record(1), record(2, 2.3, 2.3))))


def test_both_distances(record):
    """With the metric or array that is farthest away, and the number of records."""
    assert line(record) == (
        "0.8 tolerances from the last version, 3.1 from the first (ssim); 3 records since 2026-01-01"
    )


def test_a_restart_is_shown(record):
    """Somebody decided it."""
    assert line(record, restart=True).endswith("since 2026-01-01; later drift is measured from here")


@pytest.mark.parametrize(
    ("drift", "text"),
    [
        (
            {"from_last": Distance(1.0, "ssim")},
            "1 tolerance from the last version, 3.1 from the first (ssim)",
        ),
        ({"from_first": None}, "0.8 tolerances from the last version, at most 3.1 from the first (ssim)"),
        (
            {"from_first": None, "summed": None},
            "0.8 tolerances from the last version, unknown distance from the first",
        ),
        ({"from_last": None}, "unknown distance from the last version, 3.1 from the first (ssim)"),
        (
            {"from_last": Distance(None, "mae"), "from_first": Distance(None, "mae")},
            "not comparable with the last version, not comparable with the first (mae)",
        ),
    ],
)
def test_distances_that_are_not_known(record, drift, text):
    """If the first version is lost, the sum of all changes is an upper bound."""
    assert line(record, **drift).partition("; ")[0] == text


def test_a_line_for_each_record(record):
    """The first version is first; a record without distances was not measured."""
    records = [record(1, reason="first"), record(2, 0.5, 0.5), record(3, reason="by hand")]
    assert list(record_lines(records)) == [
        "2026-01-01  first version: first",
        "2026-01-02  0.5 from the last, 0.5 from the first: no reason",
        "2026-01-03  not measured: by hand",
    ]


@pytest.mark.parametrize(("later", "more"), [(5, []), (6, ["... and 1 more"]), (8, ["... and 3 more"])])
def test_five_later_records_are_shown(record, later, more):
    """Those in the middle are counted."""
    records = [record(1 + day, 1, day, reason=str(day)) for day in range(1 + later)]
    first, *others = record_lines(records)
    assert first == "2026-01-01  first version: 0"
    assert others == [
        *more,
        *(
            f"2026-01-{1 + day:02d}  1 from the last, {day} from the first: {day}"
            for day in range(1 + later - 5, 1 + later)
        ),
    ]


def test_lost_versions_in_a_record(record):
    """Unknown, or not comparable."""
    *_, last = record_lines([record(1), record(2, 1, 1, from_last=None, from_first=Distance(None, "mae"))])
    assert last == "2026-01-02  unknown from the last, not comparable from the first: no reason"
