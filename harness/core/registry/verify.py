"""Registry and disk -> verdicts. Nothing is imported that the intact case does not need."""

from __future__ import annotations

import functools
import os
import threading
from collections import deque
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError, StaleFormatError, UnreadableError, printable
from harness.core.registry.expected import read_outline
from harness.core.storage.digest import digest_file, holds
from harness.core.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.core.registry.expected import Expected
    from harness.core.storage.project import Project

    Holds = Callable[[str, int, str], bool]

_LARGE_BYTES = 1 << 18
"""Files from this size on gain from threads; with smaller ones, threads wait for the interpreter."""

_MANY_BYTES = 1 << 26
"""Below so many bytes in large files, starting threads costs more than it saves."""


def verify(project: Project, holds: Holds = holds) -> tuple[Verdict, ...]:
    """Compare every registered file with its entry, and look for files that have none.

    Parameters
    ----------
    project : Project
    holds : callable
        Whether a file, by its path, has a size and a digest; by reading it, unless another says so.

    Returns
    -------
    tuple of Verdict
        One per registered path, one per unregistered file in the golden directory, and one for a
        regeneration that was interrupted, sorted by name.

    Raises
    ------
    UnreadableError, StaleFormatError, RefusedError
        If the registry itself cannot be read: then there is no answer.
    """
    entries = read_outline(project.registry)
    registered = _verify_all(project, entries, holds)
    strangers = [
        Verdict(path, Outcome.UNREGISTERED, "in no entry of the registry", _RECORD)
        for path in unregistered(project, entries)
    ]
    verdicts = registered + strangers + _unfinished(project)
    return tuple(sorted(verdicts, key=lambda verdict: verdict.name))


def _verify_all(project: Project, entries: Mapping[str, Expected], holds: Holds) -> list[Verdict]:
    """Verdicts on registered files, the large ones read by several threads: hashing frees the interpreter."""
    is_same = comparison(project, holds)

    def told(path: str) -> Verdict:
        entry = entries[path]
        return Verdict(path, Outcome.SAME) if is_same(path, entry) else verify_entry(project, path, entry)

    large = [path for path, entry in entries.items() if entry.size >= _LARGE_BYTES]
    if sum(entries[path].size for path in large) < _MANY_BYTES:
        return [told(path) for path in entries]
    apart = set(large)
    return [*(told(path) for path in entries if path not in apart), *_shared(told, large)]


def comparison(project: Project, holds: Holds = holds) -> Callable[[str, Expected], bool]:
    """Return what tells whether the file at a registered path is its entry's, with no more than that takes.

    False leaves it to :func:`verify_entry` to say why.
    """
    root = os.path.realpath(project.root)

    @functools.cache
    def is_inside(folder: str) -> bool:
        target = os.path.realpath(f"{root}/{folder}")
        return target == root or target.startswith(f"{root.rstrip(os.sep)}{os.sep}")

    def is_same(path: str, entry: Expected) -> bool:
        return is_inside(path.rpartition("/")[0]) and holds(f"{root}/{path}", entry.size, entry.xxh128)

    return is_same


def _shared(work: Callable[[str], Verdict], paths: Sequence[str]) -> list[Verdict]:
    """What *work* says of all paths, which as many threads as there are processors take from one heap."""
    heap, told, raised = deque(paths), deque[Verdict](), deque[BaseException]()

    def serve() -> None:
        while not raised:
            try:
                path = heap.popleft()
            except IndexError:
                return
            try:
                told.append(work(path))
            except BaseException as error:  # noqa: BLE001 - raised again below
                raised.append(error)

    threads = [threading.Thread(target=serve) for _ in range(os.cpu_count() or 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    return list(told)


def verify_entry(project: Project, relative: str, entry: Expected) -> Verdict:
    """Verdict on one registered file.

    Raises
    ------
    UnreadableError
        If it is there and may not be looked at, so that there is no answer.
    """
    path = project.locate(relative)
    if not _is_file(path):
        found = "something else" if path.exists() else "no file"
        return Verdict(
            relative, Outcome.MISSING, f"expected {entry.size} bytes, found {found}", _restore(relative)
        )
    if is_intact(path, entry):
        return Verdict(relative, Outcome.SAME)
    return _changed(project, relative, entry)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise UnreadableError(
            str(path),
            expected="a golden file that may be looked at",
            found=error.strerror or str(error),
            remedy="Correct its permissions, or its directory's.",
        ) from error


def is_intact(path: Path, entry: Expected) -> bool:
    """Whether a file has its entry's size and digest."""
    return path.stat().st_size == entry.size and digest_file(path) == entry.xxh128


def _unfinished(project: Project) -> list[Verdict]:
    """A regeneration that has begun and not ended."""
    if not project.is_interrupted:
        return []
    from harness.core.storage.lock import is_being_written

    if is_being_written(project):
        return [Verdict("regeneration", Outcome.INTERRUPTED, "running now", "Wait for it to end.")]
    told = "golden files may be partly the old ones, partly the new"
    return [Verdict("regeneration", Outcome.INTERRUPTED, told, "Finish or undo it with `harness recover`.")]


def _changed(project: Project, relative: str, entry: Expected) -> Verdict:
    path = project.locate(relative)
    size = path.stat().st_size
    if size != entry.size:
        detail = f"expected {entry.size} bytes, found {size}"
    else:
        detail = f"expected {entry.xxh128}, found {digest_file(path)}"
    try:
        outcome = _content_outcome(project, relative, entry)
    except StaleFormatError as error:
        return Verdict(relative, Outcome.STALE, error.found, error.remedy)
    except HarnessError as error:
        return Verdict(relative, Outcome.CORRUPT, f"{detail}; {error.found}", _restore(relative))
    return Verdict(relative, outcome, detail, _restore(relative))


def _content_outcome(project: Project, relative: str, entry: Expected) -> Outcome:
    """What other bytes come to, where they can be read at all."""
    path = project.locate(relative)
    if entry.kind == "fixture":
        return _fixture_outcome(project, relative)
    if entry.kind == "manifest":
        from harness.core.fixtures.manifest import read_manifest

        read_manifest(path)
    elif entry.kind == "baseline":
        from harness.core.baselines.baseline import read_baseline

        read_baseline(path)
    return Outcome.DRIFTED


def _fixture_outcome(project: Project, relative: str) -> Outcome:
    """Whether another archive holds the same arrays, which only an intact manifest can tell."""
    from harness.core.fixtures.manifest import describe_arrays, read_manifest
    from harness.core.storage.npz import read_archive

    arrays = read_archive(project.locate(relative))
    beside = relative.removesuffix(".npz") + ".json"
    manifest = read_outline(project.registry).get(beside)
    if manifest is None or verify_entry(project, beside, manifest).outcome is not Outcome.SAME:
        return Outcome.DRIFTED
    told = read_manifest(project.locate(beside)).arrays
    return Outcome.REPACKED if describe_arrays(arrays) == told else Outcome.DRIFTED


def unregistered(project: Project, entries: Container[str]) -> Iterator[str]:
    """Files in the golden directory without an entry; hidden ones are nobody's golden files."""
    for folder, folders, names in os.walk(project.golden):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inner = os.path.relpath(folder, project.root).replace(os.sep, "/")
        for name in names:
            if not name.startswith(".") and f"{inner}/{name}" not in entries:
                yield printable(f"{inner}/{name}")  # no registered name has to be escaped


_RECORD = "Register it with `harness add`, or delete it."


def _restore(relative: str) -> str:
    return f"Restore it with `git checkout -- {relative}`, or record it anew with `pytest --force-regen`."
