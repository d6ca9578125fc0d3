"""A connection to the scheduler of a Dask cluster: opened, asked with time limits, and closed.

Dask logs what happens to a connection and warns of other versions; both are errors or notes of ours instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.errors import DependencyError, HarnessError, UnreadableError, UsageError
from harness.core.system.executors.worker import worker_name
from harness.core.system.interrupts import deferred_interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXTRA = "pip install 'golden-harness[dask]'"
_LOGGERS = ("distributed", "tornado", "asyncio")
_SCHEDULER = "Scheduler"
_MOST_SECONDS = 10.0
"""Dask would try for longer to connect; who mistyped an address should not wait for so long."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A client of a scheduler, its address as it was typed, and how many seconds to wait for an answer."""

    client: Any
    address: str
    wait: float

    @property
    def is_open(self) -> bool:
        """Whether the scheduler is connected."""
        return bool(self.client.status == "running")

    def workers(self) -> frozenset[str]:
        """Return the addresses of all workers.

        Raises
        ------
        UnreadableError
            If the scheduler does not answer.
        """
        try:
            return frozenset(self._ask(lambda client: client.scheduler.ncores(workers=None)))
        except (OSError, asyncio.TimeoutError, RuntimeError) as error:
            raise scheduler_gone(self) from error

    def answer_of(self, future: Any) -> Any:
        """Return the result of a future that is done, or the error with which Dask ended it.

        None if the result was lost with its worker, and is made again.
        """
        try:
            return future.result(timeout=self.wait)
        except asyncio.TimeoutError as error:
            return error if future.status == "error" else None
        except Exception as error:  # noqa: BLE001 - whatever Dask raises
            return error

    def lacking(self) -> dict[str, str]:
        """Return the workers that cannot import this package, each with the reason.

        None if one of them does not answer: its tasks will tell.
        """
        try:
            found = self._ask(lambda client: client.run(worker_name, on_error="return", asynchronous=True))
        except (OSError, asyncio.TimeoutError, RuntimeError):
            return {}
        return {
            name: f"it cannot import harness: {answer}"
            for name, answer in found.items()
            if isinstance(answer, Exception)
        }

    def _ask(self, question: Any) -> Any:
        """Return the answer to a question that is asked in the client's event loop."""

        async def ask() -> Any:
            return await asyncio.wait_for(question(self.client), self.wait)

        return self.client.sync(ask)


@contextlib.contextmanager
def connected(address: str) -> Iterator[Connection]:
    """Connect to the scheduler at *address* during the block.

    How long to wait for an answer is Dask's setting ``distributed.comm.timeouts.connect``; for the first one,
    at most 10 s.

    Raises
    ------
    DependencyError
        If Dask is not installed.
    UsageError
        If *address* is not one.
    UnreadableError
        If no scheduler answers there.
    """
    distributed, wait = _distributed()
    warnings.filterwarnings("ignore", category=distributed.versions.VersionMismatchWarning)
    with _quiet():
        client = _client_at(distributed, address, wait)
        try:
            yield Connection(client, address, wait)
        finally:
            with deferred_interrupts(), contextlib.suppress(OSError, asyncio.TimeoutError):
                client.close(timeout=min(wait, 5.0))


def scheduler_gone(connection: Connection) -> UnreadableError:
    """Error about a scheduler that was there and does not answer any more."""
    return UnreadableError(
        connection.address,
        expected="an answer of the Dask scheduler",
        found="none",
        message=f"the Dask scheduler at {connection.address} stopped before all work was done",
        remedy="Start the scheduler and its workers again, and repeat the command: nothing was recorded.",
    )


def short(worker: str) -> str:
    """Return host and port of a worker's address.

    >>> short("tcp://10.0.0.5:38211")
    '10.0.0.5:38211'
    """
    return worker.partition("://")[2] or worker


def _distributed() -> tuple[Any, float]:
    """Return the package and its time limit for connections, in seconds."""
    try:
        import dask
        import distributed
    except ModuleNotFoundError as error:
        raise DependencyError(
            "`--executor dask`",
            expected="the package distributed",
            found="it is not installed",
            message="`--executor dask` needs the package distributed, which is not installed",
            remedy=f"Install it: `{_EXTRA}`.",
        ) from error
    from dask.utils import parse_timedelta

    return distributed, float(parse_timedelta(dask.config.get("distributed.comm.timeouts.connect"), "s"))


def _client_at(distributed: Any, address: str, wait: float) -> Any:
    # A client that cannot connect complains when it is collected, so something else asks first.
    wait = min(wait, _MOST_SECONDS)
    try:
        kind = asyncio.run(_kind_of(distributed, address, wait))
    except (OSError, asyncio.TimeoutError) as error:
        raise _cannot_connect(address, f"no answer within {wait:g} s") from error
    except (ValueError, TypeError, KeyError, EOFError) as error:
        raise _no_address(address, str(error)) from error
    if kind != _SCHEDULER:
        raise _no_address(address, f"a {kind} answers there")
    try:
        return distributed.Client(address, timeout=wait, set_as_default=False, name="harness")
    except (ImportError, OSError, asyncio.TimeoutError) as error:
        raise _cannot_connect(address, str(error)) from error


async def _kind_of(distributed: Any, address: str, wait: float) -> str:
    """Return what answers at an address, such as ``Scheduler``."""
    arguments = distributed.Security().get_connection_args("client")

    async def ask() -> str:
        async with distributed.rpc(address, connection_args=arguments, timeout=wait) as server:
            return str((await server.identity())["type"])

    return await asyncio.wait_for(ask(), wait)


def _no_address(address: str, found: str) -> UsageError:
    return UsageError(
        f"--dask {address}",
        expected="the address of a Dask scheduler",
        found=found,
        message=f"--dask {address} is not the address of a Dask scheduler: {found}",
        remedy="Give the address that `dask scheduler` prints, such as tcp://127.0.0.1:8786.",
    )


def _cannot_connect(address: str, found: str) -> HarnessError:
    return UnreadableError(
        f"--dask {address}",
        expected="a Dask scheduler",
        found=found,
        message=f"cannot connect to a Dask scheduler at {address}: {found}",
        remedy="Start one with `dask scheduler`, or correct the address.",
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let nothing that Dask and its event loop log reach the terminal."""
    loggers = [logging.getLogger(name) for name in sorted({*_LOGGERS, *_known_loggers()})]
    before = [(logger, logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [logging.NullHandler()], False
    try:
        yield
    finally:
        for logger, handlers, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate


def _known_loggers() -> Iterator[str]:
    known = logging.root.manager.loggerDict
    return (name for name in known if name.partition(".")[0] in _LOGGERS)
