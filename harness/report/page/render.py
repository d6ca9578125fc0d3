"""The page as one HTML file: text escaped, style and script inside it, and nothing else allowed to run."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.core.errors import DependencyError, HarnessError
from harness.core.storage.atomic import replace_file
from harness.core.storage.project import make_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.domain.panels import PanelFunction
    from harness.core.sensitivity.stored_result import StoredResult
    from harness.core.storage.project import Project
    from harness.report.page.model import Page

DEFAULT_NAME = "report.html"

_POLICY = "default-src 'none'; img-src data:; style-src 'sha256-{style}'; script-src 'sha256-{script}'"


class MadePage(NamedTuple):
    """The bytes of a page, the command that it ends with, and its exit code."""

    text: bytes
    next: str
    exit_code: int


def make_page(project: Project) -> MadePage:
    """Return the page of a project.

    Nothing of the project is run; the domains that are installed draw their figures.

    Raises
    ------
    UnreadableError, StaleFormatError, RefusedError
        If the registry cannot be read. Any other file that cannot be read is shown as such.
    DependencyError
        If Jinja2 or matplotlib is not installed.
    """
    require_packages()
    from harness.core.overview.collect import collect_overview
    from harness.report.page.build import build_page

    problems: list[str] = []
    overview = collect_overview(project)
    sensitivity, panels = _sensitivity(project, problems), installed_panels(problems)
    page = build_page(overview, sensitivity=sensitivity, panels=panels, problems=problems)
    return MadePage(render_page(page).encode(), page.next, overview.exit_code)


def _sensitivity(project: Project, problems: list[str]) -> StoredResult | None:
    from harness.core.sensitivity.stored_result import load_result

    try:
        return load_result(project)
    except HarnessError as error:
        problems.append(str(error))
        return None


def installed_panels(problems: list[str]) -> tuple[PanelFunction, ...]:
    """Return the functions of installed domains, not those of the project, which would run its code."""
    from harness.core.domain.catalogue import find_catalogue

    try:
        return tuple(find_catalogue().load_panels().values())
    except HarnessError as error:
        problems.append(f"figures of installed domains: {error}")
        return ()


def write_page(project: Project, page: MadePage, path: Path | None = None) -> Path:
    """Write a page to *path*, by default to ``.harness/report.html`` of its project; return where it is.

    Raises
    ------
    UnwritableError, RefusedError
        If it cannot be written, or the workspace is not this work tree's own.
    """
    target = path or make_workspace(project) / DEFAULT_NAME
    replace_file(target, page.text)
    return target


def require_packages() -> None:
    """Raise :class:`DependencyError` unless all that the page needs can be imported."""
    try:
        import jinja2  # noqa: F401 - whether it can be imported is the question
        import matplotlib  # noqa: F401, ICN001 - likewise
    except ImportError as error:
        name = (error.name or str(error)).partition(".")[0]
        raise DependencyError(
            "the page",
            expected=f"the package {name}",
            found=str(error),
            message=f"the page needs {name}, which is not installed",
            remedy='Install it: pip install "golden-harness[report]".',
        ) from error


def render_page(page: Page) -> str:
    """Return the HTML of a page."""
    import jinja2

    from harness.report.page import strips, timeline

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_resource),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = _short
    style, script = _resource("page.css"), _resource("page.js")
    policy = _POLICY.format(style=_digest(style), script=_digest(script))
    template = environment.get_template("page.html.j2")
    return template.render(
        page=page, policy=policy, style=style, script=script, strips=strips, timelines=timeline
    )


def _resource(name: str) -> str:
    return resources.files("harness.report.page").joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _visible(value: Any) -> Any:
    r"""Return a text with control characters and marks of direction written out, such as ``\u202e``.

    What the template itself marks as safe, such as the style, is left as it is.
    """
    if type(value) is not str or value.isprintable():
        return value
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)


def _short(text: str, most: int) -> str:
    """Return a text of at most *most* characters, its middle left out if it is longer."""
    return text if len(text) <= most else f"{text[: most // 2]} [...] {text[-most // 2 :]}"
