"""Run the generator of a golden fixture again, compare its arrays, and find the likely cause of a drift.

Content digests decide whether the fixture is reproduced. If they differ, the generator runs a second time,
because a nondeterministic generator needs no other explanation. Then the source, the code and the
environment are compared with those in the manifest and the registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.core.domain.code_digest import code_digest
from harness.core.errors import (
    DependencyError,
    HarnessError,
    NotImportableError,
    SourceMissingError,
    UsageError,
)
from harness.core.fixtures.compare import compare
from harness.core.fixtures.elementwise import ulp_distance
from harness.core.fixtures.manifest import read_manifest
from harness.core.registry.golden_names import archive_of, name_of
from harness.core.registry.history import read_history
from harness.core.registry.registry import read_registry
from harness.core.registry.stored.fetching import require_here
from harness.core.rerun.reproducible import rerun_in_new_process
from harness.core.rerun.sources import find_any
from harness.core.storage.npz import map_archive
from harness.core.system.environment import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from harness.core.fixtures.compare import Drift
    from harness.core.fixtures.fixture import Fixture
    from harness.core.fixtures.manifest import Manifest
    from harness.core.registry.history import Environment, History, Record
    from harness.core.storage.project import Project


class Result(str, Enum):
    """Outcome of running a generator again."""

    REPRODUCED = "reproduced"
    TOLERATED = "within tolerance"
    DRIFTED = "drifted"
    SOURCE_MISSING = "source missing"
    CANNOT_TELL = "cannot tell"


class Cause(str, Enum):
    """Likely cause of a drift; if several apply, the first of them is reported."""

    NONDETERMINISM = "nondeterminism"
    DATA = "data"
    CODE = "code"
    ENVIRONMENT = "environment"


_EVIDENCE = (Cause.DATA, Cause.CODE, Cause.ENVIRONMENT)


@dataclass(frozen=True, slots=True)
class Differing:
    """One thing that differs from what was recorded, and which cause it points to."""

    cause: Cause
    thing: str
    recorded: str
    today: str


@dataclass(frozen=True, slots=True)
class Farthest:
    """The element with the largest ULP distance from its golden value."""

    array: str
    index: tuple[int, ...]
    ulp: int


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Result of making one fixture again.

    Attributes
    ----------
    cause : Cause or None
        Likely cause of a difference; None if all bits are the same, or nothing could be run.
    differing : tuple of Differing
        Everything that differs from what was recorded, even if the arrays are the same.
    drift : Drift or None
        Comparison element by element, if the digests differ and both sides can be read.
    farthest : Farthest or None
        The largest ULP distance, if the digests differ and no array is missing.
    digest : str or None
        Content digest of the arrays made today.
    detail : str
        Why no arrays were made; empty if they were.
    """

    name: str
    result: Result
    cause: Cause | None = None
    differing: tuple[Differing, ...] = ()
    drift: Drift | None = None
    farthest: Farthest | None = None
    digest: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RecordedManifest:
    """A golden manifest, with the record of its bytes and the environment of that time, if they are known.

    The manifest's archive is beside it.
    """

    path: Path
    record: Record | None
    environment: Environment | None


def recorded_manifests(project: Project, name: str | None = None) -> tuple[RecordedManifest, ...]:
    """The manifest of every golden fixture, or of the one called *name*.

    They and their archives are fetched from the project's store if they are not here.

    Raises
    ------
    UsageError
        If no golden fixture has that name.
    UnreadableError
        If a file is not here and cannot be fetched.
    """
    history, entries = read_history(project), read_registry(project.registry).entries
    require_here(
        project,
        {
            path: entry
            for path, entry in entries.items()
            if entry.kind in {"manifest", "fixture"} and name in {None, name_of(project, path)}
        },
    )
    found = {
        name_of(project, path): _recorded(project.locate(path), history, entry.record)
        for path, entry in entries.items()
        if entry.kind == "manifest"
    }
    if not found:
        raise UsageError(
            str(project.registry),
            expected="a fixture with a manifest",
            found="none",
            message=f"nothing to reproduce: {project.registry} has no fixture with a manifest",
            remedy="Record a fixture with `pytest --force-regen`.",
        )
    if name is None:
        return tuple(found.values())
    if name not in found:
        raise UsageError(
            f"fixture {name!r}",
            expected=f"one of {', '.join(sorted(found))}",
            found="no golden fixture of that name",
            remedy=f"Name one as in {project.golden_name}/NAME.json.",
        )
    return (found[name],)


def _recorded(path: Path, history: History, digest: str) -> RecordedManifest:
    record = history.version(digest)
    environment = history.environments.get(record.environment) if record is not None else None
    return RecordedManifest(path, record, environment)


def reproduce(
    project: Project,
    recorded: RecordedManifest,
    given: Path | None = None,
    remade: Callable[[Path], Fixture | None] = lambda _: None,
) -> Reproduction:
    """Run the generator of one golden manifest again, in a fresh process and directory.

    Parameters
    ----------
    project : Project
    recorded : RecordedManifest
    given : Path, optional
        File or directory in which to look for the source, before those that the project lists.
    remade : callable, optional
        Returns the fixture of a manifest that was made again already, else None.
    """
    manifest = recorded.path
    golden = read_manifest(manifest)
    source = find_any(project, golden.source, given)
    context = (*_changed_code(project, golden, recorded), *_changed_environment(recorded))
    try:
        made = remade(manifest) or rerun_in_new_process(manifest, source, root=project.root)
        changed = (*_changed_manifest(golden, made.manifest), *context)
        if made.manifest.arrays == golden.arrays:  # by SHA-256
            return Reproduction(golden.name, Result.REPRODUCED, differing=changed, digest=golden.digest)
        again = rerun_in_new_process(manifest, source, root=project.root)
    except SourceMissingError as error:
        return Reproduction(golden.name, Result.SOURCE_MISSING, detail=str(error))
    except (DependencyError, NotImportableError) as error:  # nothing was run, so nothing is known
        return Reproduction(golden.name, Result.CANNOT_TELL, differing=context, detail=str(error))
    except HarnessError as error:
        return _failed(golden, context, error)
    return _judge(golden, manifest, (made, again), changed)


def _judge(
    golden: Manifest, manifest: Path, made: tuple[Fixture, Fixture], changed: tuple[Differing, ...]
) -> Reproduction:
    """Compare the arrays of the first run with the golden ones, and find the likely cause."""
    first, second = made
    expected = map_archive(archive_of(manifest))
    drift = compare(expected, first.arrays)
    nondeterministic = first.manifest.digest != second.manifest.digest
    return Reproduction(
        name=golden.name,
        result=Result.TOLERATED if drift.accepted else Result.DRIFTED,
        cause=Cause.NONDETERMINISM if nondeterministic else _likely_cause(changed),
        differing=changed,
        drift=drift,
        farthest=_farthest(drift, expected, first.arrays),
        digest=first.manifest.digest,
    )


def _likely_cause(changed: tuple[Differing, ...]) -> Cause:
    """The first cause that there is evidence of.

    If nothing recorded differs, the generator reads something that its manifest does not declare: data.
    """
    causes = {item.cause for item in changed}
    return next((cause for cause in _EVIDENCE if cause in causes), Cause.DATA)


def _failed(golden: Manifest, context: tuple[Differing, ...], error: HarnessError) -> Reproduction:
    """A generator that fails has drifted, because of its code."""
    return Reproduction(golden.name, Result.DRIFTED, Cause.CODE, differing=context, detail=error.found)


def _changed_manifest(golden: Manifest, made: Manifest) -> Iterator[Differing]:
    """Differences between the golden manifest and one made today."""
    parts = {
        "source": (Cause.DATA, golden.source.name, made.source.name),
        "source digest": (Cause.DATA, golden.source.digest, made.source.digest),
        "generator": (Cause.CODE, golden.generator.call, made.generator.call),
        "generator version": (Cause.CODE, golden.generator.version, made.generator.version),
        "transformations": (Cause.CODE, golden.transformations, made.transformations),
    }
    for thing, (cause, one, other) in parts.items():
        if one != other:
            yield Differing(cause, thing, _text(one), _text(other))
    before, after = golden.generator.parameters, made.generator.parameters
    for key in sorted(before.keys() | after.keys()):
        if key not in before or key not in after or before[key] != after[key]:
            values = [_text(side[key]) if key in side else "none" for side in (before, after)]
            yield Differing(Cause.CODE, f"parameter {key}", *values)


def _changed_code(project: Project, golden: Manifest, recorded: RecordedManifest) -> Iterator[Differing]:
    today = code_digest(golden.generator.call, project.root, path=golden.generator.path)
    before = recorded.record.code if recorded.record is not None else msgspec.UNSET
    if before is not msgspec.UNSET and before != today:
        yield Differing(Cause.CODE, "code", str(before), today or "no source found")


def _changed_environment(recorded: RecordedManifest) -> Iterator[Differing]:
    if recorded.environment is None:
        return
    before, today = recorded.environment.environment, fingerprint()
    for key in sorted(before.keys() | today.keys()):
        if before.get(key) != today.get(key):
            yield Differing(Cause.ENVIRONMENT, key, before.get(key, "unset"), today.get(key, "unset"))


def _farthest(
    drift: Drift, expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
) -> Farthest | None:
    """The element with the largest ULP distance in any array; None if no ULP distance was found."""
    most = max(drift.arrays, key=lambda array: array.max_ulp, default=None)
    if most is None or not most.max_ulp:
        return None
    distance = ulp_distance(expected[most.name], found[most.name])
    finite = np.isfinite(expected[most.name]) & np.isfinite(found[most.name])
    flat = int(np.argmax(np.where(finite, distance, 0)))
    index = tuple(int(i) for i in np.unravel_index(flat, distance.shape))
    return Farthest(most.name, index, most.max_ulp)


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
