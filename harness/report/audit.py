"""An audit as lines of plain text: each golden file's chain, then the findings, the worst first."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from harness.core.provenance.finding import Rank
from harness.core.recording.cumulative_drift import course_of
from harness.report.cumulative_drift import record_lines, drift_history_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.provenance.evidence import Chain
    from harness.core.provenance.finding import AuditFinding
    from harness.core.registry.registry import Record

_COMMITS = 3


def chain_lines(chain: Chain) -> list[str]:
    """Source, generator, file, record and commits of one golden file, a line each."""
    record = chain.entry.record
    rows = [
        *_origin_rows(chain),
        ("file", f"{chain.entry.kind}, {chain.entry.size} bytes, {chain.entry.sha256}"),
        ("record", f"{len(chain.records)}, the newest {_told(record)}"),
        *_walk_rows(chain),
        *_commit_rows(chain),
    ]
    return [printable(chain.path), *(f"  {name:10}{printable(text)}" for name, text in rows)]


def finding_lines(findings: Sequence[AuditFinding]) -> list[str]:
    """Findings with their remedies; what several files have in common is told once."""
    lines = []
    for (rank, rule, detail, remedy), group in groupby(findings, _common):
        paths = ", ".join(printable(finding.path) for finding in group)
        lines.append(f"{rank.value}: {paths}: {rule}: {printable(detail)}")
        lines += [f"  {printable(remedy)}"] if remedy else []
    return lines


def verdict_line(findings: Sequence[AuditFinding], files: int) -> str:
    """How many findings there are of each rank."""
    counts = [f"{sum(f.rank is rank for f in findings)} {rank.value}" for rank in Rank]
    return f"{files} golden files audited: {', '.join(counts)}."


def printable(text: str) -> str:
    """Text without line breaks and control codes, whoever wrote it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _common(finding: AuditFinding) -> tuple[Rank, str, str, str]:
    """What findings on several files share; a remedy that names the file is as good for its neighbour."""
    return finding.rank, finding.rule, finding.detail, finding.remedy


def _origin_rows(chain: Chain) -> Iterator[tuple[str, str]]:
    if chain.origin is None:
        return
    source, generator = chain.origin.manifest.source, chain.origin.manifest.generator
    here = f", compared with {chain.origin.source}" if chain.origin.source else ""
    parameters = ", ".join(f"{key}={value}" for key, value in generator.parameters.items())
    yield "source", f"{source.name} {source.digest}{here}"
    yield "generator", f"{generator.call}, version {generator.version}: {parameters or 'no parameters'}"
    yield "manifest", f"{chain.origin.manifest.name}, arrays {chain.origin.manifest.digest}"


def _walk_rows(chain: Chain) -> Iterator[tuple[str, str]]:
    """How far the file has come, then record by record."""
    course = course_of(chain.records)
    if course is not None:
        yield "walk", drift_history_line(course)
        yield from (("", line) for line in record_lines((*course.past, chain.entry.record)))


def _commit_rows(chain: Chain) -> Iterator[tuple[str, str]]:
    for commit in chain.commits[:_COMMITS]:
        yield "commit", f"{commit.id[:12]} of {commit.at[:10]} by {commit.author}: {commit.subject}"
    if len(chain.commits) > _COMMITS:
        yield "commit", f"... and {len(chain.commits) - _COMMITS} older ones"


def _told(record: Record) -> str:
    dirty = ", dirty: true" if record.dirty else ""
    return f"of {record.at} by {record.by}{dirty}: {record.reason or 'no reason'}"
