"""A golden file with another name -> new paths and names, written as one transaction.

The bytes stay as they are, except for the name in a manifest. The records of the new path continue those of
the old one, so that an audit follows the file to its first version.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import RefusedError, UsageError
from harness.core.fixtures.manifest import encode_manifest, read_manifest
from harness.core.recording.commit import open_ledger
from harness.core.recording.removal import end_record, select
from harness.core.recording.renamed_test import renamed_test
from harness.core.recording.staged import staging_directory
from harness.core.recording.transaction import Write
from harness.core.registry.format import Registry
from harness.core.registry.golden_names import name_of
from harness.core.registry.history import Record, record_digest
from harness.core.registry.registry import describe_file, history_path, read_registry
from harness.core.registry.stored.fetching import require_here
from harness.core.registry.unreferenced import forget
from harness.core.registry.verify import is_intact
from harness.core.storage.atomic import replace_file
from harness.core.storage.names import require_distinct, require_golden_name, require_name
from harness.core.system.restore import restore_remedy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from harness.core.recording.commit import Ledger
    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project

_OF_FIXTURES = frozenset({"fixture", "manifest"})


@dataclass(frozen=True, slots=True)
class Move:
    """A golden file's old and new path, as in the registry."""

    old: str
    new: str


def plan_moves(project: Project, old: str, new: str) -> tuple[Move, ...]:
    """Return what giving *old* the path or name *new* would move, sorted.

    A fixture moves with its manifest and the baselines on it, a baseline with its arrays. *old* may be a
    directory, such as that of a test module; it ends with ``/`` if a golden file has the same name. Into a
    directory, *new* ends with ``/``. Files that only the project's store has are fetched first.

    Raises
    ------
    UsageError
        If there is no golden file or directory *old*, or *new* is not a valid name.
    RefusedError
        If there is a file at a new path, or a file to be moved is not the registered one.
    UnreadableError
        If a file to be moved is not here and cannot be fetched.
    """
    entries = read_registry(project.registry).entries
    if new.endswith("/"):
        new += PurePosixPath(old).name
    moves = _moves_of_directory(project, entries, old, new) or _moves_of_file(project, entries, old, new)
    require_here(project, {move.old: entries[move.old] for move in moves})
    for move in moves:
        require_name("golden file", move.new, directories=True)
        _require_free(project, entries, move)
        _require_recorded(project, entries[move.old], move)
    require_distinct("golden file", [move.new for move in moves], entries)
    return tuple(moves)


def move(
    project: Project,
    moves: Sequence[Move],
    *,
    reason: str,
    command: str,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Move golden files, their entries and their chains of records, as one transaction.

    Parameters
    ----------
    project : Project
    moves : sequence of Move
        From :func:`plan_moves`.
    reason, command : str
        For the records: why, and what was typed.
    say : callable
        Called with a message if another process has to be waited for.

    Raises
    ------
    RefusedError
        If another process has changed a file, the history has lost a record, or an earlier transaction was
        interrupted.
    """
    folder = staging_directory(project)
    try:
        with open_ledger(project, reason=reason, command=command, say=say) as ledger:
            _move_all(ledger, moves, folder)
            forget(project)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move_all(ledger: Ledger, moves: Sequence[Move], folder: Path) -> None:
    project, entries = ledger.project, dict(ledger.registry.entries)
    records: list[Record] = []
    writes: list[Write] = []
    for number, item in enumerate(moves):
        end = end_record(ledger, item.old, moved_to=item.new)
        entry = entries.pop(item.old)
        _require_free(project, entries, item)
        _require_recorded(project, entry, item)
        data = _with_name(project, entry, item, folder / str(number))
        described = describe_file(data, entry.kind)
        before = ledger.history.records[entry.record]
        first = Record(
            path=item.new,
            sha256=described.sha256,
            previous=record_digest(end),
            code=before.code,
            moved_from=item.old,
            **ledger.occasion._asdict(),
        )
        entries[item.new] = described._replace(record=record_digest(first))
        records += [end, first]
        writes += [Write(item.new, data), Write(item.old, None)]
    ledger.write(writes, Registry(entries), records)


def _with_name(project: Project, entry: Entry, item: Move, staged: Path) -> Path:
    """Return the file with the bytes for the new path: a manifest names its fixture, and its test."""
    file = project.locate(item.old)
    if entry.kind != "manifest":
        return file
    manifest, new = read_manifest(file), name_of(project, item.new)
    generator = renamed_test(project.root, manifest.generator, manifest.name, new)
    replace_file(staged, encode_manifest(msgspec.structs.replace(manifest, name=new, generator=generator)))
    return staged


def _moves_of_directory(project: Project, entries: Mapping[str, Entry], old: str, new: str) -> list[Move]:
    """Return the moves of all golden files in a directory; none if *old* is a golden file."""
    if not old.endswith("/") and _names_a_file(project, entries, old):
        return []
    before, after = (_below_golden(project, word) for word in (old, new))
    inside = [path for path in sorted(entries) if path.startswith(f"{before}/")]
    if inside and f"{after}/".startswith(f"{before}/"):
        raise UsageError(
            new,
            expected=f"a directory that is not in {old}",
            found="that directory, or one in it",
            remedy="Choose another name.",
        )
    moves = [Move(path, f"{after}{path.removeprefix(before)}") for path in inside]
    for item in moves:
        if entries[item.old].kind != "file":
            kind = "fixture" if entries[item.old].kind in _OF_FIXTURES else "baseline"
            require_golden_name(kind, name_of(project, item.new), dots=kind == "baseline")
    return moves


def _names_a_file(project: Project, entries: Mapping[str, Entry], word: str) -> bool:
    return word in entries or any(name_of(project, path) == word for path in entries)


def _below_golden(project: Project, word: str) -> str:
    """Return the registry's path of a directory, also if it is named without golden/, or as a test module."""
    path = word.rstrip("/").removesuffix(".py")
    return path if path.startswith(f"{project.golden_name}/") else f"{project.golden_name}/{path}"


def _moves_of_file(project: Project, entries: Mapping[str, Entry], old: str, new: str) -> list[Move]:
    """Return the moves of one golden file with those that belong to it."""
    chosen = select(project, [old])
    if entries[chosen[0]].kind == "file":
        return [Move(chosen[0], _file_path(project, chosen[0], new))]
    return _moves(project, entries, chosen, _plain_name(project, new))


def _moves(project: Project, entries: Mapping[str, Entry], chosen: Sequence[str], new: str) -> list[Move]:
    """Return the moves of a fixture with all that is named after it, or of a baseline with its arrays."""
    old = name_of(project, chosen[0])
    is_fixture = any(entries[path].kind in _OF_FIXTURES for path in chosen)
    require_golden_name("fixture" if is_fixture else "baseline", new, dots=not is_fixture)
    stem = f"{project.golden_name}/{old}"
    named = [
        path
        for path, entry in sorted(entries.items())
        if path in chosen
        or (is_fixture and entry.kind in {"baseline", "result", "tolerances"} and path.startswith(f"{stem}."))
    ]
    return [Move(path, f"{project.golden_name}/{new}{path.removeprefix(stem)}") for path in named]


def _plain_name(project: Project, new: str) -> str:
    """Return a name without the golden directory and the suffix that a path may have."""
    name = new.removeprefix(f"{project.golden_name}/")
    return name.removesuffix(".npz").removesuffix(".json")


def _file_path(project: Project, old: str, new: str) -> str:
    """Return the new path of a plain file, which keeps its suffix if *new* has none."""
    path = new if new.startswith(f"{project.golden_name}/") else f"{project.golden_name}/{new}"
    return path if PurePosixPath(path).suffix else f"{path}{PurePosixPath(old).suffix}"


def _require_free(project: Project, entries: Mapping[str, Entry], item: Move) -> None:
    """Raise unless nothing is at the new path."""
    file = project.locate(item.new)
    if item.new == item.old:
        found = "the name that it has"
    elif item.new in entries:
        found = "a golden file"
    elif file.exists() or file.is_symlink() or file == history_path(project):
        found = "another file"
    else:
        return
    raise UsageError(
        item.new,
        expected="a name that is free",
        found=found,
        message=f"{item.new}: {found} is there already",
        remedy="Choose another name; nothing is overwritten.",
    )


def _require_recorded(project: Project, entry: Entry, item: Move) -> None:
    """Raise unless the file at the old path is the registered one: no other bytes get a record in passing."""
    file = project.locate(item.old)
    if file.is_file() and is_intact(file, entry):
        return
    raise RefusedError(
        item.old,
        expected="the registered bytes",
        found="other bytes" if file.is_file() else "no file",
        remedy=restore_remedy(file, otherwise="record it first"),
    )
