"""What the verbs about a store share: options, progress on a terminal, lines about what failed."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import click

from harness.core.errors import UsageError
from harness.core.storage.remote.store import ObjectMissingError
from harness.core.storage.remote.transfer import JOBS
from harness.report.plain_lines import plain_line
from harness.report.terminal.progress import bytes_bar, is_animated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.core.errors import HarnessError
    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project

_MOST_JOBS = 256
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_THOUSAND = 1000.0

jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1, _MOST_JOBS),
    default=JOBS,
    show_default=True,
    help="Files that are transferred at a time.",
)


@contextlib.contextmanager
def counted_bytes(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield what is called with numbers of bytes, from any thread; a terminal shows their sum."""
    done, lock = [0], threading.Lock()

    def add(count: int) -> None:
        with lock:
            done[0] += count

    if not is_animated():
        yield add
        return
    with bytes_bar(label, total, lambda: done[0]):
        yield add


def size_text(size: int) -> str:
    """Return a number of bytes as a person reads it.

    >>> size_text(999), size_text(1_234_567)
    ('999 bytes', '1.2 MB')
    """
    value, unit = float(size), 0
    while value >= _THOUSAND and unit < len(_UNITS) - 1:
        value, unit = value / _THOUSAND, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{size} {_UNITS[0]}"


def chosen_entries(
    project: Project, entries: Mapping[str, Entry], words: tuple[str, ...]
) -> Mapping[str, Entry]:
    """Return the entries of the golden files that words name, with those that go with them; all without any.

    Raises
    ------
    UsageError
        If no golden file has such a name or path.
    """
    if not words:
        return entries
    from harness.commands.options import registered_path
    from harness.core.recording.removal import select

    return {path: entries[path] for path in select(project, [registered_path(project, w) for w in words])}


def problem_lines(problems: Mapping[str, HarnessError]) -> list[str]:
    """Return a line for each file that failed."""
    return [plain_line(f"failed: {path}: {error}") for path, error in problems.items()]


def exit_code(problems: Mapping[str, HarnessError]) -> int:
    """Return 0 without a problem, 1 if all that failed is definitely not to be had, else 2."""
    if not problems:
        return 0
    definite = (ObjectMissingError,)
    return 1 if all(isinstance(e, definite) or e.exit_code == 1 for e in problems.values()) else 2


def plain_problems(problems: Mapping[str, HarnessError]) -> list[dict[str, str]]:
    """Return the problems for JSON."""
    return [{"path": path, "why": str(error)} for path, error in problems.items()]


def require_none_of(given: Mapping[str, object], verb: str) -> None:
    """Raise :class:`UsageError` if an option was given that has no meaning here."""
    wrong = [name for name, value in given.items() if value]
    if wrong:
        raise UsageError(
            ", ".join(wrong),
            expected=f"options of `{verb}`",
            found=", ".join(wrong),
            message=f"{', '.join(wrong)} has no meaning for `{verb}`",
            remedy="Leave it out.",
        )
