"""pytest plugin: ``fixture_regression`` and ``metrics_regression``.

The comparison runs through pytest-regressions, with golden/ as the place it reads and a staging directory as
the place it writes. What tests stage is committed once, at the end of the session, by the one process that
no other reports to: pytest-xdist's workers hand their list to the controller.
"""

from __future__ import annotations

import math
import shlex
import sys
import typing
from typing import TYPE_CHECKING

import pytest

from harness.core.errors import HarnessError
from harness.core.storage.project import Project
from harness.plugin.hooks import Watch, WorkerWatch
from harness.plugin.session import GoldenSession, Settings, Unreferenced, require_permission

if TYPE_CHECKING:
    from pathlib import Path

    from harness.plugin.checks import FixtureRegression, MetricsRegression

_SESSION: pytest.StashKey[GoldenSession] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add this package's own options; --force-regen and --regen-all are pytest-regressions'."""
    group = parser.getgroup("golden files")
    group.addoption("--golden-reason", metavar="TEXT", help="Why golden files change; kept in registry.json.")
    group.addoption(
        "--golden-unreferenced",
        choices=("ignore", "warn", "reject"),
        help="What a full, passing run does about registered golden files that no test used.",
    )
    group.addoption(
        "--golden-max-walk",
        metavar="N",
        help="Record nothing that is more than N tolerances from its first recorded version; 0 for no limit.",
    )
    # No ini key: an origin that moves with every session would be none.
    group.addoption(
        "--golden-new-origin",
        action="store_true",
        help="Let what is recorded now be the first version that later walks are measured from.",
    )
    parser.addini("golden_dir", "Directory of the golden files, below the root.", default="golden")
    parser.addini("golden_reason", "Why golden files change, where --golden-reason is not given.", default="")
    parser.addini("golden_require_reason", "Refuse to record without a reason.", type="bool", default=False)
    parser.addini(
        "golden_unreferenced", "As --golden-unreferenced, where that is not given.", default="ignore"
    )
    parser.addini("golden_max_walk", "As --golden-max-walk, where that is not given.", default="0")


def pytest_configure(config: pytest.Config) -> None:
    """Find the project; refuse a session that must not write before its first test."""
    session = GoldenSession(Project(config.rootpath, str(config.getini("golden_dir"))), _settings(config))
    config.stash[_SESSION] = session
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(WorkerWatch(session, config), "harness-watch")
        return
    config.pluginmanager.register(Watch(session, config), "harness-watch")
    try:
        require_permission(session.project, session.settings)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture
def fixture_regression(request: pytest.FixtureRequest, tmp_path: Path) -> FixtureRegression:
    """Compare a fixture with its golden copy: ``fixture_regression.check(fixture)``."""
    from harness.plugin.checks import FixtureRegression

    return FixtureRegression(request, tmp_path, request.config.stash[_SESSION])


@pytest.fixture
def metrics_regression(request: pytest.FixtureRequest, tmp_path: Path) -> MetricsRegression:
    """Compare metrics with their baseline: ``metrics_regression.check(metrics, name)``."""
    from harness.plugin.checks import MetricsRegression

    return MetricsRegression(request, tmp_path, request.config.stash[_SESSION])


def _settings(config: pytest.Config) -> Settings:
    option = config.option
    return Settings(
        writes=bool(option.force_regen or option.regen_all),
        reason=option.golden_reason or str(config.getini("golden_reason")),
        require_reason=bool(config.getini("golden_require_reason")),
        unreferenced=_unreferenced(option.golden_unreferenced or config.getini("golden_unreferenced")),
        max_walk=_max_walk(option.golden_max_walk or str(config.getini("golden_max_walk"))),
        new_origin=option.golden_new_origin,
        command=shlex.join(["pytest", *sys.argv[1:]]),
    )


def _unreferenced(word: str) -> Unreferenced:
    if word not in typing.get_args(Unreferenced):
        words = ", ".join(typing.get_args(Unreferenced))
        raise pytest.UsageError(f"golden_unreferenced: expected one of {words}, found {word!r}.")
    return typing.cast("Unreferenced", word)


def _max_walk(number: str) -> float:
    try:
        limit = float(number)
    except ValueError:
        limit = math.nan
    if not 0 <= limit < math.inf:
        raise pytest.UsageError(
            f"golden_max_walk: expected a number of tolerances, 0 or more, found {number!r}."
        )
    return limit
