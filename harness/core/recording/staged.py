"""Files that tests want to become golden, before anything is decided about them."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.storage.atomic import make_directory, unwritable_on_error
from harness.core.storage.project import WORKSPACE, make_workspace
from harness.core.system.running import is_running

if TYPE_CHECKING:
    from harness.core.registry.format import Kind
    from harness.core.storage.project import Project

_STAGED = "staged"
_DAY_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that may become golden.

    Attributes
    ----------
    path : str
        Where it would be, as the registry has it.
    kind : Kind
    data : Path
        The file with its bytes.
    test : str
        The test that staged it; empty if none did.
    place : str
        The file and line in which it did.
    """

    path: str
    kind: Kind
    data: Path
    test: str = ""
    place: str = ""

    @property
    def directory(self) -> Path:
        """The directory that was made for the file: it may lie in directories of its own name."""
        above = (folder for folder in self.data.parents if folder.parent.parts[-2:] == (WORKSPACE, _STAGED))
        return next(above, self.data.parent)


def staging_directory(project: Project, owner: int | None = None) -> Path:
    """Make and return a new directory for staged files, on the golden files' own file system.

    What killed processes have left is removed first.

    Parameters
    ----------
    project : Project
    owner : int, optional
        Number of the process that needs the directory until it ends; the default is this one.
    """
    return directory_in(open_staging(project), owner)


def open_staging(project: Project) -> Path:
    """Return where staged files are kept, without what killed processes have left there.

    It asks git about the workspace, so that a session does this once, not once a check.
    """
    folder = make_workspace(project) / _STAGED
    make_directory(folder)
    _remove_abandoned(folder)
    return folder


def directory_in(staging: Path, owner: int | None = None) -> Path:
    """Make and return a new directory in *staging*, which :func:`open_staging` returned."""
    with unwritable_on_error(staging):
        return Path(tempfile.mkdtemp(prefix=f"{owner or os.getpid()}-{_machine()}-", dir=staging))


def _remove_abandoned(folder: Path) -> None:
    """Remove the directories whose process has ended."""
    for made in folder.iterdir():
        if _is_abandoned(made):
            shutil.rmtree(made, ignore_errors=True)


def _is_abandoned(made: Path) -> bool:
    owner, _, rest = made.name.partition("-")
    if not owner.isdecimal():
        return True  # of an older version, or not ours
    if rest.partition("-")[0] == _machine() and sys.platform != "win32":
        return not is_running(int(owner))
    # A container that shares the directory has processes of its own, and Windows cannot be asked like this.
    try:
        return time.time() - made.stat().st_mtime > _DAY_SECONDS
    except OSError:
        return False


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"
