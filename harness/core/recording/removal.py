"""Golden files that are to go -> which files, then registry, history and files written as one transaction.

A fixture goes with its manifest, a baseline with the arrays it was measured on. The history gets a record of
each file's end, so that an audit shows who removed it and why.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from harness.core.baselines.array_tolerances import SUFFIX
from harness.core.errors import RefusedError, UsageError
from harness.core.recording.commit import open_ledger
from harness.core.recording.transaction import Write
from harness.core.registry.format import Registry
from harness.core.registry.golden_names import name_of, split_baseline_name
from harness.core.registry.history import Record
from harness.core.registry.registry import read_registry
from harness.core.registry.stored.cached_store import find_cached_store
from harness.core.registry.unreferenced import forget
from harness.core.registry.verify import is_intact
from harness.core.system.git_objects import ask_git, has_commits
from harness.core.system.work_tree import changed_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from harness.core.recording.commit import Ledger
    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project


def select(project: Project, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the registered paths that *wanted* names, sorted, each with the file that belongs to it.

    Parameters
    ----------
    project : Project
    wanted : sequence of str
        Paths as in the registry, or names: of a fixture without its suffix, of a baseline
        ``<fixture>.<pipeline>``.

    Raises
    ------
    UsageError
        If there is no such golden file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from harness import Project
    >>> _ = Path("registry.json").write_text('{"entries": {}, "schema": 2}')
    >>> select(Project(Path.cwd()), [])
    ()
    """
    entries = read_registry(project.registry).entries
    units = _units(entries)
    found: set[str] = set()
    for item in wanted:
        path = item if item in entries else _path_of(project, entries, item)
        found.update(units[_unit(entries, path)])
    return tuple(sorted(found))


def baselines_of(project: Project, paths: Collection[str]) -> tuple[str, ...]:
    """Return the files of the baselines of fixtures in *paths*, other than those in *paths*, sorted."""
    entries = read_registry(project.registry).entries
    gone = {_stem(path) for path in paths if entries[path].kind == "fixture"}
    return tuple(
        path
        for path, entry in sorted(entries.items())
        if entry.kind in {"baseline", "result"} and path not in paths and _fixture(path) in gone
    )


def require_restorable(project: Project, paths: Iterable[str]) -> None:
    """Raise :class:`RefusedError` if nothing could bring the bytes of a file back.

    Git can, if they are in the newest commit, and so can the project's store. A file that is missing is lost
    already, or only in the store.

    Raises
    ------
    UnreadableError
        If files are not in the newest commit, and the store cannot be asked for them.
    """
    entries = read_registry(project.registry).entries
    there = [path for path in paths if project.locate(path).is_file()]
    changed = [path for path in there if not is_intact(project.locate(path), entries[path])]
    if changed:
        raise _unsaved(changed, "as it was recorded", "changed since")
    if there and has_commits(project.root) and (new := _uncommitted(project, there)):
        lost = _not_stored(project, {path: entries[path] for path in new})
        if lost:
            raise _unsaved(lost, "in the newest commit", "not committed")


def remove(
    project: Project,
    paths: Sequence[str],
    *,
    reason: str,
    command: str,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Remove golden files, their entries, and record their end, as one transaction; one writer at a time.

    Parameters
    ----------
    project : Project
    paths : sequence of str
        As in the registry; from :func:`select`.
    reason, command : str
        For the records: why, and what was typed.
    say : callable
        Called with a message if another process has to be waited for.

    Raises
    ------
    RefusedError
        If the history has lost a record, an earlier transaction was interrupted, or a path is not registered
        any more.
    """
    with open_ledger(project, reason=reason, command=command, say=say) as ledger:
        records = [end_record(ledger, path, removed=True) for path in paths]
        kept = {path: entry for path, entry in ledger.registry.entries.items() if path not in set(paths)}
        ledger.write([Write(path, None) for path in paths], Registry(kept), records)
        forget(project)


def end_record(ledger: Ledger, path: str, *, removed: bool = False, moved_to: str = "") -> Record:
    """Return the record that ends *path*: it was removed, or renamed to *moved_to*."""
    entry = ledger.registry.entries.get(path)
    if entry is None:
        raise RefusedError(
            path,
            expected="a registered file",
            found="no entry: another process has changed the registry",
            remedy="Repeat the command.",
        )
    mark = {"moved_to": moved_to} if moved_to else {"removed": removed}
    previous = ledger.require_kept(path)
    return Record(path=path, sha256=entry.sha256, previous=previous, **ledger.occasion._asdict(), **mark)


def _units(entries: Mapping[str, Entry]) -> dict[str, list[str]]:
    """Return the paths of the files that go together, by the unit's key."""
    units: dict[str, list[str]] = {}
    for path in entries:
        units.setdefault(_unit(entries, path), []).append(path)
    return units


def _unit(entries: Mapping[str, Entry], path: str) -> str:
    """Return the key of the files that go with *path*: its name without a suffix, or a plain file's path."""
    kind = entries[path].kind
    if kind == "tolerances":
        return path.removesuffix(SUFFIX)
    return path if kind == "file" else _stem(path)


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _fixture(path: str) -> str:
    """Return the path without suffix of the fixture that a baseline's file was measured on."""
    return split_baseline_name(_stem(path))[0]


def _path_of(project: Project, entries: Mapping[str, Entry], name: str) -> str:
    """Return one of the files that are called *name*."""
    names = {name_of(project, path): path for path, entry in entries.items() if entry.kind != "file"}
    if name in names:
        return names[name]
    from difflib import get_close_matches

    close = get_close_matches(name, [*names, *entries], n=1)
    raise UsageError(
        name,
        expected="the path or the name of a golden file",
        found="none in the registry",
        message=f"no golden file is called {name!r}",
        remedy=f"Did you mean {close[0]}?" if close else "`harness verify` checks all that are registered.",
    )


def _uncommitted(project: Project, paths: Collection[str]) -> list[str]:
    """Return those of *paths* that are not in the newest commit as they are on disk."""
    folder = project.golden_name
    command = "--literal-pathspecs", "ls-tree", "-r", "-z", "--name-only", "HEAD", folder
    listed = ask_git(project.root, *command)
    prefix = ask_git(project.root, "rev-parse", "--show-prefix").removesuffix("\n")
    changed = {path.removeprefix(prefix) for path in changed_paths(project.root, folder, every_file=True)}
    kept = set(listed.split("\0")) - changed
    return [path for path in paths if path not in kept]


def _not_stored(project: Project, entries: Mapping[str, Entry]) -> list[str]:
    """Return the paths of the files that are not in the project's store; all if it has none."""
    remote = find_cached_store(project)
    sizes = remote.store.sizes({entry.sha256 for entry in entries.values()}) if remote else {}
    return [path for path, entry in entries.items() if sizes.get(entry.sha256) != entry.size]


def _unsaved(paths: Sequence[str], expected: str, found: str) -> RefusedError:
    others = f" and {len(paths) - 1} more" if paths[1:] else ""
    return RefusedError(
        paths[0],
        expected=f"a file {expected}",
        found=f"one that is {found}",
        message=f"{paths[0]}{others}: {found}, so that nothing could restore it",
        remedy="Commit or restore it first, or give --force.",
    )
