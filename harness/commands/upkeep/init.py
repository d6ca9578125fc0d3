"""``harness init``: set up golden files in a project, asking before a file that exists is changed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.group import verb
from harness.commands.options import code_root, emit, json_option
from harness.core.errors import HarnessError, UsageError
from harness.core.storage.project import project_at
from harness.core.system.ci import require_not_ci
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.setup.starter import Step
    from harness.core.storage.project import Project


@verb("init")
@click.argument("directory", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do everything without asking.")
@click.option("--dry-run", is_flag=True, help="Print what would be done, and change nothing.")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The same as DIRECTORY, of a project that exists.",
)
@json_option
def command(*, directory: Path | None, yes: bool, dry_run: bool, root: Path | None, as_json: bool) -> int:
    """Makes golden/ and registry.json, a pre-commit hook, a CI job and a first test.

    Also extends pytest's settings in pyproject.toml, .gitattributes and .gitignore. DIRECTORY is the root of
    the project, and is made if there is none; by default the nearest directory with a pyproject.toml or .git.

    Asks before each file that exists is extended; no line of it is changed. What the project has already is
    left as it is, so that running this again changes nothing. If the project is in a directory of a git
    repository, the CI job and the hook belong at the repository's root: asks before anything is made there.
    The job is for GitHub, or for GitLab if the repository is there. In a git repository, also does what
    `harness install-git` does. Not in CI.

    \b
    Examples:
      harness init
      harness init packages/waves --dry-run
    """
    from harness.core.setup.starter import apply_step, plan_start

    if directory is not None and root is not None:
        raise click.UsageError("DIRECTORY and --root exclude each other.")
    project = project_at(code_root(directory or root))
    start = plan_start(project)
    if not dry_run:
        require_not_ci()
        if start.steps and not yes:
            _require_terminal()
    accepted = start.steps if yes or dry_run else _wanted(start.steps)
    skipped = [step.path for step in start.steps if step not in accepted]
    if not dry_run:
        for step in accepted:
            apply_step(project, step)
    done = not dry_run and ".gitattributes" not in skipped
    notes = [*start.notes, *_install_git(project, allowed=done)]
    result = {
        "made": [step.path for step in accepted if not step.exists],
        "extended": [step.path for step in accepted if step.exists],
        "skipped": skipped,
        "notes": notes,
        "next": _next(project),
        "dry_run": dry_run,
    }
    emit(result, as_json=as_json, render=lambda: _show(project, accepted, result))
    return 0


def _require_terminal() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "harness init",
            expected="a terminal, to ask before files are changed",
            found="none",
            message="harness init asks before it changes files, and there is no terminal to ask at",
            remedy="Give --yes to do everything, or --dry-run to see what that is.",
        )


def _wanted(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Ask about each step that needs an answer; leave out what names a file that is left out."""
    skipped: set[str] = set()
    for step in steps:
        if step.needs in skipped or not _is_wanted(step):
            skipped.add(step.path)
    return tuple(step for step in steps if step.path not in skipped)


def _is_wanted(step: Step) -> bool:
    """Ask about a file that exists, and about one outside of the project; other new ones are made."""
    if not (step.exists or step.is_outside):
        return True
    if step.exists:
        click.echo(f"{step.path} exists. These lines would be added:", err=True)
    else:
        click.echo(f"{step.path} is at the root of the git repository. It would be made with:", err=True)
    for line in step.added.splitlines():
        click.echo(f"  {line}".rstrip(), err=True)
    return click.confirm(f"{'Extend' if step.exists else 'Make'} {step.path}?", default=True, err=True)


def _install_git(project: Project, *, allowed: bool) -> list[str]:
    """Configure git's diff and merge, if that is *allowed*; return what is left to do about git."""
    from harness.core.registry.install_git import install, require_work_tree

    try:
        require_work_tree(project.root)
        if not allowed:
            return []
        install(project)
    except UsageError:
        return ["this is not a git repository: run `harness install-git` after `git init`"]
    except HarnessError as error:
        return [f"git is not configured: {error}"]
    return ["run `harness install-git` once in every other clone"]


def _next(project: Project) -> str:
    """Return the command to type next."""
    from harness.core.registry.registry import read_registry

    recorded = read_registry(project.registry).entries
    command = "harness status" if recorded else 'pytest --regen-all --golden-reason "first"'
    here = Path.cwd()
    if here.is_relative_to(project.root):
        return command
    folder = project.root.relative_to(here) if project.root.is_relative_to(here) else project.root
    return f"cd {shlex.quote(folder.as_posix())} && {command}"


def _show(project: Project, accepted: Sequence[Step], result: Mapping[str, Any]) -> None:
    from harness.report.plain_lines import plain_line

    show_lines([plain_line(f"in {project.root}:")])
    would = "would " if result["dry_run"] else ""
    for step in accepted:
        done = ("extend" if would else "extended") if step.exists else ("make" if would else "made")
        show_lines([f"  {would}{done} {step.path}"])
        if would or step.exists:
            for line in step.added.splitlines():
                show_lines([f"      {line}".rstrip()])
    for path in result["skipped"]:
        show_lines([f"  skipped {path}"])
    if not (accepted or result["skipped"]):
        show_lines(["  nothing to do"])
    for note in result["notes"]:
        show_lines([plain_line(f"note: {note}")])
    show_lines([f"next: {result['next']}"])
