"""A progress bar on a terminal, silence elsewhere."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Callable[[str, float], None]]:
    """Callback ``(stage, fraction done)`` that moves a bar on standard error while the context lasts."""
    if not sys.stderr.isatty():
        yield lambda _stage, _fraction: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=1.0)

        def move(stage: str, fraction: float) -> None:
            bar.update(task, description=f"{label}: {stage}", completed=fraction)

        yield move
