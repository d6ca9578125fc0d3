"""A golden file's chain and what git kept -> findings.

A record that was committed has to stay, and a commit that changes golden bytes has to add a record of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.core.provenance.finding import COMMIT, UNDO, broken, note, weak
from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.provenance.evidence import Chain
    from harness.core.provenance.finding import AuditFinding
    from harness.core.provenance.git_history import Commit, History
    from harness.core.registry.history import Record


def judge_in_git(chain: Chain, history: History) -> Iterator[AuditFinding]:
    """What git says of one chain."""
    forged: list[Record] = []
    for commit in reversed(chain.commits):
        yield from _judge_commit(chain, commit)
        yield from _judge_lost(chain, commit, forged)
        forged += _forged(chain, commit)
    lost = [record for record in history.head.get(chain.path, ()) if record not in chain.records]
    if lost:
        yield broken(chain, "rewritten", f"{_named(lost)}: in the newest commit, and not here", UNDO)
    if {chain.path, REGISTRY} & history.uncommitted:
        yield weak(chain, "uncommitted", "the file or its record is not as in the newest commit", COMMIT)
    elif not history.shallow and not any(chain.path in commit.files for commit in chain.commits):
        yield weak(chain, "unkept", "no commit holds the file", "Commit it; does git ignore it?")
    if not history.shallow:
        yield from _judge_revisions(chain, history)


def _judge_revisions(chain: Chain, history: History) -> Iterator[AuditFinding]:
    """Each record names a commit that leads here."""
    commits = [record.commit for record in chain.records]
    strange = sorted({commit[:12] for commit in commits if commit and commit not in history.known})
    if strange:
        yield weak(chain, "commit", f"recorded at {', '.join(strange)}, which does not lead here")
    if None in commits:
        yield weak(chain, "commit", "recorded where git had no commit", "Commit first, then record.")


def _judge_commit(chain: Chain, commit: Commit) -> Iterator[AuditFinding]:
    """A commit that changed the bytes added a record that vouches for them."""
    bytes_then = commit.files.get(chain.path)
    if bytes_then is None:
        return
    before = [record for side in commit.before for record in side.get(chain.path, ())]
    after = commit.after.get(chain.path, ())
    if any(_vouches(record, bytes_then) for record in after if record not in before):
        return
    what = f"commit {_cited(commit)} changed the bytes without a record of them"
    if any(record.sha256 == bytes_then for record in (*before, *after)):
        yield note(chain, "restored", f"commit {_cited(commit)} brought back bytes recorded before")
    elif any(record.sha256 == bytes_then for record in chain.records):
        yield weak(chain, "separate", f"{what}; another commit has it", COMMIT)
    elif chain.repacked and chain.found is not None and chain.found.sha256 == bytes_then:
        yield note(chain, "repacked", f"commit {_cited(commit)} packed the same arrays anew")
    elif chain.found is not None and chain.found.sha256 == bytes_then:
        yield broken(chain, "unrecorded", what, "Restore the bytes of the commit before, or record these.")
    else:
        yield weak(chain, "replaced", f"{what}; they have been replaced since")


def _judge_lost(chain: Chain, commit: Commit, forged: list[Record]) -> Iterator[AuditFinding]:
    """A commit keeps every record that a parent had; a merge, all of one parent's at least.

    Records in *forged*, that came in place of others, may go: that puts things right again.
    """
    lost = _lost(chain, commit)
    gone = [r for side in lost for r in side if r not in chain.records and r not in forged]
    if not gone:
        return
    if chain.path not in commit.after:
        detail = f"its entry was removed in commit {_cited(commit)}, its records with it"
        yield weak(chain, "restarted", detail)
    elif all(lost):
        detail = f"{_named(gone)}: removed or changed in commit {_cited(commit)}"
        yield broken(chain, "rewritten", detail, f"Take {REGISTRY} from the commit before, and merge anew.")
    else:
        detail = f"{_named(gone)}: not taken over in merge {_cited(commit)}"
        yield note(chain, "merged", detail)


def _lost(chain: Chain, commit: Commit) -> list[list[Record]]:
    """Records that a commit has no more, for each parent that had the file registered."""
    after = commit.after.get(chain.path, ())
    sides = [before[chain.path] for before in commit.before if chain.path in before]
    return [[record for record in side if record not in after] for side in sides]


def _forged(chain: Chain, commit: Commit) -> list[Record]:
    """Records that a commit put in place of others."""
    lost = _lost(chain, commit)
    if not lost or not all(lost):
        return []
    before = [record for side in commit.before for record in side.get(chain.path, ())]
    return [record for record in commit.after.get(chain.path, ()) if record not in before]


def _vouches(record: Record, sha256: str) -> bool:
    """Whether a record may be of these bytes: one without a seal may be of any."""
    return record.sha256 is msgspec.UNSET or record.sha256 == sha256


def _named(lost: list[Record]) -> str:
    """Records as a person knows them."""
    return "; ".join(f"record of {item.at} by {item.by}, {item.reason!r}" for item in lost)


def _cited(commit: Commit) -> str:
    return f"{commit.id[:12]} ({commit.author}, {commit.at[:10]}, {commit.subject!r})"
