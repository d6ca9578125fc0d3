"""A call for each of many items, in several threads that Ctrl-C ends soon: they mostly wait for a network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, TypeVar

from harness.core.errors import HarnessError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    call: Callable[[Item], Result], items: Sequence[Item], jobs: int, stopped: threading.Event
) -> list[Result | HarnessError]:
    """Return, for each item, what a call returns or the error of this package that it raises.

    Parameters
    ----------
    call : callable
    items : sequence
    jobs : int
        Calls at a time.
    stopped : threading.Event
        Set if this is interrupted: the calls that run are to end then. Others are not begun.

    Raises
    ------
    Exception
        The first other error of a call.

    Examples
    --------
    >>> import threading
    >>> in_threads(len, ["a", "bc"], 2, threading.Event())
    [1, 2]
    """
    pool = ThreadPoolExecutor(max(1, min(jobs, len(items))))
    try:
        futures = [pool.submit(call, item) for item in items]
        for future in as_completed(futures):
            if not isinstance(future.exception(), HarnessError):
                future.result()
    except BaseException:
        stopped.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return [_outcome(future.exception()) or future.result() for future in futures]


def _outcome(error: BaseException | None) -> HarnessError | None:
    return error if isinstance(error, HarnessError) else None
