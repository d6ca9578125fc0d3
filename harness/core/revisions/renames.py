"""Which removed golden file and which added one are the same file under two names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from harness.core.revisions.sides import Side


def find_renames(
    before: Side, after: Side, removed: Iterable[str], added: Iterable[str]
) -> Mapping[str, str]:
    """Return the old path of each renamed file, by its new path.

    The records of a file say from where it was renamed; without such records, files with the same bytes are
    taken for one file.
    """
    gone, new = set(removed), sorted(added)
    by_records = {path: old for path in new for old in _old_paths(after, path) if old in gone}
    by_content = _same_content(
        sorted(gone - set(by_records.values())),
        [path for path in new if path not in by_records],
        before.sha256,
        after.sha256,
    )
    return {**by_records, **by_content}


def _old_paths(side: Side, path: str) -> Iterator[str]:
    """Yield the paths that a file had, the newest last."""
    entry = side.entries.get(path)
    if entry is None:
        return
    for record in side.history.chain(path, entry.record):
        if record.moved_from:
            yield record.moved_from


def _same_content(
    gone: list[str], new: list[str], old_digest: Callable[[str], str], new_digest: Callable[[str], str]
) -> dict[str, str]:
    if not gone or not new:
        return {}
    known: dict[str, list[str]] = {}
    for path in reversed(gone):
        known.setdefault(old_digest(path), []).append(path)
    found = {}
    for path in new:
        candidates = known.get(new_digest(path))
        if candidates:
            found[path] = candidates.pop()
    return found
