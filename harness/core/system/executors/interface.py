"""What an executor is: it calls one function on many items, and yields each result when it is ready.

The function is one at module level of this package, and items and results can be pickled, so that both can
travel to another process or machine.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Apart:
    """A result of a worker whose environment is not that of this machine. It does not count for its item.

    Attributes
    ----------
    index : int
        The item's index.
    worker : str
        Host and port of the worker.
    environment : mapping of str to str
        The worker's fingerprint.
    differs : tuple of str
        What differs, one line each.
    result : object
        What the call returned there.
    """

    index: int
    worker: str
    environment: Mapping[str, str]
    differs: tuple[str, ...]
    result: Any


class Executor(Protocol):
    """Calls a function on many items."""

    @property
    def scratch(self) -> Path | None:
        """Directory for temporary files that calls read or write; None for the system's own."""

    def run(
        self,
        call: Callable[[Item], Result],
        items: Sequence[Item],
        *,
        label: Callable[[Item], str] = str,
        apart: Callable[[Apart], None] | None = None,
    ) -> Generator[tuple[int, Result], None, None]:
        """Call *call* on every item.

        Parameters
        ----------
        call : callable
            A function at module level, so that other processes can import it.
        items : sequence
            Must be picklable, and so must the results.
        label : callable, optional
            Returns what an error calls an item.
        apart : callable, optional
            Gets the results of workers that differ from this machine; without it, they get nothing to do.

        Yields
        ------
        (int, result)
            An item's index and its result, each item once, in the order in which results are ready.

        Raises
        ------
        Exception
            The first error that a call raised. Items still waiting are not started.
        HarnessError
            If there is no result, because a process or a machine was stopped.
        """


def run_in_order(  # noqa: PLR0913 - the parameters of Executor.run, and one more
    executor: Executor,
    call: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    label: Callable[[Item], str] = str,
    apart: Callable[[Apart], None] | None = None,
    on_result: Callable[[int, Result, int], None] = lambda _index, _result, _done: None,
) -> list[Result]:
    """Return the results in the order of *items*.

    *on_result* is called when a result is ready, with its index, itself, and how many results there are.
    Whatever ends the loop, an error or Ctrl-C, has stopped the work when it reaches the caller.

    >>> from harness.core.system.executors.local import LocalExecutor
    >>> run_in_order(LocalExecutor(), len, ["a", "bcd"])
    [1, 3]
    """
    results: list[Result | None] = [None] * len(items)
    with closing(executor.run(call, items, label=label, apart=apart)) as found:
        for done, (index, result) in enumerate(found, start=1):
            results[index] = result
            on_result(index, result, done)
    return cast("list[Result]", results)
