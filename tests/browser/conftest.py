"""Chromium as the system has it, without a window; tests are skipped where there is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
AXE = REPOSITORY / "build/npm/node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="session")
def browser():
    """One browser for all tests of this process."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: the extra `dev` brings it"
    )
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no chromium on the path: install the package chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe():
    """The script of axe-core, which finds what keeps people from using a page."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm install --prefix build/npm axe-core")
    return AXE.read_text("utf-8")


@pytest.fixture(scope="session")
def drifted_page(drifted_template, tmp_path_factory):
    """The file of a page with real pictures."""
    for package in ("jinja2", "matplotlib"):
        pytest.importorskip(package, reason=f"{package} is not installed: the extra `report` brings it")
    from harness.core.storage.project import Project
    from harness.report.page.render import make_page

    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(make_page(Project(drifted_template)).text)
    return path


@pytest.fixture
def open_page(browser):
    """Open a file in a context of its own; at the end it must have made no error and no request."""
    contexts, complaints = [], []

    def visit(path: Path, *, quiet: bool = True, **settings: object):
        settings = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "no-preference", **settings}
        context = browser.new_context(**settings)
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        if quiet:
            page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if _is_foreign(request) else None)
        page.goto(path.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def _is_foreign(request) -> bool:
    return not request.url.startswith(("file:", "data:"))
