"""``harness export``: the golden files' hashes as a list that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option, project_at, root_option
from harness.core.errors import RefusedError

if TYPE_CHECKING:
    from harness.core.exchange.file_lists import Format
    from harness.core.storage.project import Project


@verb("export")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["pooch", "sha256sum"]),
    required=True,
    help="A registry file of pooch, or lines that `sha256sum -c` reads.",
)
@root_option
@json_option
def command(*, file: Path | None, form: Format, root: Path | None, as_json: bool) -> int:
    """Prints the list, or writes it to FILE, which is replaced.

    Names are relative to the project's root, sorted. Hashes are those of registry.json: `harness verify`
    compares the files with them.

    \b
    Examples:
      harness export --format pooch src/waves/registry.txt
      harness export --format sha256sum | sha256sum -c
    """
    from harness.core.exchange.file_lists import write_list
    from harness.core.registry.registry import read_registry
    from harness.core.storage.atomic import replace_file

    project = project_at(root)
    entries = read_registry(project.registry).entries
    text = write_list(entries, form)
    if file is not None:
        _require_other(project, file)
        replace_file(file, text.encode())
    result = {
        "format": form,
        "file": None if file is None else str(file),
        "hashes": {path: entries[path].sha256 for path in sorted(entries)},
    }
    emit(result, as_json=as_json, render=lambda: _show(text, file, len(entries)))
    return 0


def _require_other(project: Project, file: Path) -> None:
    """Raise if the list would replace the registry or a golden file."""
    absolute = file.absolute()
    if absolute == project.registry or absolute.is_relative_to(project.golden):
        raise RefusedError(
            str(file),
            expected=f"a file that is neither registry.json nor below {project.golden_name}/",
            found="one that is",
            remedy="Choose another path.",
        )


def _show(text: str, file: Path | None, count: int) -> None:
    if file is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"wrote the hashes of {count} golden files to {file}")
