"""Provenance chains -> findings, ranked.

A registry's digests can be recomputed by who edits a file. What is harder: every record vouches for the bytes
it was made for, names the record before it, and once committed it has to stay. So a forged entry contradicts
its record, a forged record the one after it, and a forged chain what git kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.provenance.file_rules import judge_baseline, judge_chain
from harness.core.provenance.finding import UNDO, AuditFinding, Rank
from harness.core.provenance.git_rules import judge_in_git
from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.provenance.evidence import Evidence
    from harness.core.provenance.git_history import History


def audit(evidence: Evidence) -> tuple[AuditFinding, ...]:
    """Judge all that was gathered; findings sorted by rank, then rule, then path."""
    known = {chain.path: chain for chain in evidence.chains}
    found = [*_judge_left_over(evidence), *_judge_history(evidence.history, known)]
    for chain in evidence.chains:
        found += (*judge_chain(chain), *judge_baseline(chain, known))
        if evidence.history is not None:
            found += judge_in_git(chain, evidence.history)
    ranks = list(Rank)
    return tuple(sorted(found, key=lambda finding: (ranks.index(finding.rank), finding.rule, finding.path)))


def is_broken(findings: Iterable[AuditFinding]) -> bool:
    """Whether any finding says so."""
    return any(finding.rank is Rank.BROKEN for finding in findings)


def _judge_left_over(evidence: Evidence) -> Iterator[AuditFinding]:
    """Files that no entry names, and files that no test used."""
    for path in evidence.strangers:
        detail = "in the golden directory, and in no entry of the registry"
        yield AuditFinding(Rank.WEAK, path, "unregistered", detail, "Register it with `harness add`.")
    for path in evidence.unreferenced:
        detail = "the last full test run did not use it"
        yield AuditFinding(Rank.WEAK, path, "unreferenced", detail, "Remove it, or test it.")


def _judge_history(history: History | None, known: Iterable[str]) -> Iterator[AuditFinding]:
    """Whether git can tell at all, and entries that it knows of and the registry does not."""
    if history is None:
        detail = "no git history: the newest records cannot be checked against what was committed"
        yield AuditFinding(Rank.WEAK, REGISTRY, "history", detail, "Keep the project in git.")
        return
    if history.shallow:
        detail = "a shallow clone: older commits were not looked at"
        yield AuditFinding(Rank.WEAK, REGISTRY, "history", detail, "Run `git fetch --unshallow`.")
    for path in sorted(history.head.keys() - set(known)):
        detail = "its entry is in the newest commit, and not here"
        yield AuditFinding(Rank.WEAK, path, "removed", detail, UNDO)
    past = {path for commit in history.commits for side in commit.before for path in side}
    for path in sorted(past - set(known) - history.head.keys()):
        yield AuditFinding(Rank.INFORMATIONAL, path, "removed", "was registered once, and is no more")
