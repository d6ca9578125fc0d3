"""Progress on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Callable[[str, float], None]]:
    """Yield a callback ``(stage, fraction done)`` that shows how far a run has come.

    Off a terminal it prints one line when a stage begins.
    """
    if not sys.stderr.isatty():
        yield _stage_printer(label)
        return
    # Imported here: importing rich takes longer than some commands run.
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=1.0)

        def move(stage: str, fraction: float) -> None:
            bar.update(task, description=f"{label}: {stage}", completed=fraction)

        yield move


def _stage_printer(label: str) -> Callable[[str, float], None]:
    begun: set[str] = set()

    def show(stage: str, _fraction: float) -> None:
        if stage not in begun:
            begun.add(stage)
            sys.stderr.write(f"{label}: {stage}\n")
            sys.stderr.flush()

    return show
