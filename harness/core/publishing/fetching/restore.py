"""Golden files of a publication -> golden files here, recorded with their origin, as one transaction.

A file's records come along: the record that is added here follows the publication's newest one, so that the
chain leads from the first version, wherever it was made, to the file that is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import RefusedError
from harness.core.recording.commit import open_ledger, require_as_planned
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.recording.transaction import Write, apply
from harness.core.registry.history import Record, append, record_digest
from harness.core.registry.registry import read_registry, with_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from harness.core.publishing.fetching.published import Published
    from harness.core.publishing.selection import Vouched
    from harness.core.recording.commit import Ledger
    from harness.core.recording.plan import Change
    from harness.core.registry.format import Entry
    from harness.core.registry.history import Environment
    from harness.core.storage.project import Project

_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Restoring:
    """What restoring golden files of a publication changes. Nothing was written yet.

    Attributes
    ----------
    published : Published
    origins : mapping of str to str
        The publication's path of each file, by the path that it has here.
    changes : tuple of Change
        Files that are recorded, by path.
    rewritten : tuple of Change
        Files that are registered here with the same bytes, and are lost or damaged: not recorded again.
    unchanged : tuple of str
        Paths of files that are golden here already.
    """

    published: Published
    origins: Mapping[str, str]
    changes: tuple[Change, ...]
    rewritten: tuple[Change, ...]
    unchanged: tuple[str, ...]

    def source(self, path: str) -> Vouched:
        """Return the publication's entry and records of the file at *path* here."""
        return self.published.files[self.origins[path]]


def prepare_restoring(
    project: Project, published: Published, wanted: Sequence[str], *, overwrite: bool = False
) -> Restoring:
    """Return what restoring the files that *wanted* names would change; all files without any.

    Parameters
    ----------
    project : Project
    published : Published
    wanted : sequence of str
        Names or paths of golden files of the publication.
    overwrite : bool, optional
        Whether golden files that differ from those of the publication may be replaced.

    Raises
    ------
    RefusedError
        If a golden file here differs, unless *overwrite*.
    UsageError
        If the publication has no such golden file, or a name differs from one here only by case.
    """
    chosen = published.select(wanted)
    origins = {_here(project, published, path): path for path in chosen}
    staged = [
        Staged(path, published.files[source].entry.kind, published.project.root / source)
        for path, source in origins.items()
    ]
    changes = plan(project, staged)
    entries = read_registry(project.registry).entries
    known = {path for path, source in origins.items() if _is_known(entries.get(path), published, source)}
    rewritten = tuple(change for change in changes if change.path in known)
    recorded = tuple(change for change in changes if change.path not in known)
    differing = [change.path for change in changes if _differs(change, entries.keys() - known)]
    if differing and not overwrite:
        raise _conflict(differing)
    written = {change.path for change in changes}
    unchanged = tuple(path for path in origins if path not in written)
    return Restoring(published, origins, recorded, rewritten, unchanged)


def record_restoring(  # noqa: PLR0913 - what all records share, by name
    project: Project,
    restoring: Restoring,
    *,
    origin: str,
    reason: str,
    command: str,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Write files, registry and history as one transaction; one writer at a time.

    The records have the environment and the code with which the published files were made, and *origin* as
    ``fetched_from``.

    Raises
    ------
    RefusedError
        If a golden file has changed since the plan, the history has lost a record, or an earlier transaction
        was interrupted.
    """
    changes = (*restoring.changes, *restoring.rewritten)
    if not changes:
        return
    first = restoring.source(changes[0].path).version.environment
    made_in = restoring.published.environments[first].environment
    with open_ledger(project, reason=reason, command=command, say=say, environment=made_in) as ledger:
        for change in changes:
            require_as_planned(project, change)
        entries, records = _record_all(ledger, restoring, origin)
        writes = [Write(change.path, change.data) for change in changes]
        if not records:
            apply(project, writes)
            return
        grown = ledger._replace(text=append(ledger.text, _lines(project, restoring)))
        grown.write(writes, with_entries(ledger.registry, entries), records)


def carries_records(project: Project, published: Published) -> bool:
    """Whether the publication's records are of the paths that its files have here."""
    return project.golden_name == published.project.golden_name


def _record_all(ledger: Ledger, restoring: Restoring, origin: str) -> tuple[dict[str, Entry], list[Record]]:
    entries: dict[str, Entry] = {}
    records: list[Record] = []
    for change in restoring.changes:
        source = restoring.source(change.path)
        occasion = ledger.occasion._replace(environment=source.version.environment)
        previous = ledger.require_kept(change.path)
        if previous is None and carries_records(ledger.project, restoring.published):
            previous = source.entry.record
        record = Record(
            path=change.path,
            sha256=source.entry.sha256,
            previous=previous,
            code=source.version.code,
            fetched_from=origin,
            cumulative=change.drift.cumulative if change.drift else msgspec.UNSET,
            **occasion._asdict(),
        )
        entries[change.path] = source.entry._replace(record=record_digest(record))
        records.append(record)
    return entries, records


def _lines(project: Project, restoring: Restoring) -> Iterator[Record | Environment]:
    """Yield the publication's lines behind the files that are recorded.

    Records of other paths than those here would be about files that this project never had.
    """
    sources = [restoring.source(change.path) for change in restoring.changes]
    with_records = carries_records(project, restoring.published)
    named = {source.version.environment for source in sources}
    if with_records:
        named |= {record.environment for source in sources for record in source.records.values()}
    yield from (restoring.published.environments[digest] for digest in sorted(named))
    for source in sources if with_records else ():
        yield from source.records.values()


def _here(project: Project, published: Published, path: str) -> str:
    return f"{project.golden_name}{path[len(published.project.golden_name) :]}"


def _is_known(entry: Entry | None, published: Published, source: str) -> bool:
    """Whether the registry here has an entry of the publication's bytes."""
    return entry is not None and entry.sha256 == published.files[source].entry.sha256


def _differs(change: Change, others: Collection[str]) -> bool:
    """Whether restoring a file replaces other bytes: on disk, or in the registry, which has *others*."""
    return change.path in others or change.before not in {None, change.after}


def _conflict(paths: Sequence[str]) -> RefusedError:
    more = f" and {len(paths) - _MOST_SHOWN} more" if paths[_MOST_SHOWN:] else ""
    return RefusedError(
        paths[0],
        expected="no golden file, or the published one",
        found="another one",
        message=f"golden files here differ from the published ones: {', '.join(paths[:_MOST_SHOWN])}{more}",
        remedy="Nothing was changed. Name those that are to be replaced, with --overwrite.",
    )
