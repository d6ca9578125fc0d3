"""Call a function on many items in parallel processes, and yield each result when it is ready.

Each process is a new interpreter, so a call may set environment variables without affecting the caller.
"""

from __future__ import annotations

import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from harness.core.errors import HarnessError
from harness.core.system import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from harness.core.system.executors.interface import Apart

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Calls in up to ``jobs`` processes of this machine; see :func:`in_processes`.

    >>> sorted(LocalExecutor(jobs=1).run(len, ["a", "bcd"]))
    [(0, 1), (1, 3)]
    """

    jobs: int = 1

    @property
    def scratch(self) -> None:
        """All processes see the system's own temporary directory."""

    def run(
        self,
        call: Callable[[Item], Result],
        items: Sequence[Item],
        *,
        label: Callable[[Item], str] = str,  # noqa: ARG002 - of the interface
        apart: Callable[[Apart], None] | None = None,  # noqa: ARG002 - every process here is alike
    ) -> Generator[tuple[int, Result], None, None]:
        """Call *call* on every item, as :meth:`~harness.core.system.executors.interface.Executor.run`."""
        return in_processes(call, items, self.jobs)


def in_processes(
    call: Callable[[Item], Result], items: Sequence[Item], jobs: int
) -> Generator[tuple[int, Result], None, None]:
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
    HarnessError
        If a process was killed.
    """
    if jobs == 1 or len(items) <= 1:
        yield from ((number, call(item)) for number, item in enumerate(items))
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(items)), context, interrupts.begin_worker)
    try:
        with interrupts.started_without_interrupts():
            waiting = {
                pool.submit(interrupts.do_work, call, item): number for number, item in enumerate(items)
            }
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    except KeyboardInterrupt:
        with interrupts.deferred_interrupts(math.inf):  # a thread that is interrupted while it waits for
            interrupts.stop_workers()  # another one, as in shutdown(), takes that one for ended
            pool.shutdown(wait=True, cancel_futures=True)
        raise
    except BrokenProcessPool as error:
        raise _killed() from error
    finally:
        with interrupts.deferred_interrupts(math.inf):
            pool.shutdown(wait=True, cancel_futures=True)


def _killed() -> HarnessError:
    return HarnessError(
        "a worker process",
        expected="a result",
        found="its end",
        message="a worker process was killed before it had a result, perhaps because memory ran out",
        remedy="Repeat with fewer jobs, or with one.",
    )
