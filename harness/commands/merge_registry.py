"""``harness merge-registry``: git's merge driver for registry.json. It imports neither numpy nor rich."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option
from harness.core.errors import HarnessError, StaleFormatError, UnreadableError
from harness.core.registry.format import Registry
from harness.core.registry.merge import encode_merge, merge_registries
from harness.core.registry.registry import read_registry
from harness.core.storage.atomic import is_regular, replace_file
from harness.core.system.git import run_git

if TYPE_CHECKING:
    from harness.core.registry.merge import Conflict, Meeting, Merge

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@verb("merge-registry")
@click.argument("base", type=_FILE)
@click.argument("ours", type=_FILE)
@click.argument("theirs", type=_FILE)
@click.argument("name", default="registry.json")
@click.option(
    "--marker-size",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    help="Length of conflict markers; git passes %L.",
)
@click.option(
    "--keep-base",
    is_flag=True,
    help="On a conflict, take the entry of BASE; git needs this to merge common ancestors.",
)
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    base: Path, ours: Path, theirs: Path, name: str, marker_size: int, *, keep_base: bool, as_json: bool
) -> int:
    """Merges the registries of two branches into the file OURS; BASE is their common ancestor.

    After `harness install-git`, git runs this command with `%O %A %B %P`. An entry that only one branch
    changed is taken from that branch. An entry that both branches changed differently is left between
    conflict markers, with exit code 1. So is one whose name differs from another only by case, without
    markers. If one of the files is not a registry, OURS gets git's own merge by
    lines, with exit code 2.

    \b
    Example:
      harness merge-registry base.json ours.json theirs.json
    """
    try:
        sides = [
            _read(side, path, name) for side, path in (("base", base), ("ours", ours), ("theirs", theirs))
        ]
    except HarnessError:
        _merge_lines(base, ours, theirs, marker_size)
        raise
    merge = merge_registries(*sides)
    merge = merge.kept_at_base() if keep_base else merge
    replace_file(ours, encode_merge(merge, marker_size=marker_size))
    problems: tuple[Conflict | Meeting, ...] = (*merge.conflicts, *merge.meetings)
    conflicts = [{"path": problem.path, "reason": problem.reason} for problem in problems]
    result = {"entries": len(merge.entries), "conflicts": conflicts}
    emit(result, as_json=as_json, render=lambda: _show(merge, name))
    return 1 if problems else 0


def _read(side: str, path: Path, name: str) -> Registry:
    """Return the registry of one side. Git passes an empty base if both branches added the file."""
    if side == "base" and is_regular(path) and not path.stat().st_size:
        return Registry({})
    try:
        return read_registry(path)
    except HarnessError as error:
        raise UnreadableError(
            f"{name} ({side})",
            expected=error.expected,
            found=error.found,
            remedy=_remedy(error),
        ) from error


def _remedy(error: HarnessError) -> str:
    """Return the next step. Only that of a stale format fits: others name git's temporary copy."""
    if isinstance(error, StaleFormatError):
        return error.remedy
    return "Fix the file on its branch and merge again, or resolve the conflict by hand."


def _merge_lines(base: Path, ours: Path, theirs: Path, marker_size: int) -> None:
    """Merge *ours* by lines, as git does without a driver, so that no line of either side is lost.

    *ours* is left unchanged if git is not installed or cannot merge the files by lines. A pipe or device is
    not given to git, which would wait for it.
    """
    if not all(map(is_regular, (base, ours, theirs))):
        return
    labels = ("-L", "ours", "-L", "base", "-L", "theirs")
    files = (str(path.absolute()) for path in (ours, base, theirs))
    run_git(Path(), "merge-file", "--quiet", f"--marker-size={marker_size}", *labels, *files)


def _show(merge: Merge, name: str) -> None:
    """Print the conflicts; print nothing if there are none, as git's own merge does."""
    for conflict in merge.conflicts:
        click.echo(f"{name}: conflict: {conflict.path}: {conflict.reason}")
    if merge.conflicts:
        click.echo("  Keep the entry and the golden file of the same side, then run `harness verify`.")
    for meeting in merge.meetings:
        click.echo(f"{name}: conflict: {meeting.path}: {meeting.reason}")
    if merge.meetings:
        click.echo("  Rename the golden file of one branch there, and merge again.")
