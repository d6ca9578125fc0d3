"""``pytest --golden-report FILE``: the page of ``harness report``, written when the session ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.core.storage.project import Project


def page_file(word: str | None, project: Project) -> Path | None:
    """Return the file that ``--golden-report`` names; None if it was not given.

    Raises
    ------
    UsageError
        If it is a directory, or in the golden directory.
    DependencyError
        If a package that the page needs is not installed: no test should have to run to find that out.
    """
    if not word:
        return None
    path = Path(word).absolute()
    wrong = None
    if path.is_dir():
        wrong = "a directory"
    elif path.resolve().is_relative_to(project.golden.resolve()):
        wrong = f"a file below {project.golden_name}/"
    if wrong is not None:
        raise UsageError(
            f"--golden-report {word}",
            expected="a file outside of the golden directory",
            found=wrong,
            remedy="Choose another file, such as golden-report.html.",
        )
    from harness.report.page.render import require_packages

    require_packages()
    return path


def write_page_of(project: Project, path: Path) -> str:
    """Write the page of *project* to a file, and return a line that says so.

    Raises
    ------
    HarnessError
        As :func:`harness.report.page.render.make_page`, or if the file cannot be written.
    """
    from harness.report.page.render import make_page, write_page

    page = make_page(project)
    return f"{write_page(project, page, path)}: page of {len(page.text):,} bytes"
