"""A golden file's chain -> findings, by rules that need the registry and the disk alone."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from harness.core.provenance.evidence import Place
from harness.core.provenance.finding import broken, note, restore, weak
from harness.core.recording.cumulative_drift import drift_of
from harness.core.registry.history import record_digest
from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.provenance.evidence import Chain
    from harness.core.provenance.finding import AuditFinding


def judge_chain(chain: Chain) -> Iterator[AuditFinding]:
    """What one golden file's own chain shows."""
    for rule in _RULES:
        yield from rule(chain)


def judge_baseline(chain: Chain, known: Mapping[str, Chain]) -> Iterator[AuditFinding]:
    """A baseline was measured on the fixture that is golden now."""
    if chain.baseline is None or chain.baseline.fixture is None:
        return
    path = PurePosixPath(chain.path)
    manifest = known.get(str(path.with_name(f"{path.stem.partition('.')[0]}.json")))
    if manifest and manifest.origin and manifest.origin.manifest.digest != chain.baseline.fixture:
        detail = "measured on other arrays than the golden fixture's"
        yield weak(chain, "baseline", detail, f"Run `harness calibrate {path.stem.partition('.')[2]}`.")


def _judge_place(chain: Chain) -> Iterator[AuditFinding]:
    """The entry leads to a file in the repository, and by itself, not through a link."""
    if chain.place is Place.MISSING:
        yield broken(chain, "missing", f"expected a file of {chain.entry.size} bytes, found none")
    elif chain.place is not Place.FILE:
        detail = f"expected {Place.FILE.value}, found {chain.place.value}"
        yield broken(chain, "place", detail, f"Remove the entry from {REGISTRY}, or the link.")


def _judge_bytes(chain: Chain) -> Iterator[AuditFinding]:
    """The file is what its entry says, by size and by both digests."""
    if chain.found is None:
        return
    if chain.repacked:
        yield note(chain, "repacked", "other bytes than recorded, the same arrays", _PACKED)
        return
    for key in ("size", "sha256", "xxh128"):
        told, seen = getattr(chain.entry, key), getattr(chain.found, key)
        if told != seen:
            yield broken(chain, "bytes", f"expected {key} {told}, found {seen}")
            return


def _judge_content(chain: Chain) -> Iterator[AuditFinding]:
    """The file can be read, and a manifest describes the arrays beside it."""
    if chain.flaw:
        yield broken(chain, "content", chain.flaw)


def _judge_seals(chain: Chain) -> Iterator[AuditFinding]:
    """The newest record vouches for the bytes that the entry names."""
    seal = chain.entry.record.sha256
    if seal is msgspec.UNSET:
        yield weak(chain, "unsealed", "its newest record does not say which bytes it is of", _RECORD_ANEW)
    elif seal != chain.entry.sha256:
        yield broken(chain, "seal", f"the entry says {chain.entry.sha256}, its newest record is of {seal}")


def _judge_links(chain: Chain) -> Iterator[AuditFinding]:
    """Each record names the digest of the one before it, and the first names none."""
    expected = None
    for record in chain.records:
        if record.previous != expected:
            detail = f"the record of {record.at} follows {record.previous}, found {expected} before it"
            yield broken(chain, "chain", detail, restore(REGISTRY))
        expected = record_digest(record)


def _judge_reasons(chain: Chain) -> Iterator[AuditFinding]:
    """Each record says why, and from a state that a commit holds."""
    silent = [record.at for record in chain.records if not record.reason.strip()]
    dirty = [record.at for record in chain.records if record.dirty]
    if silent:
        yield weak(chain, "reason", f"recorded without a reason at {', '.join(silent)}", _REASON)
    if dirty:
        detail = f"recorded with dirty: true, from uncommitted changes, at {', '.join(dirty)}"
        yield weak(chain, "dirty", detail, "Commit first, then record.")


def _judge_metrics(chain: Chain) -> Iterator[AuditFinding]:
    """A baseline says what its arrays say, by the code that it was recorded with."""
    again = chain.remeasured
    if again is None or chain.baseline is None:
        return
    if again.obstacle:
        yield note(chain, "metrics", f"not measured again: {again.obstacle}")
    for name, value in again.differing.items():
        told = chain.baseline.metrics[name].value
        detail = f"{name}: the stored arrays give {value:.6g}, the baseline says {told:.6g}"
        if again.code == chain.entry.record.code:
            yield broken(chain, "edited", detail)
        else:
            yield weak(chain, "metric code", f"{detail}; the code that measures has changed", _MEASURE)


def _judge_walk(chain: Chain) -> Iterator[AuditFinding]:
    """Small steps have not led far."""
    course = drift_of(chain.records)
    if course is not None and course.crept is not None:
        detail = (
            f"{course.crept.tolerances:.3g} tolerances from the first version ({course.crept.name}) "
            f"in {course.records} records since {course.since}, though no step was more than one"
        )
        yield note(chain, "walk", detail, _LEASH)


def _judge_origin(chain: Chain) -> Iterator[AuditFinding]:
    """The source and the code are still there, and still the same."""
    origin = chain.origin
    if origin is None or chain.entry.kind != "manifest":
        return
    source, code = origin.manifest.source, chain.entry.record.code
    if origin.source_digest is not None and origin.source_digest != source.digest:
        detail = f"source {source.name}: expected {source.digest}, found {origin.source_digest}"
        yield weak(chain, "source", detail, "List the directory of the original in [tool.harness] sources.")
    elif origin.source is None and source.name != "simulated":
        yield note(chain, "source", f"source {source.name} is not here: it was not compared", _SOURCES)
    if code is not msgspec.UNSET and code != origin.code:
        detail = f"code of {origin.manifest.generator.call} has changed since it was recorded"
        yield note(chain, "code", detail, f"See `harness reproduce {origin.manifest.name}`.")


_RULES = (
    _judge_place,
    _judge_bytes,
    _judge_content,
    _judge_seals,
    _judge_links,
    _judge_reasons,
    _judge_walk,
    _judge_origin,
    _judge_metrics,
)
_LEASH = "Read their reasons; golden_max_drift sets a limit."
_MEASURE = "See the change; then measure anew with `harness calibrate`."
_PACKED = "Nothing has drifted; `git checkout` brings the recorded bytes back."
_RECORD_ANEW = "Record it anew with `pytest --force-regen` when it changes next."
_REASON = "Give one with --golden-reason, and set golden_require_reason = true."
_SOURCES = "List its directory in pyproject.toml, [tool.harness] sources."
