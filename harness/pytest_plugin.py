"""pytest plugin: the fixtures ``fixture_regression`` and ``metrics_regression``.

pytest-regressions runs the comparison; it reads golden/ and writes to a staging directory. Staged files are
recorded once, at the end of the session, by the main process: pytest-xdist's workers send their lists to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.core.errors import HarnessError
from harness.core.storage.project import Project
from harness.plugin.hooks import MainHooks, WorkerHooks
from harness.plugin.session import GoldenSession
from harness.plugin.settings import add_options, read_settings, require_permission

if TYPE_CHECKING:
    from pathlib import Path

    from harness.plugin.fixture_check import FixtureRegression
    from harness.plugin.metrics_check import MetricsRegression

_SESSION: pytest.StashKey[GoldenSession] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add this package's options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks; stop before the first test if the session must not write golden files."""
    session = GoldenSession(Project(config.rootpath, str(config.getini("golden_dir"))), read_settings(config))
    config.stash[_SESSION] = session
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(WorkerHooks(session, config), "harness-hooks")
        return
    config.pluginmanager.register(MainHooks(session, config), "harness-hooks")
    try:
        require_permission(session.project, session.settings)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture
def fixture_regression(request: pytest.FixtureRequest, tmp_path: Path) -> FixtureRegression:
    """Compare a fixture with its golden files: ``fixture_regression.check(fixture)``."""
    from harness.plugin.fixture_check import FixtureRegression

    return FixtureRegression(request, tmp_path, request.config.stash[_SESSION])


@pytest.fixture
def metrics_regression(request: pytest.FixtureRequest, tmp_path: Path) -> MetricsRegression:
    """Compare metrics with their baseline: ``metrics_regression.check(metrics, name)``."""
    from harness.plugin.metrics_check import MetricsRegression

    return MetricsRegression(request, tmp_path, request.config.stash[_SESSION])
