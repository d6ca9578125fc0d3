"""A pytest plugin for ``harness sensitivity --mutants``: it notes what checks get, and how tests end.

Only processes that :mod:`harness.core.sensitivity.mutants.golden_run` starts load it. Checks compare as ever.
If coverage measures the process, lines are noted for the test, or the wider fixture, that executes them.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import sys
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.core.baselines.baseline import judge, read_baseline, with_tolerances
from harness.core.errors import HarnessError
from harness.core.fixtures.manifest import read_manifest
from harness.core.fixtures.tolerance import read_tolerances
from harness.core.registry.golden_names import manifest_of
from harness.core.sensitivity.mutants.answers import CONTEXT, HERE, VARIABLE, Ended, Handed, Job, write_answer
from harness.core.storage.npz import map_archive, write_archive
from harness.core.verdict import Outcome
from harness.plugin.children.switched_off import first_line, switch_off
from harness.plugin.fixture_check import FixtureRegression
from harness.plugin.metrics_check import MetricsRegression
from harness.plugin.node_names import golden_name, node_id, variant_name
from harness.plugin.session import DifferenceError
from harness.plugin.stored_tolerances import Applied, applied

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    import numpy as np

    from harness.core.fixtures.compare import Drift
    from harness.core.fixtures.fixture import Fixture

_FIXTURES = frozenset({"arrays_regression", "fixture_regression", "metrics_regression"})
_TEST = "harness_mutant_test"
_CONTEXTS = "harness_mutant_contexts"
_NOT_COLLECTED = "the test is not collected"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Note what checks get, until the session ends. Nothing is recorded, and no results are kept."""
    switch_off(config)
    config.option.golden_keeps_nothing = True
    config.option.maxfail = 0 if _job().is_clean else 1
    originals = FixtureRegression.check, MetricsRegression.check
    FixtureRegression.check = _noting_arrays(originals[0])  # type: ignore[method-assign]
    MetricsRegression.check = _noting_metrics(originals[1])  # type: ignore[method-assign]

    def restore() -> None:
        FixtureRegression.check, MetricsRegression.check = originals  # type: ignore[method-assign]

    config.add_cleanup(restore)
    config.pluginmanager.register(_Contexts(), "golden-harness-contexts")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the wanted tests, in the job's order; note those that are not there."""
    job, kept = _job(), []
    for item in items:
        test = node_id(item, Path(job.root))
        item.user_properties.append((_TEST, test))
        uses = not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
        if test in job.tests if job.tests else uses:
            kept.append(item)
    left_out = [item for item in items if item not in kept]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    order = {test: number for number, test in enumerate(job.tests)}
    items[:] = sorted(kept, key=lambda item: order.get(_test_of(item), 0))
    for test in sorted(set(job.tests) - {_test_of(item) for item in kept}):
        write_answer(job.answers, Ended(test, "failed", found=_NOT_COLLECTED))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that could not be collected."""
    if report.failed:
        found = f"{report.nodeid} could not be collected: {_reason(report.longrepr)}"
        write_answer(_job().answers, Ended("", "failed", found=found))


def _reason(longrepr: object) -> str:
    """Return the line of a failed import that says why, which is the last one that pytest marks."""
    marked = [line for line in str(longrepr).splitlines() if line.startswith("E ")]
    return marked[-1].removeprefix("E ").strip() if marked else first_line(longrepr)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note how long a test took, and in which contexts its lines are."""
    start = time.perf_counter()
    result = yield
    seconds = time.perf_counter() - start
    contexts = tuple(value for key, value in item.user_properties if key == _CONTEXTS)
    ended = item.stash.get(_ENDED, Ended(_test_of(item), "passed"))
    write_answer(
        _job().answers,
        msgspec.structs.replace(ended, seconds=seconds, contexts=tuple(map(str, contexts))),
    )
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Note how a test ended, if it did not pass, and by which exception."""
    report = yield
    if not report.passed and _ENDED not in item.stash:
        raised = call.excinfo.value if call.excinfo is not None else None
        item.stash[_ENDED] = Ended(
            _test_of(item),
            report.outcome,
            type(raised).__name__,
            isinstance(raised, HarnessError),
            first_line(report.longrepr),
        )
    return report


class _Contexts:
    """Which context coverage notes lines for: a number for each test, and for each fixture of more tests."""

    def __init__(self) -> None:
        self.count = 0
        self.of_fixtures: dict[int, str] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        own = self._next()
        _switch(own)
        item.user_properties.append((_CONTEXTS, own))
        try:
            return (yield)
        finally:
            _switch("")

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Generator[None, Any, Any]:  # noqa: ARG002
        if fixturedef.scope == "function":
            return (yield)
        before = os.environ.get(CONTEXT, "")
        self.of_fixtures[id(fixturedef)] = self._next()
        _switch(self.of_fixtures[id(fixturedef)])
        try:
            return (yield)
        finally:
            _switch(before)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Note the wider fixtures that a test has used."""
        used = getattr(getattr(item, "_request", None), "_fixture_defs", None)
        known = self.of_fixtures.items()
        ids = None if used is None else {id(fixture) for fixture in used.values()}
        contexts = [name for number, name in known if ids is None or number in ids]
        item.user_properties += [(_CONTEXTS, name) for name in contexts]

    def _next(self) -> str:
        self.count += 1
        return f"c{self.count}"


def _switch(context: str) -> None:
    os.environ[CONTEXT] = context
    coverage = sys.modules.get("coverage")
    measuring = coverage.Coverage.current() if coverage is not None else None
    if measuring is not None:
        measuring.switch_context(f"{HERE}{context}")


@contextmanager
def _answering(handed: Callable[[str], Handed]) -> Iterator[None]:
    """Run a check in the block; write what it was *handed*, which is asked for with how it ended."""
    outcome = Outcome.DRIFTED.value
    try:
        yield
        outcome = ""
    except DifferenceError:
        raise
    except BaseException:
        outcome = Outcome.UNKNOWN.value
        raise
    finally:
        write_answer(_job().answers, handed(outcome))


def _noting_arrays(check: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(check)
    def noting(
        self: FixtureRegression,
        fixture: Fixture,
        tolerances: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        __tracebackhide__ = True
        with _answering(lambda outcome: _handed_arrays(self, fixture, tolerances, outcome)):
            check(self, fixture, tolerances, **options)

    return noting


def _handed_arrays(
    check: FixtureRegression, fixture: Fixture, tolerances: Mapping[str, Any] | None, outcome: str
) -> Handed:
    file, test = check.relative(f"{fixture.name}.npz"), node_id(check.request.node, check.project.root)
    values = {name: spec.digest for name, spec in fixture.outline.arrays.items()}
    archive, clean = check.project.golden / f"{fixture.name}.npz", _clean(test, file, ".npz")
    if not archive.is_file():
        return Handed(test, file, values, outcome, None)
    same = _is_golden(fixture, archive)
    if _job().is_clean and not same:
        _keep_arrays(clean, fixture.arrays)
    measured = applied(archive, tolerances)
    away = {} if same else _distances(measured, archive, fixture.arrays)
    moved = _distances(measured, clean, fixture.arrays) if clean.is_file() else away
    name = max(sorted(away), key=lambda key: away[key], default="")
    shares = {key: _plain(share) for key, share in moved.items()}
    return Handed(test, file, values, outcome, _plain(away.get(name, 0.0)), name, shares)


def _is_golden(fixture: Fixture, archive: Path) -> bool:
    """Whether arrays are the golden ones to the last bit, as their digests say."""
    try:
        return read_manifest(manifest_of(archive)).digest == fixture.outline.digest
    except HarnessError:
        return False


def _keep_arrays(clean: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Keep what a clean run obtained, if it is not what is golden."""
    clean.parent.mkdir(parents=True, exist_ok=True)
    write_archive(clean, arrays)


def _distances(measured: Applied, archive: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, float]:
    """How many tolerances each array is from its copy in an archive, if its bits differ."""
    return _differences(measured.compare(map_archive(archive), arrays))


def _differences(drift: Drift) -> dict[str, float]:
    """How many tolerances each array differs by, if its bits differ."""
    return {
        array.name: array.in_tolerances if array.unequal_bits and not array.incomparable else math.inf
        for array in drift.arrays
        if array.unequal_bits or not array.accepted
    }


def _noting_metrics(check: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(check)
    def noting(  # noqa: PLR0913 - those of the check
        self: MetricsRegression,
        metrics: Mapping[str, float],
        name: str | None = None,
        tolerances: Mapping[str, Any] | None = None,
        *,
        controls: Mapping[str, Mapping[str, float]] | None = None,
        variant: str | None = None,
    ) -> None:
        __tracebackhide__ = True

        def handed(outcome: str) -> Handed:
            file = self.relative(f"{_baseline(self, name, variant)}.json")
            return _handed_metrics(self, file, metrics, tolerances, controls, outcome)

        with _answering(handed):
            check(self, metrics, name, tolerances, controls=controls, variant=variant)

    return noting


def _baseline(check: MetricsRegression, name: str | None, variant: str | None) -> str:
    """Return the name of the baseline of a check, which has asked for it already."""
    plain = name or f"{golden_name(node_id(check.request.node, check.project.root))}.metrics"
    return plain if variant is None else variant_name(plain, variant)


def _handed_metrics(  # noqa: PLR0913, PLR0917 - those of the check
    check: MetricsRegression,
    file: str,
    metrics: Mapping[str, float],
    tolerances: Mapping[str, Any] | None,
    controls: Mapping[str, Mapping[str, float]] | None,
    outcome: str,
) -> Handed:
    test = node_id(check.request.node, check.project.root)
    numbers = dict(_numbers(metrics, controls))
    values = {name: number.hex() for name, number in numbers.items()}
    golden, clean = check.project.root / file, _clean(test, file, ".json")
    if not golden.is_file():
        return Handed(test, file, values, outcome, None)
    baseline = with_tolerances(
        read_baseline(golden), read_tolerances(tolerances, set(metrics), things="metrics")
    )
    verdicts = judge(baseline, metrics, controls)
    if outcome and any(verdict.outcome is Outcome.COLLAPSED for verdict in verdicts):
        outcome = Outcome.COLLAPSED.value
    allowed = {name: metric.tolerance for name, metric in baseline.metrics.items()}
    away = {
        verdict.name: _share(verdict.distance, verdict.allowed)
        for verdict in verdicts
        if verdict.control is None and verdict.outcome is not Outcome.SAME
    }
    name = max(sorted(away), key=lambda key: away[key], default="")
    if _job().is_clean:
        clean.parent.mkdir(parents=True, exist_ok=True)
        clean.write_bytes(msgspec.json.encode(values))
    moved = _moved_metrics(clean, numbers, allowed) if clean.is_file() else {}
    return Handed(test, file, values, outcome, _plain(away.get(name, 0.0)), name, moved)


def _moved_metrics(
    clean: Path, numbers: Mapping[str, float], allowed: Mapping[str, float]
) -> dict[str, float | None]:
    before = {
        name: float.fromhex(value)
        for name, value in msgspec.json.decode(clean.read_bytes(), type=dict[str, str]).items()
    }
    return {
        name: _plain(
            _share(
                numbers.get(name, math.nan) - before.get(name, math.nan),
                allowed.get(name.rpartition("/")[2], 0.0),
            )
        )
        for name in sorted(before.keys() | numbers.keys())
        if before.get(name) != numbers.get(name)
    }


def _numbers(
    metrics: Mapping[str, float], controls: Mapping[str, Mapping[str, float]] | None
) -> Iterator[tuple[str, float]]:
    yield from ((name, float(value)) for name, value in metrics.items())
    for control, values in (controls or {}).items():
        yield from ((f"{control}/{name}", float(value)) for name, value in values.items())


def _share(distance: float, allowed: float) -> float:
    """How many tolerances a distance is; infinity if it cannot be counted in them."""
    return abs(distance) / allowed if allowed and math.isfinite(distance) else math.inf


def _plain(share: float) -> float | None:
    return share if math.isfinite(share) else None


def _clean(test: str, file: str, suffix: str) -> Path:
    """Where the clean run keeps what a test has handed to a check."""
    digest = hashlib.sha256(f"{test}\n{file}".encode()).hexdigest()
    return Path(_job().clean, f"{digest[:32]}{suffix}")


def _test_of(item: pytest.Item) -> str:
    return str(dict(item.user_properties).get(_TEST, item.nodeid))


_ENDED: pytest.StashKey[Ended] = pytest.StashKey()


def _job() -> Job:
    return _read_job(os.environ[VARIABLE])


@cache
def _read_job(path: str) -> Job:
    return msgspec.json.decode(Path(path).read_bytes(), type=Job)
