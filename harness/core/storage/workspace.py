"""A repository's directory for what is not golden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.storage.atomic import writing_to

if TYPE_CHECKING:
    from pathlib import Path


def workspace(root: Path) -> Path:
    """Directory for staged files, the lock, a transaction, and what is remembered. Git ignores it."""
    folder = root / ".harness"
    ignore = folder / ".gitignore"
    with writing_to(ignore):
        folder.mkdir(exist_ok=True)
        if not ignore.exists() or not ignore.stat().st_size:  # a full disk once left it empty
            ignore.write_text("*\n", "utf-8")
    return folder
