"""Judge the evidence for all golden files: findings, ranked.

Whoever edits a golden file can recompute the digests in the registry. What is harder: a record vouches for
the bytes that it was made for and names the record before it, and a record that was committed must stay. So
a forged entry contradicts its record, a forged record the one after it, and a forged chain of records what
git keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.provenance.file_rules import judge_baseline, judge_file, judge_records, judge_tolerances
from harness.core.provenance.finding import AuditFinding, Rank, note, weak
from harness.core.provenance.git_rules import judge_in_git
from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.provenance.evidence import Evidence
    from harness.core.registry.history import Record


def audit(evidence: Evidence) -> tuple[AuditFinding, ...]:
    """Return all findings, sorted by rank, then rule, then path."""
    found = [*_judge_left_over(evidence), *_judge_repository(evidence), *judge_in_git(evidence)]
    for file in evidence.files.values():
        found += (
            *judge_file(file),
            *judge_records(file, evidence.history_path),
            *judge_baseline(file, evidence.files),
            *judge_tolerances(file, evidence.files),
        )
    ranks = list(Rank)
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda finding: (ranks.index(finding.rank), finding.rule, finding.path)))


def is_broken(findings: Iterable[AuditFinding]) -> bool:
    """Return whether any finding has the rank broken."""
    return any(finding.rank is Rank.BROKEN for finding in findings)


def _judge_left_over(evidence: Evidence) -> Iterator[AuditFinding]:
    """Files without an entry, and files that no test used."""
    for path in evidence.unregistered:
        detail = "in the golden directory, but not in the registry"
        yield weak(path, "unregistered", detail, "Register it with `harness add`, or delete it.")
    for path in evidence.unreferenced:
        yield weak(path, "unreferenced", "not used by the last full test run", "Test it, or remove it.")


def _judge_repository(evidence: Evidence) -> Iterator[AuditFinding]:
    """Whether git keeps the records, and entries that were removed from the registry."""
    git = evidence.git
    if git is None:
        detail = "no git history: records cannot be compared with what was committed"
        yield weak(REGISTRY, "history", detail, "Keep the project in git.")
        return
    if git.shallow:
        detail = "a shallow clone: older commits were not checked"
        yield weak(REGISTRY, "history", detail, "Run `git fetch --unshallow`.")
    if git.in_lfs:
        detail = "stored with Git LFS: its lines cannot be compared between commits"
        remedy = f"Add `{evidence.history_path} -filter -text` to .gitattributes and commit the file itself."
        yield weak(evidence.history_path, "history", detail, remedy)
    for path in sorted(git.head.keys() - evidence.files.keys()):
        detail = "registered in the newest commit, but not here"
        yield weak(
            path,
            "removed",
            detail,
            f"Commit {REGISTRY}, or restore it with `git checkout HEAD -- {REGISTRY}`.",
        )
    past = {record.path for record in evidence.history.records.values()}
    ends = evidence.history.ends()
    for path in sorted(past - evidence.files.keys() - git.head.keys()):
        end = evidence.history.records.get(ends.get(path, ""))
        yield note(path, "removed", _end(end) if end else "recorded once, and not registered any more")


def _end(record: Record) -> str:
    """How a file ended."""
    what = f"renamed to {record.moved_to}" if record.moved_to else "removed"
    return f"{what} at {record.at} by {record.by}: {record.reason or 'no reason'}"
