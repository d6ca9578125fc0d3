"""Options and output that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.core.errors import UsageError
from harness.core.storage.documents import plain_json
from harness.core.storage.project import Project, find_or_start_project, find_project

if TYPE_CHECKING:
    from collections.abc import Callable

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The repository; by default the nearest directory with a registry.json.",
)


def project_at(root: Path | None) -> Project:
    """The project that the user named, or the one that the current directory belongs to."""
    return Project(root.resolve()) if root else find_project()


def project_to_write(root: Path | None) -> Project:
    """The same, for a verb that may record the first golden file of all."""
    return Project(root.resolve()) if root else find_or_start_project()


def emit(value: Any, *, as_json: bool, render: Callable[[], None]) -> None:
    """Print *value* as JSON, or let *render* show it to a person."""
    if as_json:
        click.echo(plain_json(value))
    else:
        render()


def the_fixture(root: Path | None) -> Path:
    """The only golden fixture there is.

    Raises
    ------
    UsageError
        If there is none, or several.
    """
    from harness.core.registry.registry import read_registry

    project = project_at(root)
    entries = read_registry(project.registry).entries
    fixtures = [path for path, entry in entries.items() if entry.kind == "fixture"]
    if len(fixtures) != 1:
        raise UsageError(
            "FILE",
            expected="the name of a fixture",
            found=f"none, and {len(fixtures)} golden ones to choose from",
            remedy=f"Name one: {', '.join(fixtures)}." if fixtures else "Generate one first.",
        )
    return project.locate(fixtures[0])
