"""How long a store is waited for, and how often a request is repeated: with backoff, unless it is stopped."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from harness.core.storage.remote.trouble import Cancelled, Trouble

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

Result = TypeVar("Result")

_PROGRESS_BYTES = 1 << 20
"""After so many bytes a transfer counts as one that works, and its attempts are counted from the start."""


class Patience(NamedTuple):
    """How long to wait, and how often.

    Attributes
    ----------
    timeout : float
        Seconds to wait for a connection, for an answer, and for each part of it.
    tries : int
        Attempts in all, while nothing arrives.
    first, longest : float
        Seconds between the first two attempts, and at most; doubled each time, and up to half as much more.
        A store that asks for a longer wait than *longest* is not asked again.
    """

    timeout: float = 30.0
    tries: int = 5
    first: float = 0.5
    longest: float = 30.0


class Attempts:
    """Attempts of one transfer.

    Parameters
    ----------
    patience : Patience
    stopped : threading.Event
        Ends each wait.
    """

    def __init__(self, patience: Patience, stopped: threading.Event) -> None:
        self._patience, self._stopped = patience, stopped
        self._failed = self._bytes = 0

    def arrived(self, count: int) -> None:
        """Note bytes that came through."""
        self._bytes += count
        if self._bytes >= _PROGRESS_BYTES:
            self._failed = self._bytes = 0

    def failed(self, trouble: Trouble) -> None:
        """Wait before the next attempt.

        Raises
        ------
        Trouble
            The given one, if there should be no other attempt.
        """
        self._failed += 1
        seconds = self._pause(trouble)
        most = min(trouble.most_tries, self._patience.tries)
        if not trouble.again or self._failed >= most or seconds is None:
            raise trouble
        if self._stopped.wait(seconds):
            raise Cancelled

    def _pause(self, trouble: Trouble) -> float | None:
        if trouble.after is not None:
            return trouble.after if trouble.after <= self._patience.longest else None
        doubled = min(self._patience.first * float(2 ** (self._failed - 1)), self._patience.longest)
        return doubled * random.uniform(1, 1.5)  # noqa: S311 - so that many clients do not ask at once


def repeated(call: Callable[[], Result], attempts: Attempts) -> Result:
    """Return what *call* returns, once it raises no :class:`Trouble` that may pass.

    Raises
    ------
    Trouble
        That of the last attempt.
    """
    while True:
        try:
            return call()
        except Trouble as trouble:  # noqa: PERF203 - an attempt costs a request
            attempts.failed(trouble)
