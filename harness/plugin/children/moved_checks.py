"""A pytest plugin for ``harness sensitivity``: every check of a fixture is repeated with moved arrays.

Only the process that :mod:`harness.core.sensitivity.golden_tests` starts loads it. Tests that use no
``fixture_regression`` are deselected there.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.core.sensitivity.generic_faults import judge_arrays
from harness.core.sensitivity.golden_tests import VARIABLE, Answer, Assignment
from harness.core.storage.npz import map_archive
from harness.plugin.fixture_check import FixtureRegression
from harness.plugin.stored_tolerances import applied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.core.fixtures.fixture import Fixture

_FIXTURES = frozenset({"arrays_regression", "fixture_regression"})


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Repeat every check of this session with moved arrays, until the session ends.

    Nothing is recorded, whatever PYTEST_ADDOPTS asks for, and the results of the user's last session stay.
    """
    config.option.golden_keeps_nothing = True
    for option in ("force_regen", "regen_all"):
        setattr(config.option, option, False)
    given = _assignment()
    _write(given)
    original = FixtureRegression.check
    FixtureRegression.check = _repeated(original, given)  # type: ignore[method-assign]
    config.add_cleanup(lambda: setattr(FixtureRegression, "check", original))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that use ``fixture_regression``, directly or by another fixture."""
    kept = [item for item in items if not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))]
    left_out = [item for item in items if item not in kept]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note what could not be collected: it may have the test of a golden file."""
    if report.failed:
        _write(_assignment(), Answer("", report.nodeid, passed=False))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that failed, perhaps before its check."""
    if report.failed:
        _write(_assignment(), Answer("", report.nodeid, passed=False))


def _assignment() -> Assignment:
    return msgspec.json.decode(os.environ[VARIABLE], type=Assignment)


def _repeated(check: Callable[..., None], given: Assignment) -> Callable[..., None]:
    @functools.wraps(check)
    def repeated(
        self: FixtureRegression,
        fixture: Fixture,
        tolerances: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        __tracebackhide__ = True
        file = self.relative(f"{fixture.name}.npz")
        if file not in given.files:
            check(self, fixture, tolerances, **options)
            return
        try:
            check(self, fixture, tolerances, **options)
        except BaseException:
            _write(given, Answer(file, self.test, passed=False))
            raise
        _write(given, Answer(file, self.test, passed=True, moves=_moves(self, fixture, tolerances, given)))

    return repeated


def _moves(
    check: FixtureRegression, fixture: Fixture, tolerances: Mapping[str, Any] | None, given: Assignment
) -> tuple[Any, ...]:
    name = f"{fixture.name}.npz"
    archive = check.project.golden / name
    golden, measured = map_archive(archive), applied(archive, tolerances)
    judged = judge_arrays(
        given.chosen(),
        check.relative(name),
        golden,
        {array: value for array, value in fixture.arrays.items() if array not in measured.report_only},
        tolerances={
            array: one for array, one in (measured.given or {}).items() if array not in measured.report_only
        },
        test=check.test,
    )
    return tuple(judged)


def _write(given: Assignment, *answers: Answer) -> None:
    """Append to this process's own file: pytest-xdist's workers write at the same time."""
    with Path(given.answers, f"{os.getpid()}.jsonl").open("ab") as file:
        file.writelines(msgspec.json.encode(answer) + b"\n" for answer in answers)
