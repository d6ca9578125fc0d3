"""``harness fetch`` without a publication: golden files come from the project's store."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from harness.commands.options import emit, project_at, registered_path
from harness.commands.stores.transfers import (
    chosen_entries,
    counted_bytes,
    exit_code,
    plain_problems,
    problem_lines,
    size_text,
)
from harness.core.errors import UsageError
from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from harness.core.registry.format import Entry
    from harness.core.registry.stored.fetching import Fetched
    from harness.core.storage.project import Project

_PUBLISHED = re.compile(r"(?i)doi:|https?://|10\.\d{4,9}/")


def is_publication(root: Path | None, words: tuple[str, ...], *, asked: bool) -> bool:
    """Whether a command line is about a publication: its options *asked* for one, or its first word is one.

    A golden file's name or path is not, also if there is a directory of the same name: ``./NAME`` is that.
    """
    if asked or not words:
        return asked
    if _PUBLISHED.match(words[0]):
        return True
    return not _is_golden(root, words[0]) and os.path.lexists(words[0])


def fetch_from_store(
    root: Path | None, words: tuple[str, ...], *, jobs: int, dry_run: bool, as_json: bool
) -> int:
    """Bring golden files here that only the store has; return the exit code.

    Raises
    ------
    UsageError
        If the project has no store, or no golden file has a given name.
    """
    from harness.core.registry.registry import read_registry
    from harness.core.registry.stored.cached_store import absent_files, require_cached_store
    from harness.core.registry.stored.fetching import Fetched, fetch_files

    project = project_at(root)
    entries = chosen_entries(project, read_registry(project.registry).entries, words)
    url = require_cached_store(project).store.url
    absent = absent_files(project, entries)
    fetched = Fetched((), {})
    if absent and not dry_run:
        total = sum({entry.sha256: entry.size for entry in absent.values()}.values())
        with counted_bytes("fetch", total) as progress:
            fetched = fetch_files(project, absent, jobs=jobs, progress=progress)
    left = [
        path for path in entries if words and path not in absent and not _is_right(project, entries, path)
    ]
    result = {
        "store": url,
        "fetched": list(fetched.placed),
        "to_fetch": list(absent) if dry_run else [],
        "here_before": len(entries) - len(absent),
        "failed": plain_problems(fetched.problems),
        "left": left,
        "dry_run": dry_run,
    }
    lines = [
        *_lines(absent, fetched, len(entries), dry_run=dry_run),
        *problem_lines(fetched.problems),
        *(plain_line(f"left: {path} is here with other bytes; delete it to fetch it") for path in left),
    ]
    emit(result, as_json=as_json, render=lambda: show_lines(lines))
    return exit_code(fetched.problems) or (1 if left else 0)


def _is_right(project: Project, entries: Mapping[str, Entry], path: str) -> bool:
    """Whether what is at a path is the registered file."""
    from harness.core.registry.verify import verifier
    from harness.core.verdict import Outcome

    return verifier(project, entries)(path).outcome is Outcome.SAME


def _is_golden(root: Path | None, word: str) -> bool:
    """Whether a word is the name or the path of a registered file."""
    from harness.core.recording.removal import select

    try:
        project = project_at(root)
        return bool(select(project, [registered_path(project, word)]))
    except UsageError:
        return False


def _lines(absent: Mapping[str, Entry], fetched: Fetched, count: int, *, dry_run: bool) -> Iterator[str]:
    """Yield what was fetched, or would be."""
    done = "would fetch" if dry_run else "fetched"
    paths = tuple(absent) if dry_run else fetched.placed
    for path in paths:
        yield plain_line(f"{done} {path}: {size_text(absent[path].size)}")
    if paths:
        what = f"{len(paths)} {'file' if len(paths) == 1 else 'files'}"
        yield f"{done} {what}, {size_text(sum(absent[path].size for path in paths))}"
    elif not fetched.problems:
        yield f"nothing to fetch: {'the file is' if count == 1 else f'all {count} files are'} here"
