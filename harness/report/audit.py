"""An audit as lines of text: the evidence for each golden file, then the findings, the most serious first."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from harness.core.errors import printable
from harness.core.provenance.finding import Rank
from harness.core.recording.cumulative_drift import drift_of
from harness.core.registry.history import versions
from harness.report.cumulative_drift import drift_history_line, record_lines
from harness.report.plain_lines import first_command, plain_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.provenance.evidence import FileEvidence
    from harness.core.provenance.finding import AuditFinding

_COMMITS = 3


def evidence_lines(evidence: FileEvidence) -> list[str]:
    """Return source, generator, file, newest record, drift and newest commits of one golden file."""
    entry = evidence.entry
    rows = [
        *_manifest_rows(evidence),
        ("file", f"{entry.kind}, {entry.size} bytes, {entry.sha256}"),
        ("records", _records(evidence)),
        *_drift_rows(evidence),
        *_commit_rows(evidence),
    ]
    lines = [printable(evidence.path), *(f"  {name:10}{printable(text)}" for name, text in rows)]
    return list(map(plain_line, lines))


def finding_lines(findings: Sequence[AuditFinding]) -> list[str]:
    """Return the findings with their remedies; equal findings of consecutive files share one line."""
    lines = []
    for (rank, rule, detail, remedy), group in groupby(findings, _without_path):
        paths = ", ".join(printable(finding.path) for finding in group)
        lines.append(f"{rank.value}: {paths}: {rule}: {printable(detail)}")
        lines += [f"  {printable(remedy)}"] if remedy else []
    return list(map(plain_line, lines))


def count_line(findings: Sequence[AuditFinding], files: int) -> str:
    """Return the number of findings of each rank."""
    counts = [f"{sum(f.rank is rank for f in findings)} {rank.value}" for rank in Rank]
    return f"{files} golden files audited: {', '.join(counts)}."


def next_lines(findings: Sequence[AuditFinding]) -> list[str]:
    """Return the first command that the remedies name, those of the most serious findings first."""
    ranked = sorted(findings, key=lambda finding: list(Rank).index(finding.rank))
    commands = (first_command(finding.remedy) for finding in ranked if finding.rank is not Rank.INFORMATIONAL)
    return [f"next: {plain_line(command)}" for command in commands if command][:1]


def _without_path(finding: AuditFinding) -> tuple[Rank, str, str, str]:
    return finding.rank, finding.rule, finding.detail, finding.remedy


def _manifest_rows(evidence: FileEvidence) -> Iterator[tuple[str, str]]:
    declared = evidence.declared
    if declared is None:
        return
    source, generator = declared.manifest.source, declared.manifest.generator
    here = f", compared with {declared.source}" if declared.source else ""
    parameters = ", ".join(f"{key}={value}" for key, value in generator.parameters.items())
    yield "source", f"{source.name} {source.digest}{here}"
    if generator.is_test:
        yield "generator", f"the test {generator.test}"
    else:
        yield "generator", f"{generator.call}, version {generator.version}: {parameters or 'no parameters'}"
    yield "manifest", f"{declared.manifest.name}, arrays {declared.manifest.digest}"


def _records(evidence: FileEvidence) -> str:
    newest = evidence.record
    if newest is None:
        return "none in the history"
    dirty = ", with uncommitted changes" if newest.dirty else ""
    reason = newest.reason or "no reason"
    return f"{len(evidence.records)}, the newest of {newest.at} by {newest.by}{dirty}: {reason}"


def _drift_rows(evidence: FileEvidence) -> Iterator[tuple[str, str]]:
    """Yield the cumulative drift of the newest record, then the change of each record."""
    history = drift_of(evidence.records)
    if history is not None:
        yield "drift", drift_history_line(history)
        yield from (("", line) for line in record_lines((*history.past, versions(evidence.records)[-1])))


def _commit_rows(evidence: FileEvidence) -> Iterator[tuple[str, str]]:
    for commit in evidence.commits[:_COMMITS]:
        yield "commit", f"{commit.id[:12]} of {commit.at[:10]} by {commit.author}: {commit.subject}"
    if len(evidence.commits) > _COMMITS:
        yield "commit", f"... and {len(evidence.commits) - _COMMITS} older"
