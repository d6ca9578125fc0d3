"""Calls in threads: in order, with each error in its place, and ended by an interrupt."""

from __future__ import annotations

import threading
import time

import pytest

from harness.core.errors import UsageError
from harness.core.storage.remote.threads import in_threads


def refused(item):
    raise UsageError(item, expected="", found="", remedy="")


def test_results_and_errors_are_in_order():
    def call(item):
        time.sleep(0.01 * (item == "a"))
        return refused(item) if item == "b" else item

    first, second, third = in_threads(call, ["a", "b", "c"], 3, threading.Event())
    assert (first, third) == ("a", "c")
    assert second.thing == "b"


def test_nothing_is_done_for_nothing():
    assert in_threads(refused, [], 4, threading.Event()) == []


@pytest.mark.parametrize("kind", [KeyError, KeyboardInterrupt])
def test_another_error_stops_the_rest(kind):
    """Those that run are asked to end; others are not begun."""
    stopped, begun = threading.Event(), []

    def call(item):
        begun.append(item)
        if item == 0:
            raise kind
        assert stopped.wait(10)

    with pytest.raises(kind):
        in_threads(call, range(50), 2, stopped)
    assert stopped.is_set()
    assert len(begun) < 50
