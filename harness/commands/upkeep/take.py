"""``harness take``: what a pytest session on another machine obtained becomes golden."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import command_line, emit, json_option, project_at, root_option
from harness.core.system.ci import require_not_ci
from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.exchange.take_obtained import Taking


@verb("take")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--reason", help="Why it becomes golden; kept in the records. Required without --dry-run.")
@click.option("--dry-run", is_flag=True, help="Print what would be recorded, and change nothing.")
@click.option(
    "--golden-reset-drift",
    "restart",
    is_flag=True,
    help="Measure future cumulative drift from the versions recorded now.",
)
@root_option
@json_option
def command(  # noqa: PLR0913 - one for each option
    *,
    path: Path,
    names: tuple[str, ...],
    reason: str | None,
    dry_run: bool,
    restart: bool,
    root: Path | None,
    as_json: bool,
) -> int:
    """PATH is what CI has kept of a pytest session: a downloaded .harness/obtained/, or its .zip file.

    What failing checks obtained there is recorded here, as if the tests had run on this machine. NAMES are
    the golden names of what is wanted; without them, all of it is. The session must have compared with the
    golden files that this checkout has. The records say in which environment the data were made, and that
    they were not made again. Not in CI.

    \b
    Examples:
      harness take obtained.zip --dry-run
      harness take obtained.zip --reason "numpy 2.3"
      harness take obtained/ tests/test_waves/test_spectrum --reason "finer mesh"
    """
    from harness.core.exchange.take_obtained import prepare_taking, record_taking

    if not dry_run:
        require_not_ci()
        if reason is None:
            raise click.UsageError("Missing option '--reason'. Or list what would be recorded: --dry-run.")
    project = project_at(root)
    with tempfile.TemporaryDirectory() as folder:
        taking = prepare_taking(project, path, names, Path(folder), restart=restart)
        if not dry_run:
            record_taking(
                project,
                taking,
                reason=reason or "",
                command=command_line(),
                say=lambda line: click.echo(line, err=True),
            )
    result = {
        "taken": [
            {"name": check.stem, "test": check.test, "kind": check.kind, "lines": check.lines}
            for check in taking.taken
        ],
        "left": [{"name": one.stem, "test": one.test, "why": one.why} for one in taking.left],
        "recorded": [change.path for change in taking.changes],
        "session": {"at": taking.results.at, "environment": taking.results.environment},
        "dry_run": dry_run,
    }
    again = shlex.join(["harness", "take", str(path), *names]) if dry_run else None
    emit(result, as_json=as_json, render=lambda: show_lines(map(plain_line, _lines(taking, again))))
    return 0


def _lines(taking: Taking, again: str | None) -> Iterator[str]:
    """Yield what was recorded, or would be by the command *again*."""
    from harness.report.cumulative_drift import drift_history_line

    would = "would record" if again else "recorded"
    for change in taking.changes:
        yield f"{would} {change.path}: {change.abbreviated}"
        yield from (f"  {line}" for line in change.differences)
        if change.drift is not None:
            yield f"  {drift_history_line(change.drift)}"
    for one in taking.left:
        yield f"left {one.stem} ({one.test}): {one.why}"
    yield from _environment_lines(taking)
    if not taking.changes:
        yield "nothing to record: all of it is golden already"
    elif again:
        yield f'next: {again} --reason "..."'
    else:
        yield "They were not made again here. If pytest passes, commit golden/ and registry.json together."
        yield "next: pytest"


def _environment_lines(taking: Taking) -> Iterator[str]:
    """In what the other environment differs from this one."""
    from harness.core.system.environment import fingerprint

    there, here = taking.results.environment, fingerprint()
    names = [name for name in sorted(there.keys() | here.keys()) if there.get(name) != here.get(name)]
    changes = ", ".join(f"{name} {there.get(name, 'none')} (here {here.get(name, 'none')})" for name in names)
    yield f"from a pytest session of {taking.results.at}" + (f" with {changes}" if changes else "")
