"""Records as points on a timeline."""

from __future__ import annotations

import msgspec
import pytest

from harness.core.overview.collect import GroupState
from harness.core.overview.golden_groups import GoldenGroup
from harness.core.recording.cumulative_drift import drift_of
from harness.report.page.timeline import make_timeline

ENVIRONMENT = "sha256:" + "0" * 64


def state(*records):
    group = GoldenGroup("a", "baseline", {"baseline": "golden/a.json"}, ())
    return GroupState(group, records=records, drift=drift_of(records))


def chained(record):
    return msgspec.structs.replace(record, previous="sha256:" + "1" * 64)


def test_points_go_right_with_time_and_up_with_drift(record):
    made = make_timeline(
        state(record(1, reason="first"), chained(record(2, 0.5, 0.5)), chained(record(20, 1.5, 2.0))), {}, 4.0
    )
    assert [event.what for event in made.events] == ["first version", "re-recorded", "re-recorded"]
    first, second, third = made.events
    assert first.x < second.x < third.x
    assert third.x - second.x > second.x - first.x
    assert first.y > second.y > third.y > made.limit
    assert made.summary == ("Cumulative drift: 2 tolerances from the first version (ssim); the limit is 4.")
    assert made.alt.startswith("3 records from 2026-01-01 12:00 to 2026-01-20 12:00.")
    assert (first.by, first.reason, first.drift) == ("Ada Lovelace", "first", "drift not measured")


def test_records_of_one_moment_do_not_hide_each_other(record):
    made = make_timeline(state(*(record(1) for _ in range(20))), {}, 0.0)
    places = [event.x for event in made.events]
    assert len(set(places)) == 20
    assert places == sorted(places)
    assert places[-1] <= 630


def test_drift_that_is_not_a_number_has_no_height(record):
    drift = msgspec.structs.replace(record(2, 1.0, 1.0).cumulative, from_first=None, summed=None)
    made = make_timeline(
        state(record(1), chained(msgspec.structs.replace(record(2), cumulative=drift))), {}, 0.0
    )
    assert made.events[1].y is None
    assert "an unknown distance from the first" in made.events[1].drift


def test_many_records_are_cut_and_counted(record):
    made = make_timeline(state(*(record(day % 28 + 1) for day in range(100))), {}, 0.0)
    assert (len(made.events), made.older) == (30, 70)


@pytest.mark.parametrize(
    ("environments", "text"),
    [
        ({}, "environment unknown"),
        ({ENVIRONMENT: {"platform": "Linux x86_64", "numpy": "2.4"}}, "same environment as before"),
    ],
)
def test_the_environment_is_said(record, environments, text):
    made = make_timeline(state(record(1), chained(record(2))), environments, 0.0)
    assert made.events[1].environment == text


def test_a_changed_environment_names_what_changed(record):
    other = msgspec.structs.replace(chained(record(2)), environment="sha256:" + "2" * 64)
    environments = {ENVIRONMENT: {"numpy": "2.3"}, other.environment: {"numpy": "2.4", "torch": "2.1"}}
    made = make_timeline(state(record(1), other), environments, 0.0)
    assert made.events[1].environment == "numpy 2.3 -> 2.4, torch not set -> 2.1"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"removed": True}, "removed"),
        ({"moved_to": "golden/b.json"}, "renamed to golden/b.json"),
        ({"moved_from": "golden/b.json"}, "renamed from golden/b.json"),
        ({"imported_from": "old.npz"}, "imported from old.npz"),
        ({"fetched_from": "doi:10.5281/zenodo.42"}, "fetched from doi:10.5281/zenodo.42"),
    ],
)
def test_what_happened_is_said(record, change, text):
    made = make_timeline(state(msgspec.structs.replace(record(1), **change)), {}, 0.0)
    assert made.events[0].what == text


def test_without_records_there_is_none():
    assert make_timeline(state(), {}, 0.0) is None


def test_a_date_that_is_not_one_is_still_a_point(record):
    made = make_timeline(state(msgspec.structs.replace(record(1), at="yesterday"), record(2)), {}, 0.0)
    assert len(made.events) == 2
