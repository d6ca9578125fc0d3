"""Files of the golden directory are sent to the store: those that it lacks, or those that are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import HarnessError, RefusedError, UnwritableError
from harness.core.registry.stored.cached_store import find_cached_store, require_cached_store
from harness.core.storage.digest import sha256_file
from harness.core.storage.remote.transfer import JOBS, Local, push_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project

_MANY_BYTES = 1 << 26
"""So many bytes may take a minute to send: somebody who waits wants to know."""


class Missing(NamedTuple):
    """What the store lacks.

    Attributes
    ----------
    here : mapping of str to Entry
        Files that are here as registered.
    problems : mapping of str to HarnessError
        Files that are not: nobody can send them from here.
    stored : int
        Number of the files whose objects the store has.
    """

    here: Mapping[str, Entry]
    problems: Mapping[str, HarnessError]
    stored: int


class Pushed(NamedTuple):
    """What came of sending files.

    Attributes
    ----------
    sent : tuple of str
        Paths of the files whose objects are in the store now.
    problems : mapping of str to HarnessError
        Why others are not, by path.
    """

    sent: tuple[str, ...]
    problems: Mapping[str, HarnessError]


def find_missing(project: Project, entries: Mapping[str, Entry]) -> Missing:
    """Return what the store lacks of the registered files; it is asked once for all of them.

    Raises
    ------
    UnreadableError
        If the store does not answer.
    UsageError, DependencyError
        As :func:`~harness.core.registry.stored.cached_store.require_cached_store`.
    """
    store = require_cached_store(project).store
    sizes = store.sizes({entry.sha256 for entry in entries.values()})
    lacking = {path: entry for path, entry in entries.items() if sizes.get(entry.sha256) != entry.size}
    problems = {
        path: problem for path, entry in lacking.items() if (problem := _problem(project, path, entry))
    }
    here = {path: entry for path, entry in lacking.items() if path not in problems}
    return Missing(here, problems, len(entries) - len(lacking))


def push_entries(
    project: Project,
    entries: Mapping[str, Entry],
    *,
    jobs: int = JOBS,
    progress: Callable[[int], object] = lambda _: None,
) -> Pushed:
    """Send registered files to the store.

    Parameters
    ----------
    project : Project
    entries : mapping of str to Entry
        Of files that are here; their digests are compared while they are sent.
    jobs : int, optional
        Files that are sent at a time.
    progress : callable, optional
        Called from several threads with numbers of bytes.

    Raises
    ------
    UsageError, DependencyError
        As :func:`~harness.core.registry.stored.cached_store.require_cached_store`.
    """
    store = require_cached_store(project).store
    files = [Local(project.locate(path), entry.sha256, entry.size) for path, entry in entries.items()]
    failed = dict(push_files(store, files, jobs=jobs, progress=progress).failed)
    problems = {path: failed[entry.sha256] for path, entry in entries.items() if entry.sha256 in failed}
    return Pushed(tuple(path for path in entries if path not in problems), problems)


def push_recorded(
    project: Project,
    entries: Mapping[str, Entry],
    files: Mapping[str, Path],
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Send files that are about to be recorded, if the project has a store: before the registry names them.

    Parameters
    ----------
    project : Project
    entries : mapping of str to Entry
        Of the registry that will be written.
    files : mapping of str to Path
        The files with the new bytes, by the paths that they will have.
    say : callable, optional
        Called with a message if so much is sent that it takes long.

    Raises
    ------
    UnwritableError
        If the store does not take all of them. Then nothing may be recorded.
    UsageError, DependencyError
        If the store's address is not valid, or a package that it needs is not installed.
    """
    remote = find_cached_store(project)
    if remote is None or not files:
        return
    sent = [Local(file, entries[path].sha256, entries[path].size) for path, file in files.items()]
    total = sum({item.sha256: item.size for item in sent}.values())
    if total >= _MANY_BYTES:
        say(f"sending {total / 1e6:,.0f} MB to the store {remote.store.url}")
    failed = push_files(remote.store, sent).failed
    if failed:
        count = f"{len(failed)} of {len({item.sha256 for item in sent})} files"
        first = failed[0][1]
        raise UnwritableError(
            remote.store.url,
            expected="a store that takes what is recorded",
            found=first.found,
            message=f"nothing was recorded, because the store {remote.store.url} did not take {count}: "
            f"{first.found}",
            remedy="Correct that, then record again. What the store took already is not sent again.",
        )


def _problem(project: Project, path: str, entry: Entry) -> HarnessError | None:
    """Return why a file cannot be sent from here; None if it can."""
    try:
        file = project.locate(path)
        if not file.is_file():
            found = "no file"
        elif file.stat().st_size != entry.size or sha256_file(file) != entry.sha256:
            found = "other bytes"
        else:
            return None
    except HarnessError as error:
        return error
    return RefusedError(
        path,
        expected="the registered bytes, to send them to the store",
        found=found,
        remedy="Restore it, or run `harness push` in a clone that has it.",
    )
