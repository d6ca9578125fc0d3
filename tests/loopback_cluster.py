"""A real Dask cluster on 127.0.0.1: a scheduler and workers in processes of their own, for tests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60
GRACE_SECONDS = 1  # a process whose scheduler has ended waits for it much longer
"""A cluster that has not started by then, or a process that has not ended, is broken."""

# What a user's shell has set must not decide what these processes are like.
_LEFT_OUT = ("DASK_", "PYTEST", "COV_", "PYTHONPATH")


class Cluster:
    """A scheduler, and the workers that were started; all end with :meth:`close`."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", ["--port", "0", "--scheduler-file", str(file)], settings)
        wait_for(lambda: file.is_file() and file.read_bytes().rstrip().endswith(b"}"), "the scheduler")
        self.address: str = json.loads(file.read_bytes())["address"]

    def add_worker(
        self, *, threads: int = 1, nanny: bool = False, within: tuple[str, ...] = (), **environment: str
    ) -> Worker:
        """Start a worker, by the command *within*, and return it when the scheduler knows it."""
        name = f"worker{len(self.processes)}"
        options = [] if nanny else ["--no-nanny"]
        process = self._start(
            "worker",
            [
                self.address,
                "--name",
                name,
                "--nthreads",
                str(threads),
                "--memory-limit",
                "0",
                "--death-timeout",
                "60",
                *options,
            ],
            environment,
            within,
        )
        log = self.folder / f"{len(self.processes) - 1}.log"
        wait_for(lambda: b"Registered to" in log.read_bytes(), f"{name}: {log.read_text()}")
        text = log.read_text()
        address = text.partition("Start worker at:")[2].split()[0].partition("://")[2]
        return Worker(process, address, log)

    def _start(
        self, kind: str, arguments: list[str], environment: dict[str, str], within: tuple[str, ...] = ()
    ) -> subprocess.Popen[bytes]:
        log = self.folder / f"{len(self.processes)}.log"
        place = self.folder / f"{len(self.processes)}"
        place.mkdir()
        known = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *within,
                    *(sys.executable, "-W", "ignore", "-m", f"distributed.cli.dask_{kind}"),
                    *arguments,
                    *("--host", "127.0.0.1", "--no-dashboard"),
                ],
                cwd=place,
                env={**known, "OMP_NUM_THREADS": "1", "TMPDIR": str(place), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def tasks(self) -> list[str]:
        """Return the keys that the scheduler knows."""
        return json.loads(self._ask("list(dask_scheduler.tasks)"))

    def _ask(self, what: str) -> str:
        program = (
            "import json, sys\nfrom distributed import Client\n"
            f"def ask(dask_scheduler): return {what}\n"
            "with Client(sys.argv[1], set_as_default=False) as client:\n"
            "    print(json.dumps(client.run_on_scheduler(ask)))\n"
        )
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program, self.address], capture_output=True, check=True
        )
        return done.stdout.decode()

    def close(self) -> None:
        """End all processes, also those that a test has stopped."""
        for process in self.processes:
            for number in (signal.SIGCONT, signal.SIGTERM):
                with contextlib.suppress(OSError):
                    process.send_signal(number)
        for process in self.processes:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Worker:
    """A worker's process, its host and port, and its log."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
        self.process, self.address, self.log = process, address, log

    def kill(self) -> None:
        """End the process at once, as the kernel does if memory runs out."""
        self.process.kill()
        self.process.wait()


def wait_for(is_so: object, what: str) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def another_numpy(folder: Path) -> dict[str, str]:
    """Return variables with which Python finds the metadata of another version of numpy first."""
    place = folder / "another-numpy" / "numpy-1.99.0.dist-info"
    place.mkdir(parents=True, exist_ok=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 1.99.0\n")
    return {"PYTHONPATH": str(place.parent)}


def without_harness(folder: Path) -> dict[str, str]:
    """Return variables with which Python cannot import this package."""
    place = folder / "without-harness"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text("import sys\nsys.modules['harness'] = None\n")
    return {"PYTHONPATH": str(place)}
