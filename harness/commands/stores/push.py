"""``harness push``: send golden files to the project's store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option, project_at, root_option
from harness.commands.stores.transfers import (
    chosen_entries,
    counted_bytes,
    exit_code,
    jobs_option,
    plain_problems,
    problem_lines,
    size_text,
)
from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.core.registry.stored.pushing import Missing, Pushed


@verb("push")
@click.argument("names", nargs=-1)
@click.option("--dry-run", is_flag=True, help="List what the store lacks, and send nothing.")
@jobs_option
@root_option
@json_option
def command(names: tuple[str, ...], *, dry_run: bool, jobs: int, root: Path | None, as_json: bool) -> int:
    """Sends what the store lacks of the registered golden files, or of those called NAMES.

    The store is the one that pyproject.toml names: [tool.harness] store. What it has is never changed, and
    what it has already is not sent again. A recording does the same by itself, so that this is needed once,
    for files recorded before there was a store, and after a failure.

    Exits with 1 if the store lacks a file that is not here as registered, with 2 if the store cannot be
    reached or does not take a file.

    \b
    Examples:
      harness push
      harness push minimal_v1 --dry-run
    """
    from harness.core.registry.registry import read_registry
    from harness.core.registry.stored.pushing import Pushed, find_missing, push_entries

    project = project_at(root)
    entries = chosen_entries(project, read_registry(project.registry).entries, names)
    missing = find_missing(project, entries)
    pushed = Pushed((), {})
    if missing.here and not dry_run:
        total = sum({entry.sha256: entry.size for entry in missing.here.values()}.values())
        with counted_bytes("push", total) as progress:
            pushed = push_entries(project, missing.here, jobs=jobs, progress=progress)
    problems = {**missing.problems, **pushed.problems}
    result = {
        "sent": list(pushed.sent),
        "to_send": list(missing.here) if dry_run else [],
        "stored_before": missing.stored,
        "failed": plain_problems(problems),
        "dry_run": dry_run,
    }
    lines = list(_lines(missing, pushed, dry_run=dry_run))
    emit(result, as_json=as_json, render=lambda: show_lines([*lines, *problem_lines(problems)]))
    return exit_code(problems)


def _lines(missing: Missing, pushed: Pushed, *, dry_run: bool) -> Iterator[str]:
    """Yield what was sent, or would be."""
    paths = tuple(missing.here) if dry_run else pushed.sent
    for path in paths:
        size = size_text(missing.here[path].size)
        yield plain_line(f"{'would send' if dry_run else 'sent'} {path}: {size}")
    total = size_text(sum(missing.here[path].size for path in paths))
    what = f"{len(paths)} {'file' if len(paths) == 1 else 'files'}"
    if paths:
        yield f"{'would send' if dry_run else 'sent'} {what}, {total}; the store had {missing.stored}"
    elif not (missing.problems or pushed.problems):
        count = "the file" if missing.stored == 1 else f"all {missing.stored} files"
        yield f"nothing to send: the store has {count}"
