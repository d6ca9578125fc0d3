"""A pytest plugin for ``harness calibrate``: every check measures how far it is from its golden values.

Only the process that :mod:`harness.core.rerun.calibration_runs` starts loads it. No check fails there, and
the inputs that tests declare get noise in the last bit if the run asks for it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.core.baselines.baseline import judge, read_baseline, require_metrics, with_tolerances
from harness.core.fixtures.tolerance import read_tolerances
from harness.core.registry.golden_names import tolerances_of
from harness.core.rerun.calibration_runs import FAILURES, VARIABLE, FailedTest, Job
from harness.core.rerun.deviations import relative_change
from harness.core.rerun.input_noise import InputNoise
from harness.core.storage.npz import map_archive, write_archive
from harness.plugin.children.switched_off import first_line, switch_off
from harness.plugin.fixture_check import FixtureRegression
from harness.plugin.golden_check import GoldenCheck
from harness.plugin.metrics_check import MetricsRegression
from harness.plugin.node_names import node_id
from harness.plugin.stored_tolerances import Applied, applied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.core.baselines.samples import ArraySample
    from harness.core.fixtures.fixture import Fixture

_FIXTURES = frozenset({"arrays_regression", "fixture_regression", "metrics_regression"})
_TEST = "harness_calibration_test"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have every check measure, until the session ends."""
    switch_off(config)
    job = _job()
    noise = InputNoise(job.noise)
    replaced: list[tuple[type, str, Any]] = [
        (GoldenCheck, "inputs", _inputs(noise)),
        (FixtureRegression, "check", _measure(job, noise)),
        (MetricsRegression, "check", _measure_metrics),
    ]
    originals = [(kind, name, kind.__dict__[name]) for kind, name, _ in replaced]
    for kind, name, function in replaced:
        setattr(kind, name, function)

    def restore() -> None:
        for kind, name, function in originals:
            setattr(kind, name, function)

    config.add_cleanup(restore)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the wanted tests."""
    job = _job()
    wanted = set(job.tests)
    kept = []
    for item in items:
        test = node_id(item, Path(job.root))
        item.user_properties.append((_TEST, test))
        uses = not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
        if test in wanted if wanted else uses:
            kept.append(item)
    left_out = [item for item in items if item not in kept]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that could not be collected."""
    if report.failed:
        _note("", f"{report.nodeid} could not be collected: {first_line(report.longrepr)}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that failed or was skipped, perhaps before its check."""
    if not report.passed:
        test = dict(report.user_properties).get(_TEST, report.nodeid)
        words = "it was skipped: " if report.skipped else ""
        _note(str(test), f"{words}{first_line(report.longrepr)}")


def _inputs(noise: InputNoise) -> Callable[..., Any]:
    def inputs(self: GoldenCheck, data: Any) -> Any:
        return noise.apply(self.test, data)

    return inputs


def _measure(job: Job, noise: InputNoise) -> Callable[..., None]:
    def check(
        self: FixtureRegression, fixture: Fixture, tolerances: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        archive = self.project.golden / f"{fixture.name}.npz"
        files = [f"{fixture.name}.npz", f"{fixture.name}.json"]
        self.bring(*files, tolerances_of(archive).relative_to(self.project.golden).as_posix())
        if not archive.is_file() or self.damaged(*files):
            _note(node_id(self.request.node, self.project.root), f"{self.shown(files[0])} is not as recorded")
            return
        measured = applied(archive, tolerances) if _is_intact(self, archive) else Applied(tolerances)
        self.take_sample(fixture, measured)
        plain = Path(job.plain, self.test.replace("/", "_"), f"{fixture.name}.npz")
        if job.is_plain:
            plain.parent.mkdir(parents=True, exist_ok=True)
            write_archive(plain, fixture.arrays)
        elif self.test in noise.changes and plain.is_file():
            _note_amplification(self, fixture, plain, noise.changes[self.test])

    return check


def _is_intact(check: FixtureRegression, archive: Path) -> bool:
    """Whether the measured tolerances beside an archive may be used: they are what was recorded."""
    file = tolerances_of(archive)
    return file.is_file() and not check.damaged(file.relative_to(check.project.golden).as_posix())


def _note_amplification(check: FixtureRegression, fixture: Fixture, plain: Path, change: float) -> None:
    """Add to the sample how much more each array has changed than the test's inputs."""
    collector = check.session.collector
    if collector is None or fixture.name not in collector.arrays.get(check.test, {}):
        return
    before = map_archive(plain)
    sample: ArraySample = collector.arrays[check.test][fixture.name]
    arrays = dict(sample.arrays)
    for name, known in sample.arrays.items():
        array = fixture.arrays.get(name)
        if array is None or known.unlike or name not in before or array.dtype.kind not in "biufc":
            continue
        if before[name].shape != array.shape or before[name].dtype != array.dtype:
            continue
        grown = relative_change(before[name], array) / change
        arrays[name] = msgspec.structs.replace(
            known, spread=msgspec.structs.replace(known.spread, amplification=grown)
        )
    collector.arrays[check.test][fixture.name] = msgspec.structs.replace(sample, arrays=arrays)


def _measure_metrics(  # noqa: PLR0913 - those of the check
    self: MetricsRegression,
    metrics: Mapping[str, float],
    name: str | None = None,
    tolerances: Mapping[str, Any] | None = None,
    *,
    controls: Mapping[str, Mapping[str, float]] | None = None,
    variant: str | None = None,
) -> None:
    name = self.baseline_name(name, variant)
    measured = require_metrics(f"metrics {name!r}", metrics, controls)
    golden = self.project.golden / f"{name}.json"
    self.bring(f"{name}.json")
    test = node_id(self.request.node, self.project.root)
    if not golden.is_file() or self.damaged(f"{name}.json"):
        _note(test, f"{self.shown(f'{name}.json')} is not as recorded")
        return
    given = read_tolerances(tolerances, set(measured), things="metrics")
    verdicts = judge(with_tolerances(read_baseline(golden), given), measured, controls)
    if self.session.collector is not None:
        self.session.collector.add_metrics(self.test, name, test, verdicts)


def _note(test: str, found: str) -> None:
    """Append to this process's own file: pytest-xdist's workers write at the same time."""
    with Path(_job().answers, f"{os.getpid()}.{FAILURES}").open("ab") as file:
        file.write(msgspec.json.encode(FailedTest(test, found)) + b"\n")


def _job() -> Job:
    return msgspec.json.decode(Path(os.environ[VARIABLE]).read_bytes(), type=Job)
