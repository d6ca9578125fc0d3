"""One call on many items, in processes of their own; answers come as they are ready.

Each process is a new interpreter, so that what a call sets in its environment reaches no other.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_processes(
    call: Callable[[Item], Answer], items: Sequence[Item], jobs: int
) -> Iterator[tuple[int, Answer]]:
    """Call *call* on every item, in up to *jobs* processes; in this one where that is 1.

    Parameters
    ----------
    call : callable
        A module's own function: other processes find it by name.
    items : sequence
        Picklable, as the answers are.
    jobs : int

    Yields
    ------
    (int, answer)
        An item's number and its answer, in the order in which they are ready.

    Raises
    ------
    Exception
        What a call raised first; items that wait are not begun then.
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
