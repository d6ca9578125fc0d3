"""Staged files -> what recording them would change. Golden files stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError, RefusedError
from harness.core.fixtures.manifest import describe_arrays
from harness.core.recording.cumulative_drift import DriftLimit, measure_drift, require_within
from harness.core.recording.differences import differences
from harness.core.registry.history import read_history
from harness.core.registry.registry import history_path, read_registry
from harness.core.registry.stored.fetching import require_here
from harness.core.registry.verify import is_intact
from harness.core.storage.digest import digest_file
from harness.core.storage.names import require_distinct, require_name
from harness.core.storage.npz import Arrays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from harness.core.recording.cumulative_drift import DriftHistory
    from harness.core.recording.staged import Staged
    from harness.core.registry.format import Entry, Kind
    from harness.core.registry.history import History
    from harness.core.storage.project import Project

_NO_LIMIT = DriftLimit()
_ARCHIVES = frozenset({"fixture", "result"})


@dataclass(frozen=True, slots=True)
class Change:
    """One golden file that would be written.

    Attributes
    ----------
    path, kind, data
        As of the staged file.
    before : str or None
        Digest ``xxh128:...`` of the golden file now; None if it is new.
    after : str
        Digest of the staged file.
    differences : tuple of str
        What differs between the two, one line for each array, metric or key.
    drift : DriftHistory or None
        How far the file will have come, if it was recorded before and has tolerances.
    """

    path: str
    kind: Kind
    data: Path
    before: str | None
    after: str
    differences: tuple[str, ...] = ()
    drift: DriftHistory | None = None

    @property
    def abbreviated(self) -> str:
        """Both digests, shortened as git shortens a commit's."""
        return f"{abbreviate(self.before)} -> {abbreviate(self.after)}"


def plan(project: Project, staged: Iterable[Staged], limit: DriftLimit = _NO_LIMIT) -> tuple[Change, ...]:
    """Return what recording *staged* would change, sorted by path.

    A file whose content is already golden and registered is left out. A golden file that only the store has
    is brought here first: without it, nothing could be said of the change.

    Raises
    ------
    UnreadableError
        If a golden file is neither here nor can be fetched from the project's store.
    RefusedError
        If two checks of one name have different content, or a file would drift farther than *limit* allows.
    UsageError
        If a name is not valid on every system, or differs from another only by case or Unicode form.
    """
    entries, history = read_registry(project.registry).entries, read_history(project)
    wanted = _one_per_path(project, staged)
    _require_names([item.path for item in wanted], entries)
    require_here(project, {item.path: entries[item.path] for item in wanted if item.path in entries})
    changed = [item for item in wanted if not _is_golden(project, entries.get(item.path), item)]
    changes = tuple(_change(project, entries.get(item.path), history, item, limit) for item in changed)
    for change in changes:
        require_within(limit, change.path, change.drift)
    return changes


def _require_names(paths: list[str], entries: Mapping[str, Entry]) -> None:
    for path in paths:
        require_name("golden file", path, directories=True)
    require_distinct("golden file", [path for path in paths if path not in entries], entries)


def abbreviate(digest: str | None) -> str:
    """Return the first digits of a digest, ``new`` for None."""
    return digest.partition(":")[2][:12] if digest else "new"


def digest_if_file(path: Path) -> str | None:
    """Return a file's digest ``xxh128:...``, None if there is no file."""
    return digest_file(path) if path.is_file() else None


def _one_per_path(project: Project, staged: Iterable[Staged]) -> list[Staged]:
    """Return the staged files sorted by path. Raise if one path has two contents, or is our own history."""
    chosen: dict[str, Staged] = {}
    for item in staged:
        known = chosen.setdefault(item.path, item)
        if known is not item and not _same_content(known, item):
            raise RefusedError(
                item.path,
                expected="one content",
                found=f"two, {_places(known, item)}",
                message=f"{item.path} is checked with different content in {_places(known, item)}",
                remedy="Give each of them its own name.",
            )
        if project.locate(item.path) == history_path(project):
            raise RefusedError(
                item.path,
                expected="a golden file",
                found="the history of all golden files",
                message=f"{item.path} is the history of the golden files and cannot be recorded in itself",
                remedy="Leave it out: harness adds the records itself.",
            )
    return [chosen[path] for path in sorted(chosen)]


def _places(one: Staged, other: Staged) -> str:
    tests = one.test if one.test == other.test else f"{one.test} and {other.test}"
    return f"{tests} ({one.place} and {other.place})" if one.place and other.place else tests


def _change(
    project: Project, entry: Entry | None, history: History, item: Staged, limit: DriftLimit
) -> Change:
    path = project.locate(item.path)
    before, after = digest_if_file(path), digest_file(item.data)
    old = path if before is not None else None
    records = history.chain(item.path, entry.record) if entry else ()
    return Change(
        path=item.path,
        kind=item.kind,
        data=item.data,
        before=before,
        after=after,
        differences=differences(item.kind, old, item.data),
        drift=measure_drift(project, item, records, restart=limit.restart),
    )


def _is_golden(project: Project, entry: Entry | None, item: Staged) -> bool:
    """Whether the registered file has the staged content, however its archive is packed."""
    path = project.locate(item.path)
    if entry is None or not path.is_file() or not is_intact(path, entry):
        return False
    if entry.xxh128 == digest_file(item.data):
        return True
    return item.kind in _ARCHIVES and _same_arrays(path, item.data)


def _same_content(one: Staged, other: Staged) -> bool:
    """Whether two staged files have the same content, however their archives are packed."""
    if digest_file(one.data) == digest_file(other.data):
        return True
    return one.kind in _ARCHIVES and _same_arrays(one.data, other.data)


def _same_arrays(one: Path, other: Path) -> bool:
    try:
        return describe_arrays(Arrays(one)) == describe_arrays(Arrays(other))
    except HarnessError:
        return False
