"""What an audit finds, ranked: broken, weak, or worth knowing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from harness.core.provenance.evidence import Chain

UNDO = f"Restore it with `git checkout -- {REGISTRY}`."
COMMIT = f"Commit golden files and {REGISTRY} together."


class Rank(str, Enum):
    """How much a finding weighs, the heaviest first."""

    BROKEN = "broken"
    WEAK = "weak"
    INFORMATIONAL = "informational"


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One thing that an audit found: how bad, of which file, by which rule, and what to do about it."""

    rank: Rank
    path: str
    rule: str
    detail: str
    remedy: str = ""


def broken(chain: Chain, rule: str, detail: str, remedy: str = "") -> AuditFinding:
    """Finding that no golden file may have; without a remedy of its own, the file is to be restored."""
    return AuditFinding(Rank.BROKEN, chain.path, rule, detail, remedy or restore(chain.path))


def weak(chain: Chain, rule: str, detail: str, remedy: str = "") -> AuditFinding:
    """Finding that leaves a doubt."""
    return AuditFinding(Rank.WEAK, chain.path, rule, detail, remedy)


def note(chain: Chain, rule: str, detail: str, remedy: str = "") -> AuditFinding:
    """Finding that is worth knowing."""
    return AuditFinding(Rank.INFORMATIONAL, chain.path, rule, detail, remedy)


def restore(path: str) -> str:
    """How to take a file back from git, and to see who changed it."""
    return f"Restore it with `git checkout -- {path}`; `git log -p -- {path}` shows who changed it."
