"""``harness report``: one HTML page that shows how the golden files are."""

from __future__ import annotations

from pathlib import Path

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option, project_at, root_option


@verb("report")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write.  [default: .harness/report.html]",
)
@root_option
@json_option
def command(*, output: Path | None, root: Path | None, as_json: bool) -> int:
    """Shows verdicts, differences of the last pytest session, tolerances and records as pictures and tables.

    The page is one file that needs no network: open it in any browser, or send it to somebody. Nothing of the
    project is run. Needs the packages of `pip install "golden-harness[report]"`.

    Exits with 0 if all golden files match, 1 if one differs, 2 if harness cannot tell.

    \b
    Examples:
      harness report
      harness report --output build/golden.html
    """
    from harness.report.page.render import make_page, write_page

    project = project_at(root)
    page = make_page(project)
    path = write_page(project, page, output)
    result = {"path": path, "bytes": len(page.text), "next": page.next}
    emit(result, as_json=as_json, render=lambda: click.echo(f"{path}: {len(page.text):,} bytes"))
    return page.exit_code
