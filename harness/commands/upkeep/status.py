"""``harness status``: how the golden files are, on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.commands.group import verb
from harness.commands.options import (
    FORMATS,
    annotated,
    chosen_form,
    emit,
    format_option,
    json_option,
    print_items,
    project_at,
    quiet_option,
    root_option,
    verbose_option,
)

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.registry.status import Status


@verb("status")
@quiet_option("Print the last line alone: the command to type next.")
@verbose_option("List every record and file, not the first few.")
@format_option("text", "json", "github", "junit", "sarif", text=FORMATS)
@root_option
@json_option
def command(*, form: str, root: Path | None, quiet: bool, verbose: bool, as_json: bool) -> int:
    """Shows what differs, the newest records, and the command to type next.

    Also files that no test uses, and baselines whose tolerances were not measured. Nothing of the project is
    run.

    Exits with 0 if all golden files match, 1 if one differs, 2 if harness cannot tell: a regeneration was
    interrupted, or a file is of another format.

    \b
    Example:
      harness status
    """
    from harness.core.registry.status import read_status

    form = chosen_form(form, as_json=as_json)
    with annotated(form):
        project = project_at(root)
        status = read_status(project)
    if form in {"text", "json"}:
        shown = form == "json"
        emit(_plain(status), as_json=shown, render=lambda: _show(status, quiet=quiet, verbose=verbose))
    else:
        from harness.report.ci.items import items_of_status

        print_items(form, project, "status", items_of_status(status))
    return status.exit_code


def _plain(status: Status) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "verdicts": [verdict._asdict() for verdict in status.verdicts],
        "recordings": [asdict(recording) for recording in status.recordings],
        "unreferenced": status.unreferenced,
        "uncalibrated": status.uncalibrated,
        "interrupted": status.interrupted is not None,
        "obstacle": status.obstacle or None,
        "next": status.next,
    }


def _show(status: Status, *, quiet: bool, verbose: bool) -> None:
    from harness.report.status import status_lines
    from harness.report.terminal.screen import show_lines

    lines = status_lines(status, every=verbose)
    show_lines(lines[-1:] if quiet else lines)
