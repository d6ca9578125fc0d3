"""Where a project is in its git repository, and which services run that repository's CI.

Nothing is asked of a network: the answers are in the repository's files and its configuration.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from harness.core.system.git_objects import try_git

GITHUB, GITLAB = "GitHub", "GitLab"
GITLAB_FILE = ".gitlab-ci.yml"

_HOST = re.compile(r"^(?:[a-z+]+://)?(?:[^/@]*@)?([^/:]+)[/:]")


class Place(NamedTuple):
    """A project's place in its repository.

    Attributes
    ----------
    top : Path
        Root of the git repository; the project's own root if it is in none.
    folder : str
        The project's directory, relative to ``top`` with / between its parts; empty if it is ``top``.

    Examples
    --------
    >>> Place(Path("/repository"), "packages/waves").above
    '../../'
    """

    top: Path
    folder: str

    @property
    def above(self) -> str:
        """The path from the project to ``top``: empty, or ``../`` as often as needed."""
        return "../" * len(PurePosixPath(self.folder).parts)

    @property
    def inside(self) -> str:
        """The path from ``top`` to the project: empty, or the folder and a /."""
        return f"{self.folder}/" if self.folder else ""


def find_place(root: Path) -> Place:
    """Return the place of the project at *root*, which need not exist yet.

    >>> Path("packages/waves").mkdir(parents=True)
    >>> Path(".git").mkdir()
    >>> find_place(Path("packages/waves").resolve()).folder
    'packages/waves'
    """
    tops = (folder for folder in (root, *root.parents) if os.path.lexists(folder / ".git"))
    top = next(tops, root)
    return Place(top, "" if top == root else root.relative_to(top).as_posix())


def services(place: Place) -> tuple[str, ...]:
    """Return the services that run the repository's CI, by its files and remotes; GitHub if none is known.

    >>> services(Place(Path.cwd(), ""))
    ('GitHub',)
    """
    hosts = _remote_hosts(place.top)
    on_gitlab = (place.top / GITLAB_FILE).exists() or any("gitlab" in host for host in hosts)
    on_github = (place.top / ".github").is_dir() or any("github" in host for host in hosts)
    found = [name for name, known in ((GITHUB, on_github), (GITLAB, on_gitlab)) if known]
    return tuple(found) or (GITHUB,)


def _remote_hosts(top: Path) -> list[str]:
    """Return the hosts of the repository's remotes; none if git cannot read it."""
    if not os.path.lexists(top / ".git"):
        return []
    listed = try_git(top, "config", "--get-regexp", r"^remote\..*\.url$").output.splitlines()
    matches = (_HOST.match(line.partition(" ")[2].lower()) for line in listed)
    return [match[1] for match in matches if match]
