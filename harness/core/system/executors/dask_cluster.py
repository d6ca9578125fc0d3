"""An executor that gives the work to a Dask cluster which is running already.

Dask decides which worker does what, and repeats what a dead worker had. Each answer says whether its worker
had the environment and the code of this process; if not, the item is done again by another worker.
"""

from __future__ import annotations

import pickle
import queue
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from harness.core.errors import HarnessError
from harness.core.system.executors.child import reference_of
from harness.core.system.executors.connection import Connection, connected, scheduler_gone, short
from harness.core.system.executors.identity import identity
from harness.core.system.executors.interface import Apart
from harness.core.system.executors.worker import carried_variables, run_task
from harness.core.system.interrupts import deferred_interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

_SECONDS_BETWEEN_LOOKS = 1.0
_MOST_SUBMITTED = 10_000
"""So many tasks wait on the scheduler at once; it needs some kilobytes for each."""

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class DaskExecutor:
    """Calls on the workers of a cluster.

    Attributes
    ----------
    address : str
        Of the scheduler, such as ``tcp://127.0.0.1:8786``.
    root : Path or None
        The project, whose files all workers must see at this path.
    golden_name : str
        Name of its golden directory.
    scratch : Path or None
        Directory for temporary files, which all workers see.
    jobs : int or None
        Most tasks at the same time; None for as many as the workers have threads.
    say : callable
        Is given a line about each worker that differs.
    """

    address: str
    root: Path | None = None
    golden_name: str = "golden"
    scratch: Path | None = None
    jobs: int | None = None
    say: Callable[[str], None] = field(default=lambda _line: None)

    def run(
        self,
        call: Callable[[Item], Result],
        items: Sequence[Item],
        *,
        label: Callable[[Item], str] = str,
        apart: Callable[[Apart], None] | None = None,
    ) -> Generator[tuple[int, Result], None, None]:
        """Call *call* on every item, as :meth:`~harness.core.system.executors.interface.Executor.run`.

        Raises
        ------
        DependencyError
            If Dask is not installed.
        UsageError, UnreadableError
            If no scheduler has that address, or it does not answer any more.
        HarnessError
            If there are no workers, none is like this machine, or an item ends each worker that it is given
            to.
        """
        reference = reference_of(call)
        if not items:
            return
        with connected(self.address) as connection:
            work = _Work(self, connection, reference, items, apart)
            work.label = lambda index: label(items[index])
            try:
                yield from work.results()
            finally:
                work.cancel()


class _Submitted(NamedTuple):
    """An item's index, its future, and the only workers that may do it; none for any."""

    item: int
    future: Any
    workers: frozenset[str]


class _Done(NamedTuple):
    result: Any


class _Work:
    """The tasks of one run: what waits, what was submitted, and which workers differ."""

    def __init__(
        self,
        executor: DaskExecutor,
        connection: Connection,
        call: tuple[str, str],
        items: Sequence[Any],
        apart: Callable[[Apart], None] | None,
    ) -> None:
        self.executor, self.connection, self.items, self.apart = executor, connection, items, apart
        self.identity = identity(executor.root, executor.golden_name)
        self.session, self.number = uuid.uuid4().hex, 0
        self.common = {
            "session": self.session,
            "call": call,
            "root": None if executor.root is None else str(executor.root),
            "golden_name": executor.golden_name,
            "folder": str(Path.cwd()),
            "identity": self.identity,
            "variables": carried_variables(),
            "unlike": apart is not None,
        }
        self.label: Callable[[int], str] = str
        self.waiting = deque(range(len(items)))
        self.pending: dict[str, _Submitted] = {}
        self.ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.unlike: dict[str, tuple[str, ...]] = {}
        self.first: frozenset[str] = frozenset()  # the only workers that get new items; none for all
        self.seen: float | None = None  # when there last was a worker
        self.began = time.monotonic()

    def results(self) -> Generator[tuple[int, Any], None, None]:
        """Yield the index and the result of each item, once."""
        left = len(self.items)
        self.look_after()
        self.note_lacking()
        while left:
            self.submit_more()
            while (future := self.next_done()) is None:
                self.look_after()
            submitted = self.pending.pop(future.key, None)
            if submitted is None:  # it was given up
                continue
            done = self.look_at(submitted, self.connection.answer_of(future))
            if done is not None:
                left -= 1
                yield submitted.item, done.result

    def submit_more(self) -> None:
        """Submit what waits, as far as it may be done at the same time."""
        most = self.executor.jobs or _MOST_SUBMITTED
        while self.waiting and len(self.pending) < most:
            self.submit(self.waiting.popleft(), self.first)

    def submit(self, index: int, workers: frozenset[str] = frozenset()) -> None:
        """Submit one item: to *workers*, or to any."""
        self.number += 1
        key = f"harness-{self.session}-{self.number}"
        task = {**self.common, "item": pickle.dumps(self.items[index])}
        future = self.connection.client.submit(
            run_task, task, key=key, pure=False, workers=sorted(workers) or None
        )
        self.pending[key] = _Submitted(index, future, workers)
        future.add_done_callback(self.ready.put)

    def next_done(self) -> Any:
        """Return the next future that is done; None if there was none for a while."""
        try:
            return self.ready.get(timeout=_SECONDS_BETWEEN_LOOKS)
        except queue.Empty:
            return None

    def look_after(self) -> None:
        """Give the items of workers that are gone to others.

        Raises
        ------
        HarnessError
            If the scheduler does not answer, or has had no workers for too long.
        """
        workers, now = self.connection.workers(), time.monotonic()
        if workers:
            self.seen = now
        elif now - (self.seen or self.began) > self.connection.wait:
            raise self.no_workers()
        for key, submitted in list(self.pending.items()):
            if submitted.workers and not submitted.workers & workers:
                del self.pending[key]
                submitted.future.release()
                self.submit_again(submitted.item, workers)

    def submit_again(self, index: int, workers: frozenset[str]) -> None:
        """Submit an item to those of *workers* that are not known to differ.

        Raises
        ------
        HarnessError
            If all of them differ.
        """
        self.submit(index, self.suitable(workers))

    def suitable(self, workers: frozenset[str]) -> frozenset[str]:
        """Return those of *workers* that are not known to differ; raise if there are only others."""
        suitable = workers - self.unlike.keys()
        if workers and not suitable:
            raise self.none_suitable(sorted(workers))
        return suitable

    def note_lacking(self) -> None:
        """Give nothing to workers without this package: such a worker ends when it gets a task.

        Raises
        ------
        HarnessError
            If there are no others.
        """
        lacking = self.connection.lacking()
        for worker, why in lacking.items():
            self.note_unlike(worker, (why,))
        if lacking:
            self.first = self.suitable(self.connection.workers())

    def look_at(self, submitted: _Submitted, answer: Any) -> _Done | None:
        """Return an item's result; None if it is done again."""
        if answer is None:
            self.pending[submitted.future.key] = submitted
            submitted.future.add_done_callback(self.ready.put)
            return None
        if isinstance(answer, BaseException):
            self.explain(submitted, answer)
            return None
        submitted.future.release()
        if answer.get("differs"):
            self.note_unlike(answer["worker"], tuple(answer["differs"]))
            if self.apart is not None and answer["kind"] == "result":
                self.apart(_apart(submitted.item, answer))
            self.submit_again(submitted.item, self.connection.workers())
            return None
        if answer["kind"] == "error":
            raise _restored(answer)
        if answer["kind"] != "result":
            raise _ended(self.label(submitted.item), short(answer["worker"]), answer["code"])
        return _Done(pickle.loads(answer["result"]))  # noqa: S301 - the cluster is the user's own

    def note_unlike(self, worker: str, differs: tuple[str, ...]) -> None:
        """Say once of a worker how it differs."""
        if worker not in self.unlike:
            kept = "its results are kept apart" if self.apart else "others do its work"
            self.executor.say(f"worker {short(worker)} differs: {'; '.join(differs)}; {kept}")
        self.unlike[worker] = differs

    def explain(self, submitted: _Submitted, error: BaseException) -> None:
        """Submit an item again that Dask could not run on a worker without this package.

        Raises
        ------
        HarnessError
            If there was another reason.
        """
        if not self.connection.is_open:
            raise scheduler_gone(self.connection) from error
        if isinstance(error, (ImportError, AttributeError)):
            self.note_lacking()
            if self.first:
                self.submit_again(submitted.item, self.connection.workers())
                return
        raise _not_run(self.label(submitted.item), error) from error

    def cancel(self) -> None:
        """Cancel what was submitted and is not done."""
        futures = [submitted.future for submitted in self.pending.values()]
        if futures and self.connection.is_open:
            with deferred_interrupts():
                self.connection.client.cancel(futures, force=True)

    def no_workers(self) -> HarnessError:
        """Error about a cluster without workers."""
        address, wait = self.executor.address, f"{self.connection.wait:g} s"
        if self.seen is None:
            return HarnessError(
                f"--dask {address}",
                expected="workers",
                found="none",
                message=f"the Dask cluster at {address} has had no workers for {wait}",
                remedy=f"Start some: `dask worker {address}`.",
            )
        labels = [self.label(submitted.item) for submitted in self.pending.values()]
        names = ", ".join(labels[:_SHOWN]) + (f" and {len(labels) - _SHOWN} more" * (len(labels) > _SHOWN))
        return HarnessError(
            f"--dask {address}",
            expected="workers",
            found="none any more",
            message=f"all workers of the Dask cluster at {address} have ended, and for {wait} no other has "
            f"come; not done: {names}",
            remedy="Read the workers' logs: perhaps memory ran out, or what they were given ended them.",
        )

    def none_suitable(self, workers: Sequence[str]) -> HarnessError:
        """Error about a cluster of which each worker differs from this machine."""
        named = "; ".join(f"{short(name)}: {', '.join(self.unlike[name])}" for name in workers[:_SHOWN])
        more = f"; and {len(workers) - _SHOWN} more" if len(workers) > _SHOWN else ""
        return HarnessError(
            f"--dask {self.executor.address}",
            expected="a worker with the environment, the code and the files of this machine",
            found=named,
            message="no worker of the Dask cluster has the environment, the code and the files of this "
            f"machine: {named}{more}",
            remedy="Start workers from the same environment, which see the project at the same path.",
        )


def _apart(index: int, answer: Mapping[str, Any]) -> Apart:
    return Apart(
        index,
        short(answer["worker"]),
        answer["environment"],
        tuple(answer["differs"]),
        pickle.loads(answer["result"]),  # noqa: S301 - the cluster is the user's own
    )


class _RemoteTraceback(Exception):  # noqa: N818 - the name that concurrent.futures has for it
    """The traceback of an error that a worker raised, as text."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def _restored(answer: Mapping[str, Any]) -> BaseException:
    """Return the error that a call raised, with its traceback as its cause."""
    error: BaseException = pickle.loads(answer["error"])  # noqa: S301 - the cluster is the user's own
    error.__cause__ = _RemoteTraceback(answer["traceback"])
    return error


def _ended(label: str, worker: str, code: int) -> HarnessError:
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return HarnessError(
        label,
        expected="a result",
        found=f"the end of its process, with {how}",
        message=f"{label}: its process on worker {worker} ended with {how} before it had a result",
        remedy="Read the worker's log: perhaps memory ran out.",
    )


def _not_run(label: str, error: BaseException) -> HarnessError:
    if type(error).__name__ == "KilledWorker":
        last = short(str(getattr(getattr(error, "last_worker", None), "address", "unknown")))
        return HarnessError(
            label,
            expected="a result",
            found="the end of each worker that it was given to",
            message=f"{label}: each worker that it was given to ended, the last one at {last}",
            remedy="Read the workers' logs: perhaps memory ran out, or the code ended them.",
        )
    return HarnessError(
        label,
        expected="a result",
        found=f"{type(error).__name__}: {error}",
        message=f"{label}: Dask has no result of it: {type(error).__name__}: {error}",
        remedy="Repeat the command.",
    )
