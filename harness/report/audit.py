"""An audit as lines of text: the evidence for each golden file, then the findings, the most serious first."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from harness.core.errors import printable
from harness.core.provenance.finding import Rank
from harness.core.recording.cumulative_drift import drift_of
from harness.report.cumulative_drift import drift_history_line, record_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.provenance.evidence import Chain
    from harness.core.provenance.finding import AuditFinding
    from harness.core.registry.history import Record

_COMMITS = 3


def evidence_lines(evidence: Chain) -> list[str]:
    """Return source, generator, file, newest record and newest commits of one golden file, a line each."""
    record = evidence.entry.record
    rows = [
        *_manifest_rows(evidence),
        ("file", f"{evidence.entry.kind}, {evidence.entry.size} bytes, {evidence.entry.sha256}"),
        ("records", f"{len(evidence.records)}, the newest {_summary(record)}"),
        *_drift_rows(evidence),
        *_commit_rows(evidence),
    ]
    return [printable(evidence.path), *(f"  {name:10}{printable(text)}" for name, text in rows)]


def finding_lines(findings: Sequence[AuditFinding]) -> list[str]:
    """Return the findings with their remedies; equal findings of consecutive files share one line."""
    lines = []
    for (rank, rule, detail, remedy), group in groupby(findings, _without_path):
        paths = ", ".join(printable(finding.path) for finding in group)
        lines.append(f"{rank.value}: {paths}: {rule}: {printable(detail)}")
        lines += [f"  {printable(remedy)}"] if remedy else []
    return lines


def count_line(findings: Sequence[AuditFinding], files: int) -> str:
    """Return the number of findings of each rank."""
    counts = [f"{sum(f.rank is rank for f in findings)} {rank.value}" for rank in Rank]
    return f"{files} golden files audited: {', '.join(counts)}."


def _without_path(finding: AuditFinding) -> tuple[Rank, str, str, str]:
    return finding.rank, finding.rule, finding.detail, finding.remedy


def _manifest_rows(evidence: Chain) -> Iterator[tuple[str, str]]:
    if evidence.origin is None:
        return
    manifest = evidence.origin.manifest
    source, generator = manifest.source, manifest.generator
    here = f", compared with {evidence.origin.source}" if evidence.origin.source else ""
    parameters = ", ".join(f"{key}={value}" for key, value in generator.parameters.items())
    yield "source", f"{source.name} {source.digest}{here}"
    yield "generator", f"{generator.call}, version {generator.version}: {parameters or 'no parameters'}"
    yield "manifest", f"{manifest.name}, arrays {manifest.digest}"


def _drift_rows(evidence: Chain) -> Iterator[tuple[str, str]]:
    """Yield the cumulative drift of the newest record, then each record's share of it."""
    history = drift_of(evidence.records)
    if history is not None:
        yield "drift", drift_history_line(history)
        yield from (("", line) for line in record_lines((*history.past, evidence.entry.record)))


def _commit_rows(evidence: Chain) -> Iterator[tuple[str, str]]:
    for commit in evidence.commits[:_COMMITS]:
        yield "commit", f"{commit.id[:12]} {commit.at[:10]} by {commit.author}: {commit.subject}"
    if len(evidence.commits) > _COMMITS:
        yield "commit", f"... and {len(evidence.commits) - _COMMITS} older"


def _summary(record: Record) -> str:
    dirty = ", with uncommitted changes" if record.dirty else ""
    return f"at {record.at} by {record.by}{dirty}: {record.reason or 'no reason'}"
