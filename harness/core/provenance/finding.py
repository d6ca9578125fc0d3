"""What an audit finds, ranked: broken, weak, or informational."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from shlex import quote

from harness.core.registry.committed_bytes import SHORT
from harness.core.storage.project import REGISTRY

COMMIT = f"Commit the golden files, their history and {REGISTRY} together."
_NOT_KEPT = "Restore it from a copy, or re-record it, because no commit has the recorded bytes"


class Rank(str, Enum):
    """How serious a finding is, the most serious first."""

    BROKEN = "broken"
    WEAK = "weak"
    INFORMATIONAL = "informational"


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One thing that an audit found: how serious, in which file, by which rule, and what to do about it."""

    rank: Rank
    path: str
    rule: str
    detail: str
    remedy: str = ""


def broken(path: str, rule: str, detail: str, remedy: str = "") -> AuditFinding:
    """Return a finding that no golden file may have; the default remedy is to restore the file."""
    return AuditFinding(Rank.BROKEN, path, rule, detail, remedy or restore(path))


def weak(path: str, rule: str, detail: str, remedy: str = "") -> AuditFinding:
    """Return a finding that leaves a doubt, and that somebody can remove."""
    return AuditFinding(Rank.WEAK, path, rule, detail, remedy)


def note(path: str, rule: str, detail: str, remedy: str = "") -> AuditFinding:
    """Return a finding that is worth knowing."""
    return AuditFinding(Rank.INFORMATIONAL, path, rule, detail, remedy)


def restore(path: str, commit: str | None = None) -> str:
    """Return the commands that restore a file from git and show who changed it.

    Parameters
    ----------
    path : str
    commit : str, optional
        The commit to restore it from; empty if none has its bytes. Without it, git's index is used, which
        has them only if nothing else was staged or committed.
    """
    if commit == "":
        return f"{_NOT_KEPT}; `git log -p -- {quote(path)}` shows who changed it."
    source = f"{commit[:SHORT]} " if commit else ""
    return (
        f"Restore it with `git checkout {source}-- {quote(path)}`; "
        f"`git log -p -- {quote(path)}` shows who changed it."
    )


def restore_state(paths: tuple[str, ...], commit: str) -> str:
    """Return the command that restores files together with the registry, from the commit *commit*."""
    listed = " ".join(map(quote, (REGISTRY, *paths)))
    return f"Restore the recorded state with `git checkout {commit[:SHORT]} -- {listed}`."
