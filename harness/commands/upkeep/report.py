"""``harness report``: one HTML page that shows how the golden files are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.datasets.reading_options import reading_options
from harness.commands.group import verb
from harness.commands.options import emit, json_option, project_at, root_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.report.page.render import MadePage


@verb("report")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write.  [default: .harness/report.html, or the name of FILE with .html]",
)
@reading_options
@root_option
@json_option
def command(
    *, file: Path | None, output: Path | None, root: Path | None, as_json: bool, **options: Any
) -> int:
    """Shows verdicts, differences of the last pytest session, tolerances and records as pictures and tables.

    The page is one file that needs no network: open it in any browser, or send it to somebody. Nothing of the
    project is run. Needs the packages of `pip install "golden-harness[report]"`.

    With FILE, a dataset of any format that `harness convert --formats` lists, the page shows that dataset
    alone.

    Exits with 0 if all golden files match, 1 if one differs, 2 if harness cannot tell.

    \b
    Examples:
      harness report
      harness report --output build/golden.html
      harness report scan.cxi
    """
    from harness.report.page.render import make_page, write_page

    if file is not None:
        page, path = _of_file(file, output, options)
    else:
        project = project_at(root)
        page = make_page(project)
        path = write_page(project, page, output)
    result = {"path": path, "bytes": len(page.text), "next": page.next}
    emit(result, as_json=as_json, render=lambda: click.echo(f"{path}: {len(page.text):,} bytes"))
    return page.exit_code


def _of_file(file: Path, output: Path | None, options: Mapping[str, Any]) -> tuple[MadePage, Path]:
    """Write the page of one dataset, by default into the current directory; return it and its path."""
    from harness.commands.datasets.reading import read_data
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.storage.atomic import replace_file
    from harness.report.page.dataset_page import make_dataset_page

    page = make_dataset_page(file, read_data(file, find_catalogue(None), **options))
    path = output or Path(f"{file.stem}.html")
    replace_file(path, page.text)
    return page, path
