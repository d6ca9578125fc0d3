"""Where the data of failing checks are kept, and whose they are: those of one pytest session at a time.

A check saves what it obtained under its golden name:
``.harness/obtained/tests/test_waves/test_spectrum.npz``. The first check of a session that does so
removes what an earlier session has left.
"""

from __future__ import annotations

import shutil
import stat
from typing import TYPE_CHECKING

from filelock import FileLock

from harness.core.errors import UnreadableError
from harness.core.storage.atomic import make_directory, replace_file, unwritable_on_error
from harness.core.storage.names import name_problem
from harness.core.storage.project import WORKSPACE, make_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.storage.project import Project

OBTAINED = f"{WORKSPACE}/obtained"

_OWNER, _LOCK = "obtained.session", "obtained.lock"
_LOCK_SECONDS = 60.0
_LONGEST_OWNER = 200


def obtained_directory(project: Project) -> Path:
    """Return where obtained data are kept; it may not exist.

    >>> from pathlib import Path
    >>> from harness import Project
    >>> obtained_directory(Project(Path("/repository"))).as_posix()
    '/repository/.harness/obtained'
    """
    return project.root / OBTAINED


def directory_to_write(project: Project) -> Path:
    """Make the directory if it does not exist, and return it.

    Raises
    ------
    RefusedError
        If the workspace is not this work tree's own: it has links, or git tracks it.
    UnwritableError
        If the directory cannot be made.
    """
    make_workspace(project)
    folder = obtained_directory(project)
    make_directory(folder)
    return folder


def claim(project: Project, session: str) -> Path:
    """Return the directory for what *session* obtains, without what other sessions have left there.

    All processes of a session may claim it at the same time, any number of times. If two sessions run side by
    side, it belongs to the one that claimed it last.

    Parameters
    ----------
    project : Project
    session : str
        A text that no other session has.

    Raises
    ------
    RefusedError, UnwritableError
        As :func:`directory_to_write`.
    """
    workspace = make_workspace(project)
    with unwritable_on_error(workspace / _LOCK), FileLock(workspace / _LOCK, timeout=_LOCK_SECONDS):
        if owner(project) != session:
            folder = obtained_directory(project)
            if folder.is_dir():
                with unwritable_on_error(folder):
                    shutil.rmtree(folder)
            replace_file(workspace / _OWNER, session.encode())
        return directory_to_write(project)


def owner(project: Project) -> str | None:
    """Return the session that claimed the directory last; None if none has, or it cannot be read."""
    try:
        with (project.workspace / _OWNER).open("rb") as stream:
            return stream.read(_LONGEST_OWNER).decode("utf-8", "replace") or None
    except OSError:
        return None


def plain_file(directory: Path, name: str) -> Path | None:
    """Return a file below a directory that may be anybody's; None if there is none.

    Raises
    ------
    UnreadableError
        If the name is not valid on every system, a part of the path is a link, or it is not a regular file.
    """
    if problem := name_problem(name, directories=True):
        raise _unreadable(name, f"a name with {problem}")
    path = directory
    for part in name.split("/"):
        path /= part
        try:
            mode = path.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(str(path), error.strerror or str(error)) from error
        if stat.S_ISLNK(mode):
            raise _unreadable(str(path), "a symbolic link")
    if not stat.S_ISREG(mode):
        raise _unreadable(str(path), "a directory, pipe or device")
    return path


def _unreadable(thing: str, found: str) -> UnreadableError:
    return UnreadableError(
        thing,
        expected="a file that pytest wrote",
        found=found,
        remedy="Remove it, then run pytest again.",
    )
