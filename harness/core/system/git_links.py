"""Find files in commits through symbolic links, as a checkout would.

A link may lead to a file of the same commit, directly or over other links, or to the objects of git-annex.
What any other link leads to is not part of the commit.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from harness.core.system.git import BoundedStream, object_names
from harness.core.system.git_objects import GitFile, find_objects, read_files, trees_with_links
from harness.core.system.pointers import parse_annex_link

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Place = tuple[str, str]
"""A commit and a path from the top of the repository."""

_MAX_LINKS = 40  # one after the other, as in Linux


def trees_that_lead_elsewhere(folder: Path, trees: Iterable[str]) -> set[str]:
    """Return the directories with a link, at any depth, that is not one of git-annex.

    What such a directory has depends on the rest of the commit.
    """
    links = trees_with_links(folder, trees)
    blobs = set().union(*links.values())
    targets = dict(read_files(folder, blobs, BoundedStream.read)) if blobs else {}
    other = {blob for blob, target in targets.items() if parse_annex_link(target) is None}
    return {tree for tree, found in links.items() if found & other}


def find_files(folder: Path, places: Iterable[Place]) -> dict[Place, GitFile | None]:
    """Return the file at each place, through links.

    A link of git-annex is returned itself, because its target is the content's key. So is a link that leads
    to nothing in its commit. None if there is no file.

    Raises
    ------
    UnreadableError
        If git fails.
    """
    wanted = list(dict.fromkeys(places))
    revisions = [f"{commit}:{path}" for commit, path in wanted]
    names = object_names(folder, revisions, follow=True)
    found = {place: GitFile(name) if name else None for place, name in zip(wanted, names, strict=True)}
    found |= _find_links(folder, [place for place, file in found.items() if file is None])
    return found


def _find_links(folder: Path, places: Iterable[Place]) -> dict[Place, GitFile | None]:
    """Return the links at places that lead to nothing in their commits.

    Of a chain it is the first, or the last if that is one of git-annex.
    """
    found: dict[Place, GitFile | None] = {}
    now = {place: place[1] for place in places}  # the link of each chain that is looked at
    for _ in range(_MAX_LINKS):
        links = _links_at(folder, {(commit, path) for (commit, _), path in now.items()})
        texts = dict(read_files(folder, set(links.values()), BoundedStream.read)) if links else {}
        after = {}
        for place, path in now.items():
            blob = links.get((place[0], path))
            if blob is None:
                found.setdefault(place, None)
                continue
            link, target = GitFile(blob, is_link=True), texts[blob]
            if parse_annex_link(target):
                found[place] = link
                continue
            found.setdefault(place, link)
            following = _following(path, target)
            if following:
                after[place] = following
        now = after
        if not now:
            break
    return found


def _links_at(folder: Path, places: Iterable[Place]) -> Mapping[Place, str]:
    """Return the object at each place whose last part is a link; directories may be reached through links."""
    above = {place: f"{place[0]}:{posixpath.dirname(place[1])}" for place in places}
    trees = find_objects(folder, list(dict.fromkeys(above.values())), follow=True)
    inside = {
        place: f"{trees[revision]}:{posixpath.basename(place[1])}"
        for place, revision in above.items()
        if trees[revision]
    }
    blobs = find_objects(folder, list(dict.fromkeys(inside.values())))
    return {place: blob for place, revision in inside.items() if (blob := blobs[revision])}


def _following(path: str, target: bytes) -> str | None:
    """Return where a link leads; None if out of the commit.

    Each ``..`` is left for git, which knows what the directory before it is a link to.
    """
    text = target.decode("utf-8", "replace").replace("\n", "\ufffd")
    if text.startswith("/"):
        return None
    folder = posixpath.dirname(path)
    if folder:
        return f"{folder}/{text}"
    plain = posixpath.normpath(text)  # git takes a path that begins with ./ or ../ for another one
    return None if plain.startswith("..") else plain
