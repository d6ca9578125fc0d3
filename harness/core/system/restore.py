"""How to get a damaged or missing file back: a command that works as it is printed, if git has the file."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote

from harness.core.errors import UnreadableError
from harness.core.system.git_objects import ask_git, is_in_repository


def restore_remedy(name: str | os.PathLike[str], *, otherwise: str = "") -> str:
    """Return the sentence that says how to get a file back.

    Parameters
    ----------
    name : str or path
        As an error shows it. What is not a path on disk, such as a file in a commit, gets no command.
    otherwise : str
        What else can be done, as a part of the sentence.

    Examples
    --------
    >>> restore_remedy("golden/scan.json of commit 2b1c3d4", otherwise="re-record it")
    'Restore it from git or from a copy, or re-record it.'
    """
    first = _restore(Path(name))
    return f"{first}, or {otherwise}." if otherwise else f"{first}."


def _restore(path: Path) -> str:
    if not (path.is_absolute() or os.path.lexists(path)):
        return "Restore it from git or from a copy"
    full = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    folder = next((above for above in full.parents if above.is_dir()), full.parent)
    if not is_in_repository(folder):
        return "Restore it from a copy"
    try:
        if not ask_git(folder, "--literal-pathspecs", "ls-files", "-z", "--", str(full)):
            return "Restore it from a copy, because git does not have it"
        top = Path(ask_git(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
    except UnreadableError:
        return "Restore it from a copy, because git cannot be asked for it"
    return f"Restore it with `{_command(full, folder, top)}`"


def _command(full: Path, folder: Path, top: Path) -> str:
    """Return the command, with a short path where the current directory is in the same repository."""
    here = Path.cwd()
    if os.path.realpath(here) == str(top) or Path(os.path.realpath(here)).is_relative_to(top):
        return f"git checkout -- {quote(os.path.relpath(full, here))}"
    return f"git -C {quote(str(folder))} checkout -- {quote(os.path.relpath(full, folder))}"
