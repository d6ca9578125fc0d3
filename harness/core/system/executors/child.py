"""In a process of a worker: compare it with where the tasks were submitted, then call a function for each.

Its standard output is the answer's; what the function prints goes to standard error, the worker's log.
"""

from __future__ import annotations

import functools
import importlib
import os
import pickle
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.system.executors.frames import read_frame, write_frame
from harness.core.system.executors.identity import differences, environment_of, identity, is_same_code
from harness.core.system.interrupts import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.core.system.executors.worker import Answer

_PACKAGE = "harness"


def main() -> None:
    """Read tasks from standard input, do each, and write its answer to standard output."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a worker in the background ignores
    tasks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    threading.Thread(target=_end_with_worker, args=(int(sys.argv[1]),), daemon=True).start()
    try:
        while (request := read_frame(tasks)) is not None:
            answer = do_task(pickle.loads(request))  # noqa: S301 - what our own worker wrote
            write_frame(answers, pickle.dumps(answer))
    except KeyboardInterrupt:  # cancelled
        os._exit(INTERRUPTED)


def reference_of(call: Callable[..., Any]) -> tuple[str, str]:
    """Return the module and the name of a function at module level of this package.

    Raises
    ------
    TypeError
        If it is anything else: workers get names, never code.

    Examples
    --------
    >>> reference_of(reference_of)
    ('harness.core.system.executors.child', 'reference_of')
    """
    module, name = getattr(call, "__module__", None) or "", getattr(call, "__qualname__", "")
    if module.partition(".")[0] != _PACKAGE or getattr(sys.modules[module], name, None) is not call:
        raise TypeError(f"{call!r} is not a function at module level of {_PACKAGE}")
    return module, name


def function_of(module: str, name: str) -> Callable[..., Any]:
    """Return the function that :func:`reference_of` named.

    Raises
    ------
    TypeError
        If it is not a function at module level of this package.
    """
    if module.partition(".")[0] != _PACKAGE or not name.isidentifier():
        raise TypeError(f"{module}:{name} is not a function at module level of {_PACKAGE}")
    call = getattr(importlib.import_module(module), name)
    reference_of(call)
    return call  # type: ignore[no-any-return]


def do_task(task: Mapping[str, Any]) -> Answer:
    """Return the answer to a task: a result, an error, or how this process differs from what is expected."""
    found = _identity(task["root"], task["golden_name"])
    differs = differences(task["identity"], found)
    answer = {"differs": differs, "environment": environment_of(found)}
    if differs and not (task["unlike"] and is_same_code(task["identity"], found)):
        return {**answer, "kind": "unlike"}
    try:
        call = function_of(*task["call"])
        result = pickle.dumps(call(pickle.loads(task["item"])))  # noqa: S301 - of whom the cluster serves
    except (Exception, SystemExit) as error:  # noqa: BLE001 - raised again where the task was submitted
        return {**answer, "kind": "error", "error": _packed(error), "traceback": traceback.format_exc()}
    return {**answer, "kind": "result", "result": result}


@functools.cache
def _identity(root: str | None, golden_name: str) -> dict[str, str]:
    """Return the identity of this process; modules that it has imported stay as they were."""
    return identity(None if root is None else Path(root), golden_name)


def _packed(error: BaseException) -> bytes:
    """Return an error pickled; one that cannot be, as its text."""
    try:
        packed = pickle.dumps(error)
        pickle.loads(packed)  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - whatever a class of the project's code does
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return packed


def _end_with_worker(watched: int) -> None:
    """End this process, with all that it started, when the worker has ended."""
    while os.read(watched, 1):
        pass
    os.killpg(0, signal.SIGKILL)
