"""``harness gc``: remove objects from the store that nothing names any more."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option, project_at, root_option
from harness.commands.stores.transfers import size_text
from harness.core.system.ci import require_not_ci
from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.core.registry.stored.garbage import Garbage
    from harness.core.storage.remote.store import StoredObject

_GRACE_DAYS = 14.0


@verb("gc")
@click.option("--dry-run", is_flag=True, help="List what would be removed, and remove nothing.")
@click.option(
    "--grace",
    "grace_days",
    type=click.FloatRange(min=0),
    default=_GRACE_DAYS,
    show_default=True,
    help="Keep what is younger than so many days.",
)
@root_option
@json_option
def command(*, dry_run: bool, grace_days: float, root: Path | None, as_json: bool) -> int:
    """An object is kept if its SHA-256 stands in any registry.json or history.jsonl of the repository.

    All branches, tags, stashes and reflogs of this clone count, its index, and what is on disk, in all work
    trees. So run `git fetch --all` first: what others have pushed counts only if this clone has it. What
    others have not pushed yet is kept by the grace period alone.

    The store must belong to this repository alone: objects that only another repository names would be
    removed. Give each repository a prefix of its own.

    Exits with 2, and removes nothing, in a shallow clone, without git, and in CI except with --dry-run.

    \b
    Examples:
      harness gc --dry-run
      harness gc --grace 30
    """
    from harness.core.registry.stored.cached_store import require_cached_store
    from harness.core.registry.stored.garbage import find_garbage, remove_objects
    from harness.core.storage.lock import write_lock

    if not dry_run:
        require_not_ci(
            "harness gc",
            "objects of a store are not removed",
            "Run it in a full clone of your own, or add --dry-run.",
        )
    project = project_at(root)
    store = require_cached_store(project).store
    removed: list[StoredObject] = []
    if dry_run:
        garbage = find_garbage(project, store, grace_days=grace_days)
    else:
        with write_lock(project, say=lambda line: click.echo(line, err=True)):
            garbage = find_garbage(project, store, grace_days=grace_days)
            remove_objects(store, garbage.removable, removed.append)
    result = {
        "removable": _plain(garbage.removable),
        "removed": [item.sha256 for item in removed],
        "recent": _plain(garbage.recent),
        "named": garbage.named,
        "dry_run": dry_run,
    }
    emit(
        result,
        as_json=as_json,
        render=lambda: show_lines(_lines(store.url, garbage, grace_days, dry_run=dry_run)),
    )
    return 0


def _plain(objects: Sequence[StoredObject]) -> list[dict[str, object]]:
    return [{"sha256": item.sha256, "size": item.size, "modified": _day(item)} for item in objects]


def _day(item: StoredObject) -> str | None:
    """When an object was stored, in UTC; None if the store does not know."""
    if item.modified is None:
        return None
    return datetime.fromtimestamp(item.modified, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _lines(url: str, garbage: Garbage, grace_days: float, *, dry_run: bool) -> Iterator[str]:
    done = "would remove" if dry_run else "removed"
    for item in garbage.removable:
        yield f"{done} {item.sha256}: {size_text(item.size)}, stored {(_day(item) or '')[:10]}"
    size = size_text(sum(item.size for item in garbage.removable))
    yield plain_line(f"{done} {_count(len(garbage.removable))}, {size}, from {url}")
    kept = f"kept {_count(garbage.named)} that the repository names"
    recent = f", and {len(garbage.recent)} that it does not, younger than {grace_days:g} days"
    yield f"{kept}{recent if garbage.recent else ''}"


def _count(number: int) -> str:
    return f"{number} object{'' if number == 1 else 's'}"
