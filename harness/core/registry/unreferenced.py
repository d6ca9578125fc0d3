"""Golden files that no test used, remembered from the last full run that looked, for an audit to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import HarnessError
from harness.core.storage.atomic import replace_file
from harness.core.storage.digest import digest_file
from harness.core.storage.documents import encode_document, read_document
from harness.core.storage.project import make_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.core.storage.project import Project

SCHEMA = 1


class _Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run saw, and the digest of the registry that it was true of."""

    schema: int
    registry: str
    paths: tuple[str, ...]


def remember(project: Project, paths: Sequence[str]) -> None:
    """Keep the registered files that a full, passing run did not use; git ignores where."""
    seen = _Seen(SCHEMA, digest_file(project.registry), tuple(paths))
    replace_file(make_workspace(project) / _NAME, encode_document(seen))


def recall(project: Project) -> tuple[str, ...] | None:
    """What was remembered; None where nothing was, or the registry is another one since."""
    try:
        seen = read_document(_path(project), _Seen, schema=SCHEMA)
    except HarnessError:
        return None
    return seen.paths if seen.registry == digest_file(project.registry) else None


_NAME = "unreferenced.json"


def _path(project: Project) -> Path:
    """Where it is kept: an audit makes no directory for it."""
    return project.workspace / _NAME
