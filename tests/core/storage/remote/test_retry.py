"""Attempts are repeated with longer and longer pauses, unless that is of no use."""

from __future__ import annotations

import threading

import pytest

from harness.core.storage.remote.retry import Attempts, Patience, repeated
from harness.core.storage.remote.trouble import Absent, Cancelled, Trouble, Unreached


class Waits(threading.Event):
    """An event that notes how long it was waited for."""

    def __init__(self, *, stops: bool = False) -> None:
        super().__init__()
        self.seconds, self._stops = [], stops

    def wait(self, timeout=None):
        self.seconds.append(timeout)
        return self._stops


def failing(count, trouble=None):
    """Fail so many times, then return how often it was called."""
    calls = []

    def call():
        calls.append(None)
        if len(calls) <= count:
            raise trouble or Trouble("busy")
        return len(calls)

    return call


def test_pauses_are_doubled_up_to_the_longest():
    waits = Waits()
    assert repeated(failing(5), Attempts(Patience(tries=6, first=1, longest=4), waits)) == 6
    for seconds, least in zip(waits.seconds, (1, 2, 4, 4, 4), strict=True):
        assert least <= seconds <= 1.5 * least


def test_the_last_trouble_is_raised():
    waits = Waits()
    with pytest.raises(Trouble, match="busy"):
        repeated(failing(3), Attempts(Patience(tries=3), waits))
    assert len(waits.seconds) == 2


def test_what_will_not_pass_is_not_repeated():
    waits = Waits()
    with pytest.raises(Absent):
        repeated(failing(1, Absent("none")), Attempts(Patience(), waits))
    assert waits.seconds == []


@pytest.mark.parametrize("after", [0, 7, 30])
def test_a_store_says_how_long_to_wait(after):
    waits = Waits()
    assert repeated(failing(1, Trouble("busy", after=after)), Attempts(Patience(longest=30), waits)) == 2
    assert waits.seconds == [after]


def test_a_store_that_asks_for_too_long_is_not_asked_again():
    with pytest.raises(Trouble):
        repeated(failing(1, Trouble("busy", after=31)), Attempts(Patience(longest=30), Waits()))


def test_nobody_waits_long_offline():
    waits = Waits()
    with pytest.raises(Unreached):
        repeated(failing(9, Unreached("no network")), Attempts(Patience(tries=9), waits))
    assert len(waits.seconds) == 2


def test_a_stop_ends_the_pause():
    with pytest.raises(Cancelled):
        repeated(failing(1), Attempts(Patience(), Waits(stops=True)))


def test_progress_begins_the_count_again():
    """Else a long transfer would end after a few breaks."""
    attempts = Attempts(Patience(tries=2), Waits())
    for _ in range(5):
        attempts.failed(Trouble("broken"))
        attempts.arrived(1 << 20)
    attempts.failed(Trouble("broken"))
    attempts.arrived(1000)
    with pytest.raises(Trouble):
        attempts.failed(Trouble("broken"))
