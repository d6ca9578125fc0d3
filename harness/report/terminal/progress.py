"""Progress on standard error: a bar with the time left on a terminal, a line for each stage elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from harness.report.plain_lines import plain_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SECONDS_BETWEEN_LOOKS = 0.1
_MINUTE = 60
_ENOUGH = 0.1
_GIGABYTE = 1e9


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Callable[[str, float], None]]:
    """Yield a callback ``(stage, fraction done)`` that shows how far a run has come.

    Off a terminal it prints one line when a stage begins. The bar is gone at the end of the block, also if it
    ends by an error or by Ctrl-C.
    """
    if not is_animated():
        yield _stage_printer(label)
        return
    with _bar() as bar:
        task, last = bar.add_task(plain_line(label), total=1.0), [0.0]

        def move(stage: str, fraction: float) -> None:
            if fraction < last[0]:  # another stage, of which the speed is not known
                bar.reset(task)
            last[0] = fraction
            bar.update(task, description=plain_line(f"{label}: {stage}"), completed=fraction)

        yield move


@contextlib.contextmanager
def bytes_bar(label: str, total: int, read: Callable[[], int]) -> Iterator[None]:
    """Show during the block how many of *total* bytes have been read, as *read* counts them."""
    if not is_animated():
        sys.stderr.write(f"{plain_line(label)}: {total / _GIGABYTE:.1f} GB\n")
        sys.stderr.flush()
        yield
        return
    ended, start = threading.Event(), read()
    with _bar() as bar:
        task = bar.add_task(f"{plain_line(label)}: {total / _GIGABYTE:.1f} GB", total=float(total))

        def look() -> None:
            while not ended.wait(_SECONDS_BETWEEN_LOOKS):
                bar.update(task, completed=min(read() - start, total))

        looking = threading.Thread(target=look, daemon=True, name="bytes bar")
        looking.start()
        try:
            yield
        finally:
            ended.set()
            looking.join()


def is_animated() -> bool:
    """Whether standard error can show a bar that moves."""
    return sys.stderr.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}


def _bar() -> Any:
    # Imported here: importing rich takes longer than some commands run.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column

    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True)),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True, expand=True)


def _stage_printer(label: str) -> Callable[[str, float], None]:
    begun: set[str] = set()
    start = time.monotonic()

    def show(stage: str, fraction: float) -> None:
        if stage not in begun:
            begun.add(stage)
            left = _time_left(time.monotonic() - start, fraction) if len(begun) > 1 else ""
            sys.stderr.write(f"{plain_line(f'{label}: {stage}')}{left}\n")
            sys.stderr.flush()

    return show


def _time_left(seconds: float, fraction: float) -> str:
    """Return how long the rest will take if it is as fast as what is done; nothing before a tenth is done."""
    if not _ENOUGH <= fraction < 1:
        return ""
    left = seconds * (1 - fraction) / fraction
    return f"; about {left:.0f} s left" if left < 2 * _MINUTE else f"; about {left / _MINUTE:.0f} min left"
