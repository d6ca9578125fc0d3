"""Which files are as the registry says, found out in many places: each reads some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import HarnessError
from harness.core.registry.registry import read_registry
from harness.core.registry.verify import verifier
from harness.core.system.executors.interface import run_in_order
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project
    from harness.core.system.executors.interface import Executor

_BYTES = 1 << 28
_FILES = 1000
"""A batch is read in about a second."""


class Batch(NamedTuple):
    """Some of the entries of a project, to be compared with their files."""

    project: Project
    entries: Mapping[str, Entry]
    sha256: bool


def find_intact(
    project: Project,
    executor: Executor,
    *,
    sha256: bool = False,
    progress: Callable[[float], None] = lambda _fraction: None,
) -> frozenset[str]:
    """Return the registered paths whose files have the recorded bytes, as *executor* finds them.

    Raises
    ------
    UnreadableError, StaleFormatError
        If the registry cannot be read.
    HarnessError
        As the executor.
    """
    batches = list(_batches(project, read_registry(project.registry).entries, sha256=sha256))
    found = run_in_order(
        executor,
        intact_of,
        batches,
        label=lambda batch: f"verification of {next(iter(batch.entries))} and {len(batch.entries) - 1} more",
        on_result=lambda _index, _found, done: progress(done / len(batches)),
    )
    return frozenset(path for paths in found for path in paths)


def intact_of(batch: Batch) -> tuple[str, ...]:
    """Return the paths in a batch whose files have the recorded bytes."""
    judge = verifier(batch.project, batch.entries, sha256=batch.sha256)
    return tuple(path for path in batch.entries if _is_intact(judge, path))


def _is_intact(judge: Callable[[str], object], path: str) -> bool:
    try:
        return getattr(judge(path), "outcome", None) is Outcome.SAME
    except HarnessError:  # who asks for the verdict looks again, and raises it
        return False


def _batches(project: Project, entries: Mapping[str, Entry], *, sha256: bool) -> Iterator[Batch]:
    batch: dict[str, Entry] = {}
    size = 0
    for path, entry in entries.items():
        if batch and (len(batch) >= _FILES or size + entry.size > _BYTES):
            yield Batch(project, batch, sha256)
            batch, size = {}, 0
        batch[path] = entry
        size += entry.size
    if batch:
        yield Batch(project, batch, sha256)
