"""Epochs end after their number, or when the next one would end too late."""

from __future__ import annotations

from harness.ptycho.engines.packages.settings import Cost, EngineSettings, Epochs, epochs_of


class Clock:
    """A clock that an epoch moves."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_no_epoch_begins_that_would_end_more_than_half_its_length_too_late():
    clock, done = Clock(), []
    for number in Epochs(1000, stop_at=104.4, clock=clock):
        clock.now += 1.0
        done.append(number)

    assert done == [0, 1, 2, 3]


def test_one_epoch_is_always_run():
    epochs = Epochs(1000, stop_at=0.0, clock=Clock())

    assert list(epochs) == [0]
    assert epochs.done == 1


def test_progress_is_the_share_of_the_number_or_of_the_time():
    by_number, by_time, clock = [], [], Clock()
    list(Epochs(4, report=by_number.append))
    for _ in Epochs(1000, stop_at=102.0, clock=clock, report=by_time.append):
        clock.now += 1.0

    assert by_number == [0.25, 0.5, 0.75, 1.0]
    assert by_time == [0.5, 1.0]


def test_settings_choose_number_wall_time_or_cpu_time():
    number = epochs_of(EngineSettings(epochs=7), 5.0, print)
    wall = epochs_of(EngineSettings(epochs=7, seconds=3.0), 5.0, print)
    cpu = epochs_of(EngineSettings(epochs=7, seconds=3.0, clock="cpu"), 5.0, print)

    assert (number.count, number.stop_at) == (7, None)
    assert wall.stop_at == 8.0
    assert cpu.stop_at == 3.0
    assert wall.clock is not cpu.clock


def test_the_handshake_does_not_count():
    """No other code is asked for one, so its time is given back."""
    spent = Cost(seconds=2.0, cpu_seconds=0.5)
    wall = epochs_of(EngineSettings(seconds=3.0), 5.0, print, spent=spent)
    cpu = epochs_of(EngineSettings(seconds=3.0, clock="cpu"), 5.0, print, spent=spent)
    assert (wall.stop_at, cpu.stop_at) == (10.0, 3.5)
