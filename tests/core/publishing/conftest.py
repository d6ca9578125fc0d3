"""A project that is published, the archive of it, and an empty project that fetches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from published_waves import make_empty, make_waves

from harness.core.publishing.dates import VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.storage.project import Project


@pytest.fixture(autouse=True)
def _no_date(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def project(tmp_path) -> Project:
    return make_waves(tmp_path / "waves")


@pytest.fixture
def empty(tmp_path) -> Project:
    return make_empty(tmp_path / "empty")


@pytest.fixture
def archive(project, tmp_path) -> Path:
    """The project, published."""
    pytest.importorskip("rocrate", reason="harness publish needs the extra publish")
    from harness.core.publishing.pack import publish
    from harness.core.publishing.selection import select_files

    path = tmp_path / "waves.zip"
    publish(select_files(project, []), archive=path)
    return path
