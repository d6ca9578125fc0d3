"""Provenance as in-toto Statements v1 with SLSA provenance v1 predicates, ready for existing signing tools.

There is one statement for each run of a generator; its subjects are the two files of a fixture. A baseline
or any other file has a statement of its own. Field by field: https://in-toto.io/Statement/v1,
https://slsa.dev/provenance/v1.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.registry.registry import HISTORY_NAME
from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Sequence

    from harness.core.provenance.evidence import Declared, FileEvidence
    from harness.core.registry.history import Environment, Record

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
_URN = "urn:golden-harness"
_OWN = "harness"  # key of this package among the versions in an environment


def statements(files: Iterable[FileEvidence], broken: Collection[str]) -> tuple[dict[str, Any], ...]:
    """One in-toto Statement for each fixture, baseline and other golden file that the audit found sound.

    A statement names the digests of files on disk, and how they were made by their record and manifest.

    Parameters
    ----------
    files : iterable of FileEvidence
    broken : collection of str
        Paths that the audit found broken. They have no statement, and neither has the other file of a
        fixture. If the history or the registry is broken, there is no statement at all: every other file
        relies on them.
    """
    if {PurePosixPath(path).name for path in broken} & {HISTORY_NAME, REGISTRY}:
        return ()
    units = [list(group) for _, group in groupby(sorted(files, key=_unit), key=_unit)]
    return tuple(_statement(unit) for unit in units if all(_is_sound(file, broken) for file in unit))


def _is_sound(file: FileEvidence, broken: Container[str]) -> bool:
    return file.path not in broken and file.record is not None and file.on_disk is not None


def _unit(file: FileEvidence) -> str:
    """Grouping key of files that were made together: a fixture's archive and manifest, or a single file."""
    fixture = file.entry.kind in {"fixture", "manifest"}
    return str(PurePosixPath(file.path).with_suffix("")) if fixture else file.path


def _statement(files: Sequence[FileEvidence]) -> dict[str, Any]:
    """Statement for files that were made together; the manifest's record is used, because it has the code."""
    leading = next((file for file in files if file.entry.kind == "manifest"), files[0])
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": file.path, "digest": _digest_set(file.on_disk.sha256, file.on_disk.xxh128)}
            for file in files
            if file.on_disk is not None
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": _definition(leading),
            "runDetails": _details(leading),
        },
    }


def _definition(file: FileEvidence) -> dict[str, Any]:
    """The SLSA build definition: what was run, with which inputs."""
    declared, record = file.declared, file.version or file.records[-1]
    if declared is None:
        parameters: dict[str, Any] = {"command": record.command}
        dependencies = _repository(record)
    else:
        parameters = {"generator": msgspec.to_builtins(declared.manifest.generator)}
        dependencies = [*_repository(record), *_inputs(declared, record)]
    return {
        "buildType": f"{_URN}:{'generate' if declared else 'record'}:v1",
        "externalParameters": parameters,
        "internalParameters": {"environment": _versions(file.environment)},
        "resolvedDependencies": dependencies,
    }


def _details(file: FileEvidence) -> dict[str, Any]:
    """The SLSA run details: who ran it, and when; the builder is a work tree, not a build platform."""
    return {
        "builder": {
            "id": f"{_URN}:work-tree:v1",
            "version": {"golden-harness": _versions(file.environment).get(_OWN, "unknown")},
        },
        "metadata": {
            "invocationId": file.version_digest or file.entry.record,
            "finishedOn": (file.version or file.records[-1]).at,
        },
    }


def _versions(environment: Environment | None) -> dict[str, str]:
    return environment.environment if environment is not None else {}


def _repository(record: Record) -> list[dict[str, Any]]:
    """The commit that was checked out."""
    if record.commit is None:
        return []
    annotations = {"dirty": record.dirty, "by": record.by, "reason": record.reason}
    return [{"name": "repository", "digest": {"gitCommit": record.commit}, "annotations": annotations}]


def _inputs(declared: Declared, record: Record) -> Iterator[dict[str, Any]]:
    """The source, and the generator's code if the record has its digest."""
    source, generator = declared.manifest.source, declared.manifest.generator
    yield {"name": source.name, "digest": _digest_set(source.digest)}
    if record.code is not msgspec.UNSET:
        yield {"name": generator.call, "digest": _digest_set(str(record.code))}


def _digest_set(*digests: str) -> dict[str, str]:
    """Digests by algorithm, from digests written as ``algorithm:hex``."""
    return {algorithm: value for algorithm, _, value in (digest.partition(":") for digest in digests)}
