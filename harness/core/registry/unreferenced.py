"""Golden files that no test used: saved by the last full test run, and reported by the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import HarnessError
from harness.core.storage.atomic import remove, replace_file
from harness.core.storage.digest import digest_file
from harness.core.storage.documents import encode_document, read_document
from harness.core.storage.project import make_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.core.storage.project import Project

SCHEMA = 1


class _Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run found, and the digest of the registry at that time."""

    schema: int
    registry: str
    paths: tuple[str, ...]


def remember(project: Project, paths: Sequence[str]) -> None:
    """Save the registered files that a full, passing run did not use, where git ignores them."""
    seen = _Seen(SCHEMA, digest_file(project.registry), tuple(paths))
    replace_file(make_workspace(project) / _NAME, encode_document(seen))


def recall(project: Project) -> tuple[str, ...] | None:
    """Return what was saved; None if nothing was, or if the registry has changed or gone since."""
    try:
        seen = read_document(_path(project), _Seen, schema=SCHEMA)
        return seen.paths if seen.registry == digest_file(project.registry) else None
    except HarnessError:
        return None


def forget(project: Project) -> None:
    """Forget what was saved: files were removed or renamed, and a later registry may be the same as then."""
    if _path(project).is_file():
        remove(_path(project))


_NAME = "unreferenced.json"


def _path(project: Project) -> Path:
    """Return where it is saved, without making the directory."""
    return project.workspace / _NAME
