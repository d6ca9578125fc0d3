"""Files that tests want to become golden, before anything is decided about them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.storage.atomic import make_directory
from harness.core.storage.project import WORKSPACE, make_workspace

if TYPE_CHECKING:
    from harness.core.registry.format import Kind
    from harness.core.storage.project import Project

_STAGED = "staged"


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
    """

    path: str
    kind: Kind
    data: Path
    test: str = ""

    @property
    def directory(self) -> Path:
        """The directory that was made for the file: it may lie in directories of its own name."""
        above = (folder for folder in self.data.parents if folder.parent.parts[-2:] == (WORKSPACE, _STAGED))
        return next(above, self.data.parent)


def staging_directory(project: Project) -> Path:
    """Make and return a new directory for staged files, on the golden files' own file system."""
    folder = make_workspace(project) / _STAGED
    make_directory(folder)
    return Path(tempfile.mkdtemp(dir=folder))
