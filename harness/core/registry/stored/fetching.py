"""Files that only the store has are brought into the golden directory."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import HarnessError, UnreadableError
from harness.core.registry.registry import read_registry
from harness.core.registry.stored.cached_store import absent_files, find_cached_store, require_cached_store
from harness.core.registry.stored.verdicts import in_threads
from harness.core.storage.remote.cache import place
from harness.core.storage.remote.transfer import JOBS, Wanted, fetch_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.core.registry.format import Entry
    from harness.core.registry.stored.cached_store import CachedStore
    from harness.core.storage.project import Project

_SHOWN = 3
_TRIES = 5
_NAMED = frozenset({"fixture", "manifest", "baseline", "result"})


class Fetched(NamedTuple):
    """What came of fetching files.

    Attributes
    ----------
    placed : tuple of str
        Paths of the files that are here now, and were not.
    problems : mapping of str to HarnessError
        Why others are not, by path.
    """

    placed: tuple[str, ...]
    problems: Mapping[str, HarnessError]


def fetch_files(
    project: Project,
    entries: Mapping[str, Entry],
    *,
    jobs: int = JOBS,
    progress: Callable[[int], object] = lambda _: None,
) -> Fetched:
    """Bring those of the registered files into the golden directory that are not here.

    What is at a path already stays, whatever it is.

    Parameters
    ----------
    project : Project
    entries : mapping of str to Entry
    jobs : int, optional
        Objects that are downloaded at a time.
    progress : callable, optional
        Called from several threads with numbers of bytes.

    Raises
    ------
    UsageError, DependencyError
        As :func:`~harness.core.registry.stored.cached_store.require_cached_store`.
    """
    remote = require_cached_store(project)
    absent = absent_files(project, entries)
    if not absent:
        return Fetched((), {})
    remote.prepare()
    wanted = [Wanted(entry.sha256, entry.size) for entry in absent.values()]
    came = fetch_objects(remote.store, remote.cache, wanted, jobs=jobs, progress=progress)
    failed = dict(came.failed)
    problems = {path: failed[entry.sha256] for path, entry in absent.items() if entry.sha256 in failed}
    problems |= _place_all(remote, {path: item for path, item in absent.items() if path not in problems})
    return Fetched(tuple(path for path in absent if path not in problems), problems)


def require_here(project: Project, entries: Mapping[str, Entry]) -> None:
    """Bring those of the registered files here that are not, if the project has a store.

    Without a store a missing file stays missing, as others will find out.

    Raises
    ------
    UnreadableError
        If one of them cannot be had.
    UsageError, DependencyError
        If the store's address is not valid, or a package that it needs is not installed.
    """
    absent = absent_files(project, entries)
    if not absent or find_cached_store(project) is None:
        return
    problems = fetch_files(project, absent).problems
    if problems:
        raise not_here(project, problems)


def not_here(project: Project, problems: Mapping[str, HarnessError]) -> UnreadableError:
    """Return the error of files that are needed, are not here, and could not be fetched."""
    first = next(iter(problems.values()))
    what = "golden file is" if len(problems) == 1 else "golden files are"
    return UnreadableError(
        ", ".join(problems),
        expected="golden files that are here, or in the store",
        found=first.found,
        message=f"{len(problems)} {what} not here and could not be fetched, {_listed(problems)}: "
        f"{first.message or first.found}",
        remedy=f"When the store can be reached, run `{fetch_command(project, tuple(problems))}`.",
    )


def fetch_command(project: Project, paths: Sequence[str]) -> str:
    """Return the command that fetches files, by the shortest names of a few.

    >>> from pathlib import Path
    >>> from harness import Project
    >>> fetch_command(Project(Path("/repository")), ["golden/optics/mask.tif"])
    'harness fetch golden/optics/mask.tif'
    """
    import shlex

    entries = read_registry(project.registry).entries
    names = list(dict.fromkeys(_name(project, entries, path) for path in paths))
    return shlex.join(["harness", "fetch", *(names if len(names) <= _SHOWN else ["--missing"])])


def _name(project: Project, entries: Mapping[str, Entry], path: str) -> str:
    """Name of a fixture or baseline; the path of another file."""
    if path not in entries or entries[path].kind not in _NAMED:
        return path
    return path.rpartition(".")[0].removeprefix(f"{project.golden_name}/")


def _listed(paths: Iterable[str]) -> str:
    listed = list(paths)
    more = len(listed) - _SHOWN
    return ", ".join([*listed[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _place_all(remote: CachedStore, entries: Mapping[str, Entry]) -> dict[str, HarnessError]:
    """Make objects of the cache golden files, several at a time; return the problems, by path."""
    paths: dict[str, list[str]] = {}
    for path, entry in entries.items():
        paths.setdefault(entry.sha256, []).append(path)
    found = in_threads(remote.store, lambda same: _place(remote, entries, same), paths.values())
    return {path: error for problems in found for path, error in problems.items()}


def _place_one(remote: CachedStore, path: str, entry: Entry) -> None:
    """Make an object of the cache the file at *path*; fetch it again if another process has moved it."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(UnreadableError):
            place(remote.project, remote.cache, path, entry)
            return
        remote.cache.fetch(remote.store, entry.sha256, entry.size)
    place(remote.project, remote.cache, path, entry)


def _place(
    remote: CachedStore, entries: Mapping[str, Entry], paths: Sequence[str]
) -> dict[str, HarnessError]:
    """Make one object of the cache the files at some paths, of which all but the last are copies."""
    problems: dict[str, HarnessError] = {}
    for path in paths:
        stays = remote.cache.shared or path != paths[-1]
        try:
            _place_one(remote._replace(cache=remote.cache._replace(shared=stays)), path, entries[path])
        except HarnessError as error:
            problems[path] = error
    return problems
