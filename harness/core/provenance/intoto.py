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

from harness.core.registry.history import record_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.provenance.evidence import Chain, Origin
    from harness.core.registry.history import Record

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
_URN = "urn:golden-harness"
_OWN = "harness"  # key of this package among the versions in an environment


def statements(chains: Sequence[Chain]) -> Iterator[dict[str, Any]]:
    """One in-toto Statement for each fixture, baseline and other golden file.

    Statements repeat what the registry and the manifests declare; whether that is true is for the audit to
    check.
    """
    for _, group in groupby(sorted(chains, key=_unit), key=_unit):
        yield _statement(list(group))


def _unit(chain: Chain) -> str:
    """Grouping key of files that were made together: a fixture's archive and manifest, or a single file."""
    fixture = chain.entry.kind in {"fixture", "manifest"}
    return str(PurePosixPath(chain.path).with_suffix("")) if fixture else chain.path


def _statement(chains: list[Chain]) -> dict[str, Any]:
    """Statement for files that were made together; the manifest's record is used, because it has the code."""
    leading = next((chain for chain in chains if chain.entry.kind == "manifest"), chains[0])
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": chain.path, "digest": _digest_set(chain.entry.sha256, chain.entry.xxh128)}
            for chain in chains
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": _definition(leading),
            "runDetails": _details(leading.entry.record),
        },
    }


def _definition(chain: Chain) -> dict[str, Any]:
    """The SLSA build definition: what was run, with which inputs."""
    origin, record = chain.origin, chain.entry.record
    if origin is None:
        parameters: dict[str, Any] = {"command": record.command}
        dependencies = _repository(record)
    else:
        parameters = {"generator": msgspec.to_builtins(origin.manifest.generator)}
        dependencies = [*_repository(record), *_inputs(origin, record)]
    return {
        "buildType": f"{_URN}:{'generate' if origin else 'record'}:v1",
        "externalParameters": parameters,
        "internalParameters": {"environment": record.environment},
        "resolvedDependencies": dependencies,
    }


def _details(record: Record) -> dict[str, Any]:
    """The SLSA run details: who ran it, and when; the builder is a work tree, not a build platform."""
    return {
        "builder": {
            "id": f"{_URN}:work-tree:v1",
            "version": {"golden-harness": record.environment.get(_OWN, "unknown")},
        },
        "metadata": {"invocationId": record_digest(record), "finishedOn": record.at},
    }


def _repository(record: Record) -> list[dict[str, Any]]:
    """The commit that was checked out."""
    if record.commit is None:
        return []
    annotations = {"dirty": record.dirty, "by": record.by, "reason": record.reason}
    return [{"name": "repository", "digest": {"gitCommit": record.commit}, "annotations": annotations}]


def _inputs(origin: Origin, record: Record) -> Iterator[dict[str, Any]]:
    """The source, and the generator's code if the record has its digest."""
    source, generator = origin.manifest.source, origin.manifest.generator
    yield {"name": source.name, "digest": _digest_set(source.digest)}
    if record.code is not msgspec.UNSET:
        yield {"name": generator.call, "digest": _digest_set(str(record.code))}


def _digest_set(*digests: str) -> dict[str, str]:
    """Digests by algorithm, from digests written as ``algorithm:hex``."""
    return {algorithm: value for algorithm, _, value in (digest.partition(":") for digest in digests)}
