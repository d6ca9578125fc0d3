"""Run readers on broken files, each in its own process, with limits on memory and processor time.

``python arena.py`` answers each line of JSON with another. It imports once and forks for each task, so a task
costs milliseconds, and a reader that is killed, hangs or takes much memory does not affect the tests.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import sys
import traceback
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import harness.cli
import harness.commands.options
import harness.ptycho.fixture
from harness.core.baselines.baseline import encode_baseline, read_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.domain.catalogue import find_catalogue
from harness.core.errors import HarnessError
from harness.core.fixtures.fixture import make_fixture
from harness.core.fixtures.manifest import Generator, Source, encode_manifest, read_manifest
from harness.core.obtained.results import CheckResult, SessionResults, read_results
from harness.core.recording.transaction import FileChange, Journal
from harness.core.registry.format import Entry, Registry, encode_registry
from harness.core.registry.history import LIMIT, Environment, Record, append, decode_history, record_digest
from harness.core.registry.registry import read_registry
from harness.core.storage.digest import digest_file
from harness.core.storage.documents import encode_document, read_document, read_text
from harness.core.storage.npz import map_archive, read_archive
from harness.core.verdict import Outcome as Verdict
from harness.ptycho.files.npz import read_scan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOBODY = 65534
CPU_SECONDS = 5
HANG_SECONDS = 60
ADDRESSES = 6 << 30


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader, the kind and name of its files, the bytes of a sound one, and where a member can be inserted.

    ``mebibytes`` is the most it reads.
    """

    kind: str
    name: str
    sound: Callable[[], bytes]
    read: Callable[[Path], Any]
    place: bytes = b"{"
    mebibytes: int = 32


def packed(save: Callable[..., None] = np.savez, **arrays: Any) -> bytes:
    """Return the bytes of an .npz."""
    stream = io.BytesIO()
    save(stream, **arrays)
    return stream.getvalue()


def lattice() -> dict[str, np.ndarray]:
    return {"image": np.arange(6, dtype="f4").reshape(2, 3), "index": np.arange(3)}


def scan() -> bytes:
    """Return the smallest scan that is accepted: 5 positions, 4 x 4 pixels."""
    at = np.linspace(3, 9, 5)
    return packed(
        diffraction=np.ones((5, 4, 4), "f4"),
        objectGuess=np.ones((12, 12), "c8"),
        probeGuess=np.ones((4, 4), "c8"),
        xcoords=at,
        ycoords=at,
    )


def odd_scan(**odd: Any) -> bytes:
    """Return a scan of 16 positions and 16 x 16 pixels. In the arrays named, every value is replaced."""
    at = np.linspace(70, 90, 16)
    arrays = {
        "diffraction": np.ones((16, 16, 16), "f4"),
        "objectGuess": np.ones((160, 160), "c8"),
        "probeGuess": np.ones((16, 16), "c8"),
        "xcoords": at,
        "ycoords": at,
    }
    return packed(**{k: np.full(v.shape, odd[k]) if k in odd else v for k, v in arrays.items()})


def manifest() -> bytes:
    generator = Generator("example:lattice", 1, {"seed": 0, "sizes": [2, 3.5]})
    made = make_fixture("lattice", lattice(), generator=generator, source=Source("simulated", "xxh128:0"))
    return encode_manifest(made.manifest)


def registry() -> bytes:
    entry = Entry("fixture", 3, f"xxh128:{0:032}", SHA256, SHA256)
    return encode_registry(Registry({f"golden/{name}.npz": entry for name in "ab"}))


def history() -> bytes:
    environment = Environment({"python": "3"})
    record = Record(
        path="golden/a.npz",
        sha256=SHA256,
        at="2026-01-01T00:00:00Z",
        by="A",
        reason="first",
        commit=None,
        dirty=False,
        command="pytest",
        environment=record_digest(environment),
        previous=None,
    )
    return append(b"", [environment, record])


def results() -> bytes:
    check = CheckResult("test_a", "a", "fixture", Verdict.DRIFTED, "drifted", files={"a.npz": SHA256})
    return encode_document(
        SessionResults(
            at="2026-01-01T00:00:00Z",
            seconds=1.0,
            environment={"python": "3"},
            environment_digest=SHA256,
            checks=(check,),
        )
    )


def journal() -> bytes:
    return encode_document(
        Journal(1, (FileChange("golden/a", None, "xxh128:0"), FileChange("golden/b", "x", "y")))
    )


SHA256 = f"sha256:{0:064}"
ENVIRONMENT = b'"environment": {'
READERS: Mapping[str, Reader] = {
    "archive": Reader("npz", "lattice.npz", lambda: packed(**lattice()), read_archive),
    "mapped archive": Reader("npz", "lattice.npz", lambda: packed(**lattice()), map_archive),
    "scan": Reader("npz", "scan.npz", scan, read_scan),
    "manifest": Reader("json", "lattice.json", manifest, read_manifest, b'"parameters": {'),
    "registry": Reader(
        "registry", "registry.json", registry, read_registry, b'"golden/a.npz": {', mebibytes=256
    ),
    "history": Reader(
        "history",
        "history.jsonl",
        history,
        lambda path: decode_history(read_text(path, LIMIT), str(path)),
        b'"environment":{',
        mebibytes=256,
    ),
    "baseline": Reader(
        "json",
        "b.json",
        lambda: encode_baseline(provisional_baseline({"mae": 0.25})),
        read_baseline,
        ENVIRONMENT,
    ),
    "journal": Reader("journal", "journal.json", journal, partial(read_document, kind=Journal, schema=1)),
    "results": Reader(
        "json", "results.json", results, lambda path: read_results(path.parent), ENVIRONMENT, mebibytes=64
    ),
    "digest": Reader("bytes", "mask.tif", lambda: b"any bytes", digest_file),
    "project table": Reader(
        "toml",
        "pyproject.toml",
        lambda: b"[tool.harness.generators]\nlattice = 'example:lattice'\n",
        lambda path: find_catalogue(path.parent),
    ),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended: ``read``, ``refused``, ``exit CODE``, ``escaped`` (another exception) or ``killed``.

    ``peak_mb`` is the peak of memory above that of a task that does nothing, in MiB.
    """

    ended: str
    message: str
    peak_mb: float
    shown: str = ""


def read(name: str, path: str) -> tuple[str, str, str]:
    try:
        READERS[name].read(Path(path))
    except HarnessError as error:
        return "refused", str(error), ""
    except BaseException:  # noqa: BLE001 - that is what the tests look for
        return "escaped", traceback.format_exc(), ""
    return "read", "", ""


def command(arguments: list[str], folder: str) -> tuple[str, str, str]:
    """Run the command line in *folder* as a user does, with its own filter of warnings."""
    os.chdir(folder)
    sys.argv = ["harness", *arguments]
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "oe")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            harness.cli.main()
        except SystemExit as error:
            ended = f"exit {error.code}"
        except BaseException:  # noqa: BLE001 - as above
            ended = "escaped"
            traceback.print_exc()
    message, shown = (stream.buffer.getvalue().decode() for stream in (err, out))
    return ended, message, shown


def nothing() -> tuple[str, str, str]:
    return "nothing", "", ""


TASKS = {"read": read, "command": command, "nothing": nothing}


def confined(task: dict[str, Any], pipe: int) -> None:
    """In the child: take limits, drop privileges if asked to, do the task, send the result to the parent.

    Without privileges the child may not reach the checkout or the interpreter. So it does the task once
    before, as root, which imports all that the task needs.
    """
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(HANG_SECONDS)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # so that C libraries cannot print into the answer
    perform = TASKS[task.pop("task")]
    if task.pop("as_nobody", False):
        perform(**task)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    result = perform(**task)
    with os.fdopen(pipe, "w") as stream:
        json.dump(result, stream)


def attempt(task: dict[str, Any]) -> dict[str, Any]:
    """Fork, wait, and return how the child ended and its peak memory, including what it inherited."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            confined(task, writer)
        except BaseException:  # noqa: BLE001 - no child may go on as the server
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        answer = stream.read()
    _, status, usage = os.wait4(child, 0)
    killed = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "no answer"
    ended, message, shown = json.loads(answer) if answer else ("killed", killed, "")
    return {"ended": ended, "message": message, "peak_mb": usage.ru_maxrss / 1024, "shown": shown}


if __name__ == "__main__":
    find_catalogue(Path(__file__).parents[2])  # imports the domains once, for all children
    for line in sys.stdin:
        print(json.dumps(attempt(json.loads(line))), flush=True)  # noqa: T201 - the answer
