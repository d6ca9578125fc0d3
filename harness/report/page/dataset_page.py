"""The page of one dataset that is not golden: its arrays and the figures of its domain, and what was read."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.overview.collect import collect_overview
from harness.core.registry.format import Registry, encode_registry
from harness.core.registry.registry import describe_file
from harness.core.storage.digest import digest_source
from harness.core.storage.project import Project
from harness.report.page.build import build_page
from harness.report.page.render import MadePage, installed_panels, render_page, require_packages

if TYPE_CHECKING:
    from harness.core.data_files import DataFile
    from harness.report.page.model import Item, Page

NOT_COMPARED = "not compared"
NO_RECORD = f"sha256:{0:064}"


def make_dataset_page(path: Path, data: DataFile) -> MadePage:
    """Return the page of the dataset that was read from the file at *path*.

    It is built like the page of a project with one fixture, in a directory that is gone afterwards.

    Raises
    ------
    DependencyError
        If Jinja2 or matplotlib is not installed.
    RefusedError
        If an array cannot be stored.
    """
    require_packages()
    problems: list[str] = []
    panels = installed_panels(problems)
    with TemporaryDirectory() as folder:
        overview = collect_overview(_project(Path(folder), path, data))
        page = build_page(overview, panels=panels, problems=problems)
        shown = _of_dataset(page, path, data)
    return MadePage(render_page(shown).encode(), shown.next, 0)


def _project(root: Path, path: Path, data: DataFile) -> Project:
    """Make a project whose only golden file has the dataset's arrays, and return it."""
    project = Project(root)
    fixture = make_fixture(
        re.sub(r"[^A-Za-z0-9_-]+", "_", path.stem).strip("_-") or "dataset",
        data.arrays,
        generator=Generator("file", 1),
        source=Source(path.name, digest_source(path)),
        transformations=data.notes,
    )
    archive, manifest = write_fixture(fixture, root / project.golden_name)
    entries = {
        project.relative(archive): describe_file(archive, "fixture", NO_RECORD),
        project.relative(manifest): describe_file(manifest, "manifest", NO_RECORD),
    }
    project.registry.write_bytes(encode_registry(Registry(entries)))
    return project


def _of_dataset(page: Page, path: Path, data: DataFile) -> Page:
    """Return the page with what it says of golden files replaced by what was read."""
    count = len(data.arrays)
    arrays = f"{count} array{'' if count == 1 else 's'}"
    return page._replace(
        project=path.name,
        counts=(),
        headline=f"{data.format[:1].upper()}{data.format[1:]} with {arrays}. Nothing was compared with it.",
        next_text="Type next:",
        next=f"harness check {path.name}",
        left_out=(*data.notes, *page.left_out),
        items=tuple(_as_dataset(item, path) for item in page.items),
        recordings=(),
        blind_spots=(),
        is_dataset=True,
    )


def _as_dataset(item: Item, path: Path) -> Item:
    return item._replace(name=path.name, kind="dataset", word=NOT_COMPARED, files=(), is_open=True)
