"""``harness publish``: golden files, packed for others."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option, project_at, registered_path, root_option
from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.publishing.selection import Selection


@verb("publish")
@click.argument("names", nargs=-1)
@click.option("--output", type=click.Path(path_type=Path), help="Directory to make: an RO-Crate.")
@click.option("--archive", type=click.Path(path_type=Path), help="The same as a .zip file to make.")
@click.option("--title", default="", help="Title of the publication.  [default: Golden files of PROJECT]")
@click.option(
    "--date",
    help="Day of the publication, 2026-01-31.  [default: SOURCE_DATE_EPOCH, or that of the newest record]",
)
@click.option("--allow-dirty", is_flag=True, help="Publish files that have uncommitted changes.")
@root_option
@json_option
def command(  # noqa: PLR0913 - one for each option
    *,
    names: tuple[str, ...],
    output: Path | None,
    archive: Path | None,
    title: str,
    date: str | None,
    allow_dirty: bool,
    root: Path | None,
    as_json: bool,
) -> int:
    """NAMES are names or paths of golden files; without them, all are published.

    A fixture goes with its manifest, measured tolerances and baselines. Their records, the licence,
    CITATION.cff and the page that [tool.harness] names as contract are packed too, with SHA-256 sums, and
    metadata for Zenodo. The directory is an RO-Crate. The same golden files make the same bytes.

    Files that are not as recorded are refused. Needs the extra `publish`.

    \b
    Examples:
      harness publish --output crate
      harness publish minimal_v1 --archive minimal_v1.zip
      harness publish --archive golden.zip --date 2026-01-31
    """
    from harness.core.publishing.pack import publish
    from harness.core.publishing.selection import select_files

    project = project_at(root)
    wanted = [registered_path(project, word) for word in names]
    selection = select_files(project, wanted, title=title, date=date, allow_dirty=allow_dirty)
    digest = publish(selection, directory=output, archive=archive)
    result = {
        "title": selection.description.title,
        "licence": selection.description.licence,
        "authors": [person.full_name for person in selection.description.authors],
        "date": selection.date,
        "files": {path: file.entry.sha256 for path, file in selection.files.items()},
        "directory": output and str(output),
        "archive": archive and str(archive),
        "sha256": digest or None,
    }
    emit(
        result,
        as_json=as_json,
        render=lambda: show_lines(map(plain_line, _lines(selection, output, archive, digest))),
    )
    return 0


def _lines(selection: Selection, output: Path | None, archive: Path | None, digest: str) -> Iterator[str]:
    said, files = selection.description, selection.files
    megabytes = sum(file.entry.size for file in files.values()) / 1e6
    plural = "" if len(files) == 1 else "s"
    yield f"{said.title}: {len(files)} file{plural}, {megabytes:.1f} MB"
    yield f"  authors: {'; '.join(person.full_name for person in said.authors)}"
    yield f"  licence: {said.licence}"
    yield f"  date: {selection.date}"
    if selection.contract is None:
        yield "  no contract: [tool.harness] contract names the page that says what a dataset must have"
    if not said.single_licence:
        yield "  Zenodo takes one licence of its list: choose it there"
    if output is not None:
        yield f"wrote {output}"
    if archive is not None:
        yield f"wrote {archive}, {digest}"
    source = shlex.quote(str(archive or output))
    yield f'In another project: harness fetch {source} --reason "..."'
