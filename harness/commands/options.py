"""Options and helper functions that several verbs share."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.core.errors import UsageError
from harness.core.storage import project as projects
from harness.core.storage.documents import plain_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.storage.project import Project

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Root of the repository.  [default: the nearest directory with a registry.json]",
)
output_option = click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory to keep the files that the run writes.  [default: they are deleted]",
)


def project_at(root: Path | None) -> Project:
    """Return the project at *root*, or the one that the current directory belongs to."""
    return projects.project_at(root.resolve()) if root else projects.find_project()


def project_to_write(root: Path | None) -> Project:
    """Return the same project for a verb that may record the first golden file."""
    return projects.project_at(root.resolve()) if root else projects.find_or_start_project()


def command_line() -> str:
    """Return the command line of this process as a shell would take it."""
    return shlex.join(["harness", *sys.argv[1:]])


def emit(value: Any, *, as_json: bool, render: Callable[[], None]) -> None:
    """Print *value* as JSON, or call *render* to print it as text."""
    if as_json:
        click.echo(plain_json(value))
    else:
        render()


def the_fixture(root: Path | None) -> Path:
    """Return the path of the only golden fixture.

    Raises
    ------
    UsageError
        If there is no golden fixture, or more than one.
    """
    from harness.core.registry.golden_names import fixtures

    project = project_at(root)
    known = list(fixtures(project))
    if len(known) != 1:
        raise UsageError(
            "FILE",
            expected="the path of a fixture",
            found="none",
            message=f"no fixture is named, and the registry has {len(known) or 'none'}",
            remedy=f"Name one of {', '.join(map(project.relative, known))}."
            if known
            else "Record a fixture first.",
        )
    return known[0]
