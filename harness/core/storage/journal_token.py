"""Whether this work tree wrote a transaction's journal, so that a clone or an archive cannot bring one along.

A work tree has a random token: in its git directory, or in its workspace if there is no repository. With it
is the inode of that directory, which a copy does not have. A journal with the token was written here.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from typing import TYPE_CHECKING

from harness.core.storage.atomic import replacing
from harness.core.system.git_objects import ask_git, is_in_repository

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.storage.project import Project

FOREIGN = "this journal was not written by this work tree"

_LARGEST_JOURNAL = 1 << 26
_OTHERS = 0o077
_GIT_NAME, _PLAIN_NAME = "harness-token", "token"


def work_tree_token(project: Project) -> str:
    """Return the token of the project's work tree; make it if there is none.

    Raises
    ------
    UnreadableError
        If the project is in a repository that git cannot read.
    UnwritableError
        If the token cannot be stored.
    """
    place = _places(project)[0]
    if token := _read_token(place):
        return token
    token = secrets.token_hex(16)
    with replacing(place) as draft:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(f"{token} {place.parent.stat().st_ino}\n")
    return token


def is_foreign_journal(project: Project) -> bool:
    """Whether the journal is one that this work tree did not write. False if it is not a JSON object at all.

    Raises
    ------
    UnreadableError
        If the project is in a repository that git cannot read.
    """
    try:
        state = os.lstat(project.journal)
        if not stat.S_ISREG(state.st_mode) or state.st_size > _LARGEST_JOURNAL:
            return True
        found = json.loads(project.journal.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and not is_own_token(project, found.get("token"))


def is_own_token(project: Project, token: object) -> bool:
    """Whether *token* is the one of the project's work tree."""
    return bool(token) and token in [_read_token(place) for place in _places(project)]


def _places(project: Project) -> list[Path]:
    """Return where the token may be; the first is where it is made."""
    plain = project.workspace / _PLAIN_NAME
    if not is_in_repository(project.root):
        return [plain]
    inner = ask_git(project.root, "rev-parse", "--git-path", _GIT_NAME).rstrip("\n")
    return [project.root / inner, plain]


def _read_token(place: Path) -> str | None:
    """Return the token at *place*; None if there is none, or if it was not made there by this user."""
    try:
        state = os.lstat(place)
        if not stat.S_ISREG(state.st_mode) or (os.name == "posix" and state.st_mode & _OTHERS):
            return None
        token, _, inode = place.read_text("ascii").strip().partition(" ")
        return token if inode == str(place.parent.stat().st_ino) else None
    except (OSError, ValueError):
        return None
