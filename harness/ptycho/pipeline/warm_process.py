"""Stages that start from a process which has imported torch: see :mod:`harness.ptycho.pipeline.warm_server`.

What a library reads from the environment when it is loaded (threads, CPU kernels) it has read in the server.
So each environment has a server of its own, and so has each working directory.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import util
from pathlib import Path
from typing import IO, TYPE_CHECKING

from harness.ptycho.pipeline.warm_server import KILL, READY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

MOST_IDLE = 3
"""Servers that are kept: a calibration uses three environments by turns."""

SERVER_COMMAND = ("-m", "harness.ptycho.pipeline.warm_server")
LONGEST_ANSWER = 100
SHORTEST_WAIT = 1e-3
GRACE_SECONDS = 5.0
KILLED = -signal.SIGKILL.value if hasattr(signal, "SIGKILL") else -9

Key = tuple[int, str, tuple[tuple[str, str], ...]]


@dataclass(slots=True, eq=False)
class Server:
    """A server, and this end of the socket that controls it."""

    process: subprocess.Popen[bytes]
    control: socket.socket

    def first_answer(self, seconds: float) -> bytes | None:
        """Wait for the imports, at most so many seconds; return what it then says, None if nothing."""
        self.control.settimeout(max(seconds, SHORTEST_WAIT))
        try:
            return self.control.recv(LONGEST_ANSWER)
        except TimeoutError:
            return None
        except OSError:  # it ended
            return b""
        finally:
            self.control.settimeout(None)

    def close(self) -> None:
        """End the server; a stage that still runs is killed."""
        self.control.close()
        try:
            self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True, eq=False)
class WarmChild:
    """A stage that a server runs, with what is used of ``subprocess.Popen``.

    Attributes
    ----------
    stdout : IO[str]
        What the stage prints.
    pid : int
    returncode : int or None
        None while it runs; negative if a signal ended it.
    """

    servers: Servers
    key: Key
    server: Server
    stdout: IO[str]
    pid: int
    returncode: int | None = None

    def kill(self) -> None:
        """Kill the stage, unless it has ended."""
        if self.returncode is not None:
            return
        try:
            self.server.control.send(KILL)
        except OSError:  # the server was killed, so nobody waits for the stage
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for the end of the stage, and return its exit status."""
        if self.returncode is None:
            with suppress(OSError):
                answer = self.server.control.recv(LONGEST_ANSWER)
                self.returncode = int(answer) if answer else None
            if self.returncode is None:  # the server was killed
                self.kill()
                self.returncode = KILLED
                self.server.close()
            else:
                self.servers.give_back(self.key, self.server)
        return self.returncode

    def __enter__(self) -> WarmChild:  # noqa: PYI034 - typing has Self from Python 3.11 on
        """Return the child."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Close the pipe, and wait."""
        self.stdout.close()
        self.wait()


@dataclass(slots=True, eq=False)
class Servers:
    """The servers of this process that run nothing now, oldest first, by what their stages may depend on.

    They end with this process, also if it is killed.
    """

    idle: dict[Key, Server] = field(default_factory=dict)
    usable: bool = hasattr(os, "pidfd_open")  # Linux
    ended_at_exit: bool = False

    def start(
        self,
        command: tuple[str, ...],
        *,
        environment: Mapping[str, str],
        stderr: IO[str],
        seconds: float,
    ) -> WarmChild | None:
        """Start a stage; return None where servers cannot run any.

        Parameters
        ----------
        command : tuple of str
            Module and arguments, after ``-m``.
        environment : mapping of str to str
        stderr : file
            Where the stage writes its standard error.
        seconds : float
            How long to wait for a new server.
        """
        key = (os.getpid(), str(Path.cwd()), tuple(sorted(environment.items())))
        server = self.idle.pop(key, None) or self._new(environment, seconds)
        if server is None:
            return None
        read, write = os.pipe()
        request = json.dumps({"module": command[0], "arguments": command[1:]}).encode()
        try:
            socket.send_fds(server.control, [request], [write, stderr.fileno()])
            pid = int(server.control.recv(LONGEST_ANSWER))
        except (OSError, ValueError):  # it was killed while it was idle
            os.close(read)
            server.close()
            return None
        finally:
            os.close(write)
        return WarmChild(self, key, server, os.fdopen(read), pid)

    def give_back(self, key: Key, server: Server) -> None:
        """Keep a *server* that runs nothing; end the oldest one if there are too many."""
        other = self.idle.pop(key, None)
        if other is not None:
            other.close()
        self.idle[key] = server
        if len(self.idle) > MOST_IDLE:
            self.idle.pop(next(iter(self.idle))).close()

    def close(self) -> None:
        """End all servers."""
        while self.idle:
            _, server = self.idle.popitem()
            server.close()

    def _new(self, environment: Mapping[str, str], seconds: float) -> Server | None:
        if not self.usable:
            return None
        if not self.ended_at_exit:
            util.Finalize(None, self.close, exitpriority=0)  # atexit is not run in multiprocessing's workers
            self.ended_at_exit = True
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, a module of ours
                [sys.executable, *SERVER_COMMAND, str(its.fileno())],
                env=environment,
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        server = Server(process, mine)
        answer = server.first_answer(seconds)
        if answer == READY:
            return server
        server.close()
        self.usable = answer is None  # another environment will not change what it said
        return None


SERVERS = Servers()
"""Those of this process."""
