"""Options and output that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.core.document import plain_json
from harness.core.project import Project, find_project

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


def emit(value: Any, *, as_json: bool, render: Callable[[], None]) -> None:
    """Print *value* as JSON, or let *render* show it to a person."""
    if as_json:
        click.echo(plain_json(value))
    else:
        render()
