"""Call a function on many items in parallel processes, and yield each result when it is ready.

Each process is a new interpreter, so a call may set environment variables without affecting the caller.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_processes(
    call: Callable[[Item], Result], items: Sequence[Item], jobs: int
) -> Iterator[tuple[int, Result]]:
    """Call *call* on every item in up to *jobs* processes; in this process if *jobs* is 1.

    Parameters
    ----------
    call : callable
        A function at module level, so that other processes can import it.
    items : sequence
        Must be picklable, and so must the results.
    jobs : int
        Largest number of processes.

    Yields
    ------
    (int, result)
        An item's index and its result, in the order in which results are ready.

    Raises
    ------
    Exception
        The first error that a call raised. Items still waiting are not started.
    """
    if jobs == 1 or len(items) <= 1:
        yield from ((number, call(item)) for number, item in enumerate(items))
        return
    with ProcessPoolExecutor(min(jobs, len(items)), multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(call, item): number for number, item in enumerate(items)}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
