"""Compare the golden files of two revisions, one pair of files at a time."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from harness.core.errors import DependencyError, HarnessError, UnwritableError
from harness.core.registry.golden_names import manifest_of, tolerances_of
from harness.core.registry.history import record_digest
from harness.core.revisions.compare_files import (
    ARCHIVES,
    DEFAULTS,
    compare_archives,
    compare_baselines,
    compare_manifests,
    compare_tolerances,
    contents,
    measured_tolerances,
)
from harness.core.revisions.renames import find_renames
from harness.core.revisions.sides import open_side
from harness.core.revisions.values import Comparison, FileChange, State, Subject, ValueChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.baselines.array_tolerances import ArrayTolerance
    from harness.core.registry.history import Record
    from harness.core.revisions.compare_files import ArrayOptions
    from harness.core.revisions.sides import Side
    from harness.core.revisions.values import RevisionName
    from harness.core.storage.project import Project

_READERS = {"manifest": compare_manifests, "baseline": compare_baselines, "tolerances": compare_tolerances}


def compare_revisions(
    project: Project,
    before: RevisionName,
    after: RevisionName,
    options: ArrayOptions = DEFAULTS,
) -> Comparison:
    """Compare the golden files of two revisions of *project*.

    Nothing of the project is run, and nothing is written but copies in a temporary directory.

    Parameters
    ----------
    project : Project
    before, after : RevisionName
    options : ArrayOptions, optional
        How arrays are compared; the default tolerance is the one that was measured, or that of the array's
        dtype and scale.

    Raises
    ------
    UnreadableError, StaleFormatError, RefusedError
        If a registry cannot be read, or git lacks an object. A golden file that cannot be read does not
        raise: its change has an obstacle.
    """
    sides = open_side(project, before), open_side(project, after)
    with tempfile.TemporaryDirectory() as folder:
        return _Comparer(*sides, Path(folder), options).compare()


class _Comparer:
    """Compares the files of two sides."""

    def __init__(self, before: Side, after: Side, folder: Path, options: ArrayOptions) -> None:
        self._before, self._after = before, after
        self._folder = folder
        self._options = options
        self._known = before.history.records.keys()

    def compare(self) -> Comparison:
        """Return all changes, and the number of files that are the same."""
        one, other = self._before.paths, self._after.paths
        self._before.read_digests(one - other)
        self._after.read_digests(other - one)
        renames = find_renames(self._before, self._after, one - other, other - one)
        gone = one - other - set(renames.values())
        pairs = {**{path: path for path in one & other}, **renames}
        changed = self._changed_pairs(pairs)
        files = [
            *(self._removed(path) for path in gone),
            *(self._added(path) for path in other - pairs.keys()),
            *(self._changed(path, old) for path, old in changed.items()),
        ]
        return Comparison(
            before=self._before.name,
            after=self._after.name,
            files=tuple(sorted(files, key=lambda file: file.path)),
            same=len(pairs) - len(changed),
            notes=(self._after.obstacle,) if files and self._after.obstacle else (),
        )

    def _changed_pairs(self, pairs: Mapping[str, str]) -> dict[str, str]:
        """Return the pairs of files whose bytes or paths differ."""
        before, after = self._before, self._after
        unequal = {
            path: old for path, old in pairs.items() if before.object_name(old) != after.object_name(path)
        }
        before.read_digests(unequal.values())
        after.read_digests(unequal)
        same = {path for path, old in unequal.items() if before.sha256(old) == after.sha256(path)}
        return {
            path: old
            for path, old in sorted(pairs.items())
            if path != old or (path in unequal and path not in same)
        }

    def _added(self, path: str) -> FileChange:
        values, notes = self._contents(self._after, path)
        return FileChange(
            path=path,
            state=State.ADDED,
            kind=self._kind(path),
            values=values,
            records=self._records(path),
            notes=(*self._notes(path), *notes),
        )

    def _removed(self, path: str) -> FileChange:
        values, notes = self._contents(self._before, path)
        left = ("its entry is still in the registry",) if path in self._after.entries else ()
        return FileChange(
            path=path,
            state=State.REMOVED,
            kind=self._kind(path),
            values=values,
            records=self._last_record(path),
            notes=(*left, *notes),
        )

    def _contents(self, side: Side, path: str) -> tuple[tuple[ValueChange, ...], tuple[str, ...]]:
        """Return what is in a file that only one side has, and why it cannot be read, if so."""
        kind = self._kind(path)
        if kind not in ARCHIVES and kind != "baseline":
            return (), ()
        try:
            found = list(contents(kind, side.fetch(path, self._folder / "before")))
        except HarnessError as error:
            return (), (str(error),)
        ends = [(None, value) if side is self._after else (value, None) for _, _, value in found]
        pairs = zip(found, ends, strict=True)
        return tuple(ValueChange(subject, name, *both) for (subject, name, _), both in pairs), ()

    def _changed(self, path: str, old: str) -> FileChange:
        values: tuple[ValueChange, ...] = ()
        notes, obstacle = list(self._notes(path, old)), ""
        kind = self._kind(path)
        try:
            found = self._values(kind, path, old)
            values = tuple(value for value in found if not _is_new_name(value, path, old))
        except (DependencyError, UnwritableError):
            raise  # about what is drawn, not about the file
        except HarnessError as error:
            obstacle = str(error)
        if not (values or obstacle) and old == path and kind in ARCHIVES:
            notes.append("the same arrays in another container")
        return FileChange(
            path=path,
            state=State.CHANGED if old == path else State.RENAMED,
            kind=kind,
            old_path="" if old == path else old,
            values=values,
            records=self._records(path),
            notes=tuple(notes),
            obstacle=obstacle,
        )

    def _values(self, kind: str, path: str, old: str) -> Iterator[ValueChange]:
        if kind not in ARCHIVES and kind not in _READERS:
            return
        before = self._before.fetch(old, self._folder / "before")
        after = self._after.fetch(path, self._folder / "after")
        if kind in _READERS:
            yield from _READERS[kind](before, after)
            return
        measured = self._measured(PurePosixPath(old))
        yield from compare_archives(path, before, after, measured, self._options)

    def _measured(self, archive: PurePosixPath) -> Mapping[str, ArrayTolerance]:
        """Return the tolerances that were measured for an archive of the older revision."""
        document = self._beside(str(tolerances_of(archive)), "tolerances")
        if document is None:
            return {}
        manifest = self._beside(str(manifest_of(archive)), "manifest")
        return {} if manifest is None else measured_tolerances(document, manifest)

    def _beside(self, path: str, name: Literal["manifest", "tolerances"]) -> Path | None:
        """Return a document beside an archive of the older revision; None if it is not there."""
        if path not in self._before.paths:
            return None
        try:
            return self._before.fetch(path, self._folder / name)
        except HarnessError:
            return None

    def _kind(self, path: str) -> str:
        entry = self._after.entries.get(path) or self._before.entries.get(path)
        return entry.kind if entry else "file"

    def _records(self, path: str) -> tuple[Record, ...]:
        """Records of a file that the older revision does not have."""
        entry = self._after.entries.get(path)
        if entry is None:
            return ()
        chain = self._after.history.chain(path, entry.record)
        return tuple(record for record in chain if record_digest(record) not in self._known)

    def _last_record(self, path: str) -> tuple[Record, ...]:
        """The record that ended a removed file, if there is one."""
        end = self._after.history.records.get(self._after.history.ends().get(path, ""))
        return (end,) if end else ()

    def _notes(self, path: str, old: str | None = None) -> Iterator[str]:
        """What contradicts a registry: a file that it does not list, or has other digests for."""
        ends = [(self._after, path), *([(self._before, old)] if old else [])]
        for side, place in ends:
            entry, where = side.entries.get(place), side.name.typed or "the work tree"
            if entry is None:
                yield f"not in the registry of {where}"
            elif side.sha256(place) != entry.sha256:
                yield f"its bytes are not those that the registry of {where} has"


def _is_new_name(value: ValueChange, path: str, old: str) -> bool:
    """Whether a change is the name in the manifest of a renamed fixture."""
    return old != path and value.subject is Subject.MANIFEST and value.name == "name"
