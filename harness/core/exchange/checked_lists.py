"""The files of a list of hashes, as they are on disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from harness.core.errors import RefusedError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.core.exchange.file_lists import Listed
    from harness.core.storage.project import Project

_BLOCK_BYTES = 1 << 20
_MOST_SHOWN = 5


class Place(str, Enum):
    """Where a listed file is, if it has the hash of the list."""

    GOLDEN = "golden"
    ELSEWHERE = "elsewhere"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Checked:
    """A listed file: its name in the list, where it is, and its path; None if it was not found."""

    name: str
    place: Place
    path: Path | None


def check_files(project: Project, folder: Path, listed: Sequence[Listed]) -> tuple[Checked, ...]:
    """Return where the files of a list in *folder* are.

    They are looked for in *folder*, then in the project's root.

    Raises
    ------
    RefusedError
        If a file has another hash than the list.
    """
    checked: list[Checked] = []
    wrong: list[str] = []
    for item in listed:
        candidates = (base / inner for base in (folder, project.root) for inner in item.paths)
        found = [file for file in candidates if file.is_file()]
        path = next((file for file in found if _digest(file, item.algorithm) == item.digest), None)
        if found and path is None:
            wrong.append(item.name)
        checked.append(Checked(item.name, _place(project, path), path))
    if wrong:
        more = f" and {len(wrong) - _MOST_SHOWN} more" if wrong[_MOST_SHOWN:] else ""
        raise RefusedError(
            wrong[0],
            expected="the hash of the list",
            found="another one",
            message=f"{len(wrong)} of {len(listed)} files do not have the hash of the list: "
            f"{', '.join(wrong[:_MOST_SHOWN])}{more}",
            remedy="Nothing was registered. Restore the files, or correct the list.",
        )
    return tuple(checked)


def _place(project: Project, path: Path | None) -> Place:
    if path is None:
        return Place.NOWHERE
    inside = path.absolute().is_relative_to(project.golden)
    return Place.GOLDEN if inside else Place.ELSEWHERE


def _digest(path: Path, algorithm: str) -> str:
    state = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                state.update(block)
    except OSError as error:
        raise UnreadableError(
            str(path), expected="a readable file", found=str(error), remedy="Correct its permissions."
        ) from error
    return state.hexdigest()
