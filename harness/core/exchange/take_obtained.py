"""What the failing checks of a session on another machine obtained -> golden files, as one recording.

Its data are compared with this checkout by digests alone: a check counts if it compared with the golden files
that the registry has here. Nothing is made again: the records say so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from harness.core.baselines.baseline import read_baseline
from harness.core.errors import RefusedError, UnreadableError, UsageError
from harness.core.exchange.downloaded import obtained_file, obtained_in
from harness.core.exchange.take_over import label
from harness.core.fixtures.fixture import require_matching_manifest
from harness.core.fixtures.manifest import read_manifest
from harness.core.recording.commit import commit
from harness.core.recording.cumulative_drift import DriftLimit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.registry.history import Environment, record_digest
from harness.core.registry.registry import read_registry
from harness.core.storage.atomic import copy, make_directory
from harness.core.storage.digest import sha256_file
from harness.core.storage.npz import Arrays
from harness.core.storage.pytest_settings import find_pytest_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from harness.core.obtained.results import CheckResult, SessionResults
    from harness.core.recording.plan import Change
    from harness.core.registry.format import Entry, Kind
    from harness.core.storage.project import Project

_DOWNLOAD = "Download it again."
_MOST_VALUES, _LONGEST_VALUE = 100, 1000
_MAX_DRIFT = "golden_max_drift"


@dataclass(frozen=True, slots=True)
class LeftCheck:
    """A check that failed and of which nothing is taken: its golden name, its test, and why."""

    stem: str
    test: str
    why: str


@dataclass(frozen=True, slots=True)
class Taking:
    """What taking a session's data changes: nothing was written yet, except to a directory for new files.

    Attributes
    ----------
    source : str
        Where the data come from, as the records say it.
    results : SessionResults
    taken : tuple of CheckResult
    left : tuple of LeftCheck
    changes : tuple of Change
    """

    source: str
    results: SessionResults
    taken: tuple[CheckResult, ...]
    left: tuple[LeftCheck, ...]
    changes: tuple[Change, ...]


def prepare_taking(
    project: Project, path: Path, names: Collection[str], folder: Path, *, restart: bool = False
) -> Taking:
    """Read what a session obtained, and return what would become golden; its files are copied to *folder*.

    Parameters
    ----------
    project : Project
    path : Path
        A directory that was downloaded, or its .zip file.
    names : collection of str
        Golden names of what is wanted; all that failed if it is empty.
    folder : Path
        An empty directory.
    restart : bool
        Whether later cumulative drift is measured from here.

    Raises
    ------
    UnreadableError
        If something is missing or damaged.
    RefusedError
        If the session did not end, compared with other golden files than the registry has, or obtained what
        must not become golden.
    UsageError
        If there is nothing to take, or no failing check has one of the *names*.
    """
    directory, results = obtained_in(path, _made(folder / "unpacked"))
    _require_whole(path, results)
    wanted, left = _chosen(path, results, names)
    entries = read_registry(project.registry).entries
    _require_same_golden(project, wanted, entries)
    copies = _made(folder / "copies")
    staged = [item for check in wanted for item in _staged(project, check, directory, copies)]
    changes = plan(project, staged, DriftLimit(_max_drift(project), restart=restart))
    source = f"{label(project, path.resolve())} (pytest on another machine, {results.at})"
    return Taking(source, results, wanted, left, changes)


def record_taking(
    project: Project, taking: Taking, *, reason: str, command: str, say: Callable[[str], None]
) -> None:
    """Record what was prepared, as one transaction, with the environment in which it was obtained."""
    commit(
        project,
        taking.changes,
        reason=f"{reason} (taken from a pytest session on another machine, not made again)",
        command=command,
        say=say,
        imported_from={change.path: taking.source for change in taking.changes},
        environment=taking.results.environment,
    )


def _made(folder: Path) -> Path:
    make_directory(folder)
    return folder


def _require_whole(path: Path, results: SessionResults) -> None:
    """Raise unless a session has ended, in an environment that has its digest."""
    values = results.environment.items()
    long = any(len(text) > _LONGEST_VALUE or not text.isprintable() for pair in values for text in pair)
    if (
        long
        or len(values) > _MOST_VALUES
        or record_digest(Environment(results.environment)) != (results.environment_digest)
    ):
        raise UnreadableError(
            str(path),
            expected="the environment of a pytest session, with its digest",
            found="another one",
            remedy=_DOWNLOAD,
        )
    if not results.complete:
        raise RefusedError(
            str(path),
            expected="a pytest session that ran to its end",
            found="one that was interrupted, or lost a worker",
            message=f"the pytest session of {path} did not run to its end",
            remedy="Run it again in CI.",
        )


def _chosen(
    path: Path, results: SessionResults, names: Collection[str]
) -> tuple[tuple[CheckResult, ...], tuple[LeftCheck, ...]]:
    """Return the failed checks whose data can be taken, and those of which nothing is."""
    failed = [check for check in results.checks if not check.outcome.accepted]
    for name in names:
        if not any(check.stem == name for check in failed):
            raise UsageError(
                name,
                expected="the golden name of a check that failed",
                found="none with this name",
                message=f"no failing check of {path} has the golden name {name!r}",
                remedy="Run `harness take --dry-run` to list them.",
            )
    left = (
        []
        if names
        else [LeftCheck(check.stem, check.test, why) for check in failed if (why := _unfit(check))]
    )
    wanted = [check for check in failed if (check.stem in names if names else not _unfit(check))]
    for check in wanted:
        _require_fit(check, results.checks)
    if wanted:
        return tuple(wanted), tuple(left)
    raise UsageError(
        str(path),
        expected="data of failing checks",
        found=f"{len(failed)} that cannot be taken" if failed else "none",
        message=f"{path} has nothing to take: {_why_nothing(results, left)}",
        remedy="Look at the log of the session." if left else "",
    )


def _why_nothing(results: SessionResults, left: Sequence[LeftCheck]) -> str:
    if left:
        return "; ".join(dict.fromkeys(f"{item.stem}: {item.why}" for item in left))
    return f"no check of the session failed ({len(results.checks)} passed)"


def _unfit(check: CheckResult) -> str:
    return check.unfit or ("" if check.files else "the session could not save its data")


def _require_fit(check: CheckResult, checks: Sequence[CheckResult]) -> None:
    """Raise if a check's data must not become golden, or another check of this name found something else."""
    if why := _unfit(check):
        raise RefusedError(
            check.stem,
            expected="data that may become golden",
            found=why,
            remedy="Fix the test, and run it again in CI.",
        )
    for other in checks:
        if (other.kind, other.stem) == (check.kind, check.stem) and other.files != check.files:
            raise RefusedError(
                check.stem,
                expected="one content",
                found=f"two, of {check.test} and {other.test}",
                message=f"{check.test} and {other.test} found different content under the name {check.stem}",
                remedy="Give each of them its own name.",
            )


def _require_same_golden(
    project: Project, checks: Sequence[CheckResult], entries: Mapping[str, Entry]
) -> None:
    """Raise unless the checks compared with the golden files that the registry has here.

    What was taken before is not in the way: the registry then has what the check obtained.
    """
    for check in checks:
        for name, obtained in check.files.items():
            path, there = _golden_path(project, name), check.golden.get(name)
            here = entries[path].sha256 if path in entries else None
            if here not in {there, obtained}:
                raise RefusedError(
                    path,
                    expected=f"the golden file that {check.test} compared with, {_short(there)}",
                    found=_short(here),
                    message=f"the golden file {path} is not the one that the session compared with: "
                    f"{_short(there)} there, {_short(here)} here",
                    remedy="Check out the commit that CI tested, or run CI again on this one.",
                )


def _short(digest: str | None) -> str:
    return digest.partition(":")[2][:12] if digest else "none"


def _golden_path(project: Project, name: str) -> str:
    return f"{project.golden_name}/{name}"


def _staged(project: Project, check: CheckResult, directory: Path, copies: Path) -> Iterator[Staged]:
    """Copy the files of a check and yield them, after they were found to be what the session wrote."""
    for name, digest in check.files.items():
        target = copies / name
        if not target.exists():
            make_directory(target.parent)
            copy(obtained_file(directory, name), target)
        found = sha256_file(target)
        if found != digest:
            raise UnreadableError(
                name,
                expected=f"the file that the session saved, {_short(digest)}",
                found=_short(found),
                remedy=_DOWNLOAD,
            )
    _require_sound(check, copies)
    for name in check.files:
        kind: Kind = "baseline" if check.kind == "baseline" else "manifest"
        if name.endswith(".npz"):
            kind = "fixture"
        yield Staged(_golden_path(project, name), kind, copies / name, check.test)


def _require_sound(check: CheckResult, copies: Path) -> None:
    """Raise unless the files of a check can be read as what they are, and belong together."""
    if check.kind == "baseline":
        baseline = read_baseline(copies / f"{check.stem}.json")
        if baseline.measure is None and baseline.fixture is None:
            return
        found = "one with a reference to code or to a fixture"
        raise UnreadableError(check.stem, expected="a baseline of one run", found=found, remedy=_DOWNLOAD)
    archive, manifest = copies / f"{check.stem}.npz", copies / f"{check.stem}.json"
    both = {PurePosixPath(name).suffix for name in check.files}
    described = read_manifest(manifest) if both == {".npz", ".json"} else None
    if described is None or described.name != check.stem:
        raise UnreadableError(
            check.stem,
            expected="an archive with the manifest of this name",
            found="another manifest" if described else "one of them",
            remedy=_DOWNLOAD,
        )
    require_matching_manifest(archive, Arrays(archive), described)


def _max_drift(project: Project) -> float:
    """Return the limit of cumulative drift in the project's settings; 0 for none."""
    settings = find_pytest_settings(project.root)
    text = settings.values.get(_MAX_DRIFT, 0)
    try:
        limit = float(text)
    except (TypeError, ValueError):
        limit = math.nan
    if 0 <= limit < math.inf:
        return limit
    raise UsageError(
        f"{_MAX_DRIFT} in {settings.file}",
        expected="a number of tolerances, 0 or more",
        found=repr(text),
        remedy="Correct it.",
    )
