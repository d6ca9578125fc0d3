"""Small pictures of arrays that differ, as files beside a comment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from harness.core.storage.atomic import make_directory, unwritable_on_error

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from harness.core.fixtures.compare import ArrayDrift
    from harness.report.drawing.figure import Figure

MOST = 20
"""Arrays that are drawn; what is drawn takes a reviewer's time, too."""

_LONGEST = 40


class Picture(NamedTuple):
    """A written picture: of which array of which golden file, what it shows, its file and its words."""

    path: str
    array: str
    shows: str
    file: str
    alt: str


class Album:
    """Draws arrays while they are compared, and keeps which pictures there are.

    Attributes
    ----------
    pictures : list of Picture
    left_out : int
        Arrays that were not drawn because there are too many.
    """

    def __init__(self, folder: Path) -> None:
        """Make *folder*, if it does not exist.

        Raises
        ------
        DependencyError
            If matplotlib is not installed.
        UnwritableError
            If the directory cannot be made.
        """
        from harness.report.drawing.canvas import drawing

        with drawing():  # raises before anything is compared
            make_directory(folder)
        self._folder = folder
        self._drawn = 0
        self.pictures: list[Picture] = []
        self.left_out = 0

    def draw(self, path: str, drift: ArrayDrift, before: np.ndarray | None, after: np.ndarray | None) -> None:
        """Draw an array that differs: before, after and the difference, or one over the other.

        Numbers, text and tables are not drawn: the comment has them.

        Raises
        ------
        UnwritableError
            If a picture cannot be written.
        """
        if self._drawn == MOST:
            self.left_out += 1
            return
        from harness.report.page.array_views import views

        view = views(before, after, drift.name, drift.tolerance, most_slices=1)
        if not view.slices:
            return
        self._drawn += 1
        first = view.slices[0]
        shown = {"before": first.golden, "after": first.obtained, "difference": first.difference}
        if first.overlay:
            shown = {"before (golden) and after (obtained)": first.overlay}
        for word, figure in shown.items():
            if figure is not None:
                self._write(path, drift.name, word, figure)

    def _write(self, path: str, array: str, word: str, figure: Figure) -> None:
        parts = (f"{self._drawn:02}", _slug(path), _slug(array), _slug(word))
        file = self._folder / f"{'-'.join(filter(None, parts))}{figure.suffix}"
        with unwritable_on_error(file):
            file.write_bytes(figure.data)
        self.pictures.append(Picture(path, array, word, file.name, f"{array}, {word}: {figure.alt}"))


def _slug(text: str) -> str:
    """Return a part of a file name that every system and every address takes."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")
    return plain[-_LONGEST:].strip("-")
