"""An audit: evidence line by line, findings once for all files that share them, and counts."""

from __future__ import annotations

import pytest

from harness.core.fixtures.manifest import Generator, Manifest, Source
from harness.core.provenance.evidence import Declared, FileEvidence, PathState
from harness.core.provenance.finding import AuditFinding, Rank
from harness.core.provenance.git_history import Commit
from harness.core.registry.format import Entry
from harness.report.audit import count_line, evidence_lines, finding_lines, next_lines

ENTRY = Entry(kind="fixture", size=12, xxh128="xxh128:0a", sha256="sha256:0b", record="sha256:0c")


def evidence(**parts) -> FileEvidence:
    return FileEvidence(path="golden/a.npz", entry=ENTRY, state=PathState.FILE, **parts)


def commit(number: int, subject: str = "Record it") -> Commit:
    """A commit as git's log has it; what it changed is not shown."""
    given = {
        "id": f"{number}" * 40,
        "author": "Ada",
        "at": f"2026-01-0{number}T12:00:00+00:00",
        "subject": subject,
    }
    return Commit(**given, **{key: () for key in Commit.__dataclass_fields__ if key not in given})


def test_a_recorded_file(record):
    """Kind, size and digest, then the number of records and the newest one."""
    assert evidence_lines(evidence(records=(record(1), record(2, reason="probe", dirty=True)))) == [
        "golden/a.npz",
        "  file      fixture, 12 bytes, sha256:0b",
        "  records   2, the newest of 2026-01-02T12:00:00Z by Ada Lovelace, with uncommitted changes: probe",
    ]


def test_a_file_without_a_record():
    """The history has lost it; a finding says so as well."""
    assert evidence_lines(evidence())[-1] == "  records   none in the history"


@pytest.mark.parametrize(
    ("source", "parameters", "lines"),
    [
        (
            None,
            {},
            [
                "  source    scan.h5 sha256:0d",
                "  generator lattice:make, version 2: no parameters",
            ],
        ),
        (
            "data/scan.h5",
            {"seed": 0, "size": 12},
            [
                "  source    scan.h5 sha256:0d, compared with data/scan.h5",
                "  generator lattice:make, version 2: seed=0, size=12",
            ],
        ),
    ],
)
def test_what_the_manifest_declares(record, source, parameters, lines):
    """Source, generator and arrays come before the file itself."""
    manifest = Manifest(
        schema=1,
        name="a",
        digest="xxh128:0e",
        arrays={},
        generator=Generator("lattice:make", 2, parameters),
        source=Source("scan.h5", "sha256:0d"),
    )
    declared = Declared(manifest=manifest, source=source, source_digest=None, code=None, intact=True)
    shown = evidence_lines(evidence(records=(record(1),), declared=declared))
    assert shown[1:4] == [*lines, "  manifest  a, arrays xxh128:0e"]


def test_cumulative_drift(record):
    """The total, then the change of each record."""
    records = (record(1, reason="first"), record(2, 0.5, 0.5, reason="new probe"))
    total = "0.5 tolerances from the last version, 0.5 from the first (ssim); 2 records since 2026-01-01"
    assert evidence_lines(evidence(records=records))[-3:] == [
        f"  drift     {total}",
        "            2026-01-01  first version: first",
        "            2026-01-02  0.5 from the last, 0.5 from the first: new probe",
    ]


@pytest.mark.parametrize(("number", "more"), [(3, []), (5, ["  commit    ... and 2 older"])])
def test_three_commits_are_shown(record, number, more):
    """The newest first, as git has them."""
    commits = tuple(commit(n) for n in range(number, 0, -1))
    lines = evidence_lines(evidence(records=(record(1),), commits=commits))[3:]
    shown = range(number, number - 3, -1)
    assert lines == [f"  commit    {str(n) * 12} of 2026-01-0{n} by Ada: Record it" for n in shown] + more


def test_text_of_others_cannot_forge_lines(record):
    """Line breaks and terminal codes in a reason or a commit's subject are escaped."""
    lines = evidence_lines(evidence(records=(record(1, reason="a\nb"),), commits=(commit(1, "\x1b[31m"),)))
    assert lines[2].endswith(": a\\nb")
    assert lines[3].endswith(": \\x1b[31m")


def test_equal_findings_share_a_line():
    """Findings that differ in anything but their path do not."""
    findings = [
        AuditFinding(Rank.BROKEN, "golden/a.npz", "edited", "the bytes changed", "Restore it."),
        AuditFinding(Rank.WEAK, "golden/a.npz", "dirty", "uncommitted changes"),
        AuditFinding(Rank.WEAK, "golden/b\n.npz", "dirty", "uncommitted changes"),
        AuditFinding(Rank.WEAK, "golden/c.npz", "source", "it was not found"),
    ]
    assert finding_lines(findings) == [
        "broken: golden/a.npz: edited: the bytes changed",
        "  Restore it.",
        "weak: golden/a.npz, golden/b\\n.npz: dirty: uncommitted changes",
        "weak: golden/c.npz: source: it was not found",
    ]
    assert finding_lines([]) == []


def test_counts_of_each_rank():
    """All of them, so that a 0 is seen."""
    findings = [AuditFinding(rank, "a", "rule", "detail") for rank in (Rank.WEAK, Rank.BROKEN, Rank.WEAK)]
    assert count_line(findings, 6) == "6 golden files audited: 1 broken, 2 weak, 0 informational."


EVIL = "\x1b[31m\u202eevil\n::error::\x9b ##[error]x"


def test_whatever_others_wrote_is_escaped(record):
    """Paths, reasons, authors, subjects, details and remedies; a line never begins with a command."""
    file = FileEvidence(
        path="::error::a", entry=ENTRY, state=PathState.FILE, records=(record(1, reason=EVIL, by=EVIL),),
        commits=(commit(1, EVIL),),
    )  # fmt: skip
    finding = AuditFinding(Rank.BROKEN, EVIL, "bytes", EVIL, EVIL)
    for line in (*evidence_lines(file), *finding_lines([finding])):
        assert line.isprintable()
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


def test_the_command_of_the_most_serious_finding_comes_next():
    """What is only informational asks for nothing."""
    findings = [
        AuditFinding(Rank.WEAK, "golden/a.npz", "dirty", "detail", "Run `git commit` first."),
        AuditFinding(
            Rank.BROKEN, "golden/a.npz", "bytes", "detail", "Restore it with `git checkout -- a`, or `b`."
        ),
        AuditFinding(Rank.INFORMATIONAL, "golden/b.npz", "code", "detail", "See `harness reproduce b`."),
    ]
    assert next_lines(findings) == ["next: git checkout -- a"]
    assert next_lines(findings[2:]) == []
