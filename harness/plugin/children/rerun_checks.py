"""A pytest plugin for recording and ``harness reproduce``: tests hand their arrays over, nothing is compared.

Only the process that :mod:`harness.core.rerun.rerun_tests` starts loads it.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.core.fixtures.fixture import write_fixture
from harness.core.rerun.rerun_tests import (
    FAILURES,
    NOT_COLLECTED,
    SAME,
    VARIABLE,
    Failure,
    Job,
    files_of,
)
from harness.plugin.children.switched_off import first_line, switch_off
from harness.plugin.fixture_check import FixtureRegression
from harness.plugin.metrics_check import MetricsRegression
from harness.plugin.node_names import node_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.fixtures.fixture import Fixture


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Collect the files of the wanted tests; replace the checks until the session ends."""
    switch_off(config)
    job = _job()
    config.args = files_of(job.wanted, Path(job.root))
    originals = (FixtureRegression.check, MetricsRegression.check)
    FixtureRegression.check = _hand_over(job)  # type: ignore[method-assign]
    MetricsRegression.check = _accept  # type: ignore[method-assign]

    def restore() -> None:
        FixtureRegression.check, MetricsRegression.check = originals  # type: ignore[method-assign]

    config.add_cleanup(restore)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the wanted tests, in the job's order; note those that there are not."""
    job = _job()
    order = {item.test: number for number, item in reversed(list(enumerate(job.wanted)))}
    tests = {item: node_id(item, Path(job.root)) for item in items}
    for test in order.keys() - set(tests.values()):
        _note(test, NOT_COLLECTED)
    left_out = [item for item in items if tests[item] not in order]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    items[:] = sorted((item for item in items if tests[item] in order), key=lambda item: order[tests[item]])
    for item in items:
        item.user_properties.append((VARIABLE, tests[item]))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that could not be collected."""
    if report.failed:
        _note("", f"{report.nodeid} could not be collected: {first_line(report.longrepr)}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that failed or was skipped, perhaps before its check."""
    if not report.passed:
        test = dict(report.user_properties).get(VARIABLE, report.nodeid)
        words = "it was skipped: " if report.skipped else ""
        _note(str(test), f"{words}{first_line(report.longrepr)}")


def _hand_over(job: Job) -> Callable[..., None]:
    wanted = {item.name: item for item in job.wanted}

    def check(_: FixtureRegression, fixture: Fixture, *__: Any, **___: Any) -> None:
        item = wanted.get(fixture.name)
        # A fixture with a generator is made again by that, in another process.
        if item is None or not fixture.outline.generator.is_test:
            return
        if fixture.outline.digest == item.known:
            _append(SAME, fixture.name)
            return
        folder = Path(item.folder)
        made = folder / "made"
        manifest = write_fixture(fixture, made)[1]
        answer = {"made": manifest.relative_to(made).as_posix()}
        (folder / "ended.json").write_text(json.dumps(answer), "utf-8")

    return check


def _accept(self: MetricsRegression, *_: Any, **__: Any) -> None:
    """Metrics are not compared in this process."""


def _note(test: str, found: str) -> None:
    _append(FAILURES, Failure(test, found))


def _append(kind: str, line: Failure | str) -> None:
    """Append to this process's own file: pytest-xdist's workers write at the same time."""
    with Path(_job().answers, f"{os.getpid()}.{kind}").open("ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")


def _job() -> Job:
    return _read_job(os.environ[VARIABLE])


@cache
def _read_job(path: str) -> Job:
    return msgspec.json.decode(Path(path).read_bytes(), type=Job)
