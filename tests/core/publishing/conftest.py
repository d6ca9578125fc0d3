"""A project that is published, the archive of it, and an empty project that fetches it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from published_waves import make_empty, make_waves

from harness.core.publishing.dates import VARIABLE
from harness.core.publishing.pack import publish
from harness.core.publishing.selection import select_files
from harness.core.storage.project import Project


@pytest.fixture(autouse=True)
def _no_date(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture(scope="session")
def waves(tmp_path_factory) -> Project:
    return make_waves(tmp_path_factory.mktemp("published") / "waves")


@pytest.fixture(scope="session")
def published(waves) -> Path:
    pytest.importorskip("rocrate", reason="harness publish needs the extra publish")
    path = waves.root.parent / "waves.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(VARIABLE, raising=False)
        publish(select_files(waves, []), archive=path)
    return path


@pytest.fixture
def project(waves, tmp_path) -> Project:
    """A project that is published, and that a test may change."""
    shutil.copytree(waves.root, tmp_path / "waves", symlinks=True)
    return Project(tmp_path / "waves")


@pytest.fixture
def archive(published, tmp_path) -> Path:
    """The project, published."""
    return Path(shutil.copy(published, tmp_path / "waves.zip"))


@pytest.fixture
def empty(tmp_path) -> Project:
    return make_empty(tmp_path / "empty")
