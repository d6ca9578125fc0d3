"""Chosen golden files, with the records that vouch for them: what a publication is about.

Nothing is written here. A file that is not what the registry and its newest record say is refused.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.domain.settings import contract_page
from harness.core.errors import RefusedError, UsageError
from harness.core.publishing.dates import chosen_date
from harness.core.publishing.description import Description, describe_project
from harness.core.recording.removal import baselines_of, select
from harness.core.recording.transaction import require_settled
from harness.core.registry.history import read_history
from harness.core.registry.registry import history_path, read_registry
from harness.core.registry.stored.fetching import require_here
from harness.core.registry.verify import verifier
from harness.core.storage.project import REGISTRY
from harness.core.system.git_objects import ask_git, has_commits, is_in_repository
from harness.core.system.work_tree import changed_paths
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.core.registry.format import Entry
    from harness.core.registry.history import Environment, History, Record
    from harness.core.storage.project import Project

_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Vouched:
    """A golden file's registry entry, and its records, the oldest first; by digest, in the same order."""

    entry: Entry
    records: Mapping[str, Record]

    @property
    def version(self) -> Record:
        """The newest record of bytes: the newest of all, unless the file was renamed since."""
        return next(record for record in reversed(tuple(self.records.values())) if record.is_version)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be published.

    Attributes
    ----------
    project : Project
    description : Description
    files : mapping of str to Vouched
        By path, sorted.
    environments : mapping of str to Environment
        Those that the records name, by digest.
    contract : Path or None
        The page that says what the project's datasets must have.
    date : str
        Of the publication, ``2026-01-31`` or with a time.
    """

    project: Project
    description: Description
    files: Mapping[str, Vouched]
    environments: Mapping[str, Environment]
    contract: Path | None
    date: str

    @property
    def summary(self) -> str:
        """What is published, and of which project."""
        said, count = self.description, len(self.files)
        return f"{count} golden file{'' if count == 1 else 's'} of {said.name}. {said.name}: {said.abstract}"


def select_files(
    project: Project,
    wanted: Sequence[str],
    *,
    title: str = "",
    date: str | None = None,
    allow_dirty: bool = False,
) -> Selection:
    """Return what is published for *wanted*: paths or names of golden files, all of them without any.

    A fixture goes with its manifest, its measured tolerances and its baselines.

    Parameters
    ----------
    project : Project
    wanted : sequence of str
    title : str, optional
        Of the publication.
    date : str, optional
        Of the publication; the default is that of the newest record, so that the same golden files make the
        same publication.
    allow_dirty : bool, optional
        Whether files that differ from the newest commit may be published.

    Raises
    ------
    UsageError
        If there is no such golden file, or the project does not say what it is and who made it.
    RefusedError
        If a golden file is not the one that was recorded, its records are incomplete, there is no licence, or
        a file has uncommitted changes.
    """
    require_settled(project)
    entries = read_registry(project.registry).entries
    chosen = select(project, wanted) if wanted else tuple(sorted(entries))
    chosen = tuple(sorted({*chosen, *(baselines_of(project, chosen) if wanted else ())}))
    if not chosen:
        raise UsageError(
            REGISTRY, expected="golden files", found="none", remedy="Record a golden file first."
        )
    _require_recorded(project, chosen, entries)
    files, environments = vouch(read_history(project), {path: entries[path] for path in chosen})
    description = describe_project(project.root, title=title)
    contract = contract_page(project.root)
    if not allow_dirty:
        others = [*description.licence_files, description.citation, contract, project.root / "pyproject.toml"]
        _require_committed(project, [*chosen, *(project.relative(path) for path in others if path)])
    newest = max(record.at for file in files.values() for record in file.records.values())
    return Selection(project, description, files, environments, contract, chosen_date(date, newest))


def vouch(
    history: History, entries: Mapping[str, Entry]
) -> tuple[dict[str, Vouched], dict[str, Environment]]:
    """Return the entries with their records, and the environments that those name, by digest.

    Raises
    ------
    RefusedError
        If a record is missing, or the newest one vouches for other bytes than the entry.
    """
    files: dict[str, Vouched] = {}
    environments: dict[str, Environment] = {}
    for path, entry in entries.items():
        chain = history.chain(path, entry.record)
        problem = _problem(chain, entry)
        named = {record.environment for record in chain}
        if not problem and named - history.environments.keys():
            problem = "an environment that its records name is missing"
        if problem:
            raise RefusedError(
                path,
                expected="records that vouch for it, from the first to the newest",
                found=problem,
                message=f"{path}: {problem}",
                remedy="`harness audit` says how to restore its records.",
            )
        digests = (*(record.previous or "" for record in chain[1:]), entry.record)
        files[path] = Vouched(entry, dict(zip(digests, chain, strict=True)))
        environments |= {digest: history.environments[digest] for digest in sorted(named)}
    return files, environments


def _problem(chain: Sequence[Record], entry: Entry) -> str:
    """What is wrong with a file's records; empty if nothing is."""
    if not chain:
        return "its record is missing"
    if chain[0].previous is not None or not any(record.is_version for record in chain):
        return "an older record is missing"
    if chain[-1].ends or chain[-1].sha256 != entry.sha256:
        return "its newest record vouches for other bytes"
    return ""


def _require_recorded(project: Project, paths: Sequence[str], entries: Mapping[str, Entry]) -> None:
    """Raise unless each file has exactly the recorded bytes, by SHA-256; fetch those that are not here."""
    require_here(project, {path: entries[path] for path in paths})
    judge = verifier(project, entries, sha256=True)
    wrong = [verdict for verdict in map(judge, paths) if verdict.outcome is not Outcome.SAME]
    if wrong:
        first, more = wrong[0], f" ({len(wrong) - 1} more differ too)" if wrong[1:] else ""
        raise RefusedError(
            first.name,
            expected="the recorded bytes",
            found=first.outcome.value,
            message=f"{first.name} is not what {REGISTRY} has: {first.detail or first.outcome.value}{more}",
            remedy=first.remedy or "Run `harness verify`.",
        )


def _require_committed(project: Project, paths: Sequence[str]) -> None:
    """Raise if one of the files, the registry or the history differs from the newest commit."""
    if not is_in_repository(project.root):
        return
    all_paths = [*paths, REGISTRY, project.relative(history_path(project))]
    here = [path for path in all_paths if os.path.lexists(project.root / path)]
    if has_commits(project.root):
        listed = changed_paths(project.root, project.golden_name, *_outside(project, here), every_file=True)
        prefix = ask_git(project.root, "rev-parse", "--show-prefix").removesuffix("\n")
        names = {name.removeprefix(prefix) for name in listed}
        changed = [path for path in here if path in names]
    else:
        changed = here
    if changed:
        more = f" and {len(changed) - _MOST_SHOWN} more" if changed[_MOST_SHOWN:] else ""
        raise RefusedError(
            changed[0],
            expected="committed files",
            found="uncommitted changes",
            message=f"uncommitted changes in {', '.join(changed[:_MOST_SHOWN])}{more}",
            remedy="Commit them first, or give --allow-dirty.",
        )


def _outside(project: Project, paths: Sequence[str]) -> list[str]:
    return [path for path in paths if not path.startswith(f"{project.golden_name}/")]
