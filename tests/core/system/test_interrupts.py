"""Ctrl-C waits for the end of what may not be stopped halfway."""

from __future__ import annotations

import signal
import threading

import pytest

from harness.core.system.interrupts import deferred_interrupts

# How worker processes end is tested with the pool that they belong to, in test_parallel.py.


@pytest.fixture(autouse=True)
def handler():
    """The handler of an ordinary Python process, before and after."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def press(times: int) -> list[str]:
    """Press Ctrl-C in a block that defers it; return what the block did afterwards."""
    done: list[str] = []

    def work() -> None:
        with deferred_interrupts():
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
            done.append("the rest")

    with pytest.raises(KeyboardInterrupt):
        work()
    return done


def test_an_interrupt_takes_effect_after_the_block():
    assert press(1) == ["the rest"]


def test_a_second_interrupt_takes_effect_at_once():
    assert press(2) == []


def test_an_error_of_the_block_is_kept():
    with pytest.raises(ZeroDivisionError), deferred_interrupts():
        raise ZeroDivisionError


def test_nothing_changes_without_an_interrupt_or_in_another_thread():
    done = []

    def work() -> None:
        with deferred_interrupts():
            done.append(1)

    work()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1, 1]
