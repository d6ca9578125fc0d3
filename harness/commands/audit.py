"""``harness audit``: trace golden files to their origin and report what contradicts their records."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from harness.commands.group import verb
from harness.commands.options import (
    annotated,
    chosen_form,
    emit,
    format_option,
    json_option,
    print_items,
    project_at,
    project_to_write,
    quiet_option,
    root_option,
)
from harness.core.registry.golden_names import name_of, split_baseline_name
from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.provenance.evidence import Evidence, FileEvidence
    from harness.core.provenance.finding import AuditFinding
    from harness.core.storage.project import Project


_FOR_SERVICES = frozenset({"github", "sarif"})


@verb("audit")
@click.argument("name", required=False)
@format_option(
    "text",
    "json",
    "in-toto",
    "github",
    "sarif",
    text="Output format; in-toto: one Statement with SLSA provenance per line, to be signed; "
    "github: annotations in GitHub Actions; sarif: SARIF 2.1.0.",
)
@click.option(
    "--remeasure",
    is_flag=True,
    help="Measure the metrics of baselines again. Runs the declared functions, in a new process.",
)
@quiet_option("Print the findings without the evidence for each file.")
@root_option
@json_option
def command(  # noqa: PLR0913 - one for each option
    *, name: str | None, form: str, remeasure: bool, quiet: bool, root: Path | None, as_json: bool
) -> int:
    """Checks all golden files, or those called NAME, against their manifests, records and git history.

    Nothing of the project is run, except with --remeasure. Of files that git does not keep, the objects in
    the project's store are read and compared.

    A finding is broken (changed bytes, an edited manifest, a record that was rewritten or removed, a path
    that leads outside), weak (no reason, a dirty work tree, an unknown commit) or informational. Exits with 1
    if a finding is broken, else with 2 if --remeasure could not measure a baseline.

    \b
    Examples:
      harness audit
      harness audit minimal_v1 --format in-toto > minimal_v1.intoto.jsonl
    """
    from harness.core.provenance.audit import audit, is_broken
    from harness.core.provenance.evidence import gather

    form = chosen_form(form, as_json=as_json)
    with annotated(form):
        project = _project(root)
        evidence = gather(project, measure_again=remeasure)
    files = _chosen(project, evidence, name)
    shown = {file.path for file in files} | {evidence.history_path, REGISTRY}  # all files rely on these two
    findings = tuple(f for f in audit(evidence) if name is None or f.path in shown)
    if form in _FOR_SERVICES:
        from harness.report.ci.items import items_of_findings

        print_items(form, project, "audit", items_of_findings(findings))
    else:
        _SHOW["quiet" if quiet and form == "text" else form](files, findings)
    if is_broken(findings):
        return 1
    return 2 if any(file.remeasured is not None and file.remeasured.obstacle for file in files) else 0


def _project(root: Path | None) -> Project:
    """Return the project to audit. Its registry may be gone, for instance because its commit was reverted."""
    from harness.core.errors import UsageError
    from harness.core.provenance.git_reader import was_recorded

    try:
        return project_at(root)
    except UsageError:
        try:
            project = project_to_write(root)
        except UsageError:
            project = None
        if project is None or not was_recorded(project):
            raise
        return project


def _chosen(project: Project, evidence: Evidence, name: str | None) -> tuple[FileEvidence, ...]:
    """Return the evidence for the files called *name* (``golden/<name>.*``, or a path), or for all."""
    from harness.core.errors import UsageError

    files = evidence.files
    stems = {path: split_baseline_name(name_of(project, path))[0] for path in files}
    chosen = tuple(file for path, file in files.items() if name in {None, stems[path], path})
    if name is not None and not chosen:
        raise UsageError(
            "NAME",
            expected=f"one of {', '.join(sorted(set(stems.values())))}" if stems else "a registered file",
            found=repr(name),
            remedy="Give the name of a fixture, or a path from registry.json.",
        )
    return chosen


def _show_text(files: tuple[FileEvidence, ...], findings: tuple[AuditFinding, ...]) -> None:
    from harness.report.audit import evidence_lines
    from harness.report.terminal.screen import show_lines

    show_lines(line for file in files for line in evidence_lines(file))
    _show_findings(files, findings)


def _show_findings(files: tuple[FileEvidence, ...], findings: tuple[AuditFinding, ...]) -> None:
    from harness.report.audit import count_line, finding_lines, next_lines
    from harness.report.terminal.screen import show_lines

    show_lines([*finding_lines(findings), count_line(findings, len(files)), *next_lines(findings)])


def _show_json(files: tuple[FileEvidence, ...], findings: tuple[AuditFinding, ...]) -> None:
    from harness.core.provenance.audit import is_broken

    result = {
        "broken": is_broken(findings),
        "findings": [asdict(finding) for finding in findings],
        "files": [_plain(file) for file in files],
    }
    emit(result, as_json=True, render=lambda: None)


def _plain(file: FileEvidence) -> dict[str, Any]:
    """Return the evidence for one file for JSON."""
    return {
        "path": file.path,
        "state": file.state,
        "kind": file.entry.kind,
        "on_disk": file.on_disk and asdict(file.on_disk),
        "entry": {key: getattr(file.entry, key) for key in ("size", "sha256", "xxh128")},
        "source": file.declared and file.declared.manifest.source,
        "generator": file.declared and file.declared.manifest.generator,
        "records": file.records,
        "environment": file.environment,
        "cumulative": _plain_drift(file),
        "commits": [
            {key: getattr(commit, key) for key in ("id", "author", "at", "subject")}
            for commit in file.commits
        ],
    }


def _plain_drift(file: FileEvidence) -> dict[str, Any] | None:
    """Return the cumulative drift of a file, with its number of records and the day of its first version."""
    from msgspec.structs import asdict as parts

    from harness.core.recording.cumulative_drift import drift_of

    history = drift_of(file.records)
    if history is None:
        return None
    return {**parts(history.cumulative), "records": history.records, "since": history.since}


def _show_statements(files: tuple[FileEvidence, ...], findings: tuple[AuditFinding, ...]) -> None:
    """Print a compact statement per line; broken findings and what has no statement go to standard error."""
    import msgspec

    from harness.core.provenance.finding import Rank
    from harness.core.provenance.intoto import statements
    from harness.report.audit import finding_lines
    from harness.report.plain_lines import plain_json, plain_line

    broken = [finding for finding in findings if finding.rank is Rank.BROKEN]
    made = statements(files, {finding.path for finding in broken})
    for statement in made:
        click.echo(plain_json(msgspec.json.encode(statement, order="sorted").decode()))
    for line in finding_lines(broken):
        click.echo(line, err=True)
    stated = {subject["name"] for statement in made for subject in statement["subject"]}
    if missing := [file.path for file in files if file.path not in stated]:
        click.echo(plain_line(f"no statement: {', '.join(missing)}"), err=True)


_SHOW = {"text": _show_text, "quiet": _show_findings, "json": _show_json, "in-toto": _show_statements}
