"""The date of a publication is given or that of the newest record: no clock is asked."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.core.publishing.dates import VARIABLE, chosen_date

NEWEST = "2025-06-01T12:00:00Z"


def test_the_newest_record_decides_unless_something_is_given(monkeypatch):
    assert chosen_date(None, NEWEST) == NEWEST
    monkeypatch.setenv(VARIABLE, "1700000000")
    assert chosen_date(None, NEWEST) == "2023-11-14T22:13:20Z"
    assert chosen_date("2026-01-31", NEWEST) == "2026-01-31"


@pytest.mark.parametrize("given", ["", "yesterday", "2026-13-01", "31.01.2026", "2026-02-30"])
def test_what_is_not_a_day_is_refused(given):
    with pytest.raises(UsageError, match=r"--date: expected a day, such as 2026-01-31"):
        chosen_date(given, NEWEST)


@pytest.mark.parametrize("seconds", ["now", "1.5", "1" * 30])
def test_what_is_not_a_number_of_seconds_is_refused(monkeypatch, seconds):
    monkeypatch.setenv(VARIABLE, seconds)
    with pytest.raises(UsageError, match=VARIABLE):
        chosen_date(None, NEWEST)
