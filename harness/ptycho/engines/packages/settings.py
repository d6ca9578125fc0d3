"""What all adapters of packages are made with, and how many epochs they run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec

from harness.ptycho.pipeline.configuration import Configuration, Positive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Clock = Literal["wall", "cpu"]
Seconds = Annotated[float, msgspec.Meta(gt=0)]

UNLIMITED = 1_000_000
"""Epochs of a run that is limited by time."""


class EngineSettings(Configuration, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options that all packages share.

    Parameters
    ----------
    epochs : int
        Passes over the data.
    seconds : float, optional
        Time from the start of the process, without the handshake, after which no epoch begins, whatever
        ``epochs`` says. The result then depends on the machine.
    clock : {"wall", "cpu"}
        Which time that is. CPU time says more on a machine that others use, too.
    """

    epochs: Positive = 100
    seconds: Seconds | None = None
    clock: Clock = "wall"


class Cost(NamedTuple):
    """Time that something took: wall and CPU seconds of this process.

    >>> Cost(3.0, 2.0) - Cost(1.0, 0.5)
    Cost(seconds=2.0, cpu_seconds=1.5)
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @classmethod
    def now(cls) -> Cost:
        """Return both clocks as they are."""
        return cls(time.time(), time.process_time())

    def __sub__(self, other: Cost) -> Cost:
        """Return what was spent since *other*."""
        return Cost(self.seconds - other.seconds, self.cpu_seconds - other.cpu_seconds)


@dataclass(slots=True)
class Epochs:
    """Epochs to run: so many, or until the time is over.

    Attributes
    ----------
    count : int
    stop_at : float or None
        When to end, by *clock*.
    clock : callable
        Returns seconds.
    report : callable
        Called with the fraction done.
    done : int
        Epochs that were run.

    Examples
    --------
    >>> list(Epochs(3)), list(Epochs(3, stop_at=0.0))
    ([0, 1, 2], [0])
    """

    count: int
    stop_at: float | None = None
    clock: Callable[[], float] = time.time
    report: Callable[[float], None] = lambda _: None
    done: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[int]:
        """Yield the number of each epoch; at least one, and none that would end much too late."""
        began = self.clock()
        for number in range(self.count):
            now = self.clock()
            longest = (now - began) / max(number, 1)
            if number and self.stop_at is not None and now + longest / 2 > self.stop_at:
                return
            yield number
            self.done = number + 1
            self.report(self._fraction(began))

    def _fraction(self, began: float) -> float:
        if self.stop_at is None:
            return self.done / self.count
        return min(1.0, (self.clock() - began) / max(self.stop_at - began, 1e-9))


def epochs_of(
    settings: EngineSettings, began: float, report: Callable[[float], None], *, spent: Cost | None = None
) -> Epochs:
    """Return the epochs that *settings* ask for, of a run that *began* then (seconds since the epoch).

    What was *spent* on the handshake does not count: no other code is asked for one.

    >>> epochs_of(EngineSettings(epochs=7), 0.0, print).count
    7
    """
    spent = spent or Cost()
    if settings.seconds is None:
        return Epochs(settings.epochs, report=report)
    if settings.clock == "cpu":
        return Epochs(UNLIMITED, settings.seconds + spent.cpu_seconds, time.process_time, report)
    return Epochs(UNLIMITED, began + settings.seconds + spent.seconds, time.time, report)
