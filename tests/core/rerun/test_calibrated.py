"""Runs and samples become tolerances only if they are of the golden files as they are: else one error."""

from __future__ import annotations

import msgspec
import pytest

from harness.core.baselines.array_tolerances import encode_tolerances
from harness.core.baselines.perturbations import PytestPerturbation
from harness.core.baselines.samples import MetricSample, MetricValue, Samples, Spread
from harness.core.errors import RefusedError, UsageError
from harness.core.fixtures.manifest import read_manifest
from harness.core.recording.staged import Staged
from harness.core.registry.registry import read_registry
from harness.core.rerun.calibrated import current_document, from_runs, from_samples
from harness.core.rerun.calibration_runs import TestRun
from harness.core.rerun.deviations import array_sample
from harness.core.storage.npz import read_archive

LINUX, MACOS = (
    {"platform": name, "cpu": "avx2", "numpy": "2.3"} for name in ("Linux x86_64", "Darwin arm64")
)
METRICS = "lattice.smooth"


@pytest.fixture
def sample(project):
    """What a session measures whose image is shifted."""
    golden = read_archive(project.golden / "lattice.npz")
    digest = read_manifest(project.golden / "lattice.json").digest

    def make(shift: float = 0.0, environment=LINUX, **changes) -> Samples:
        found = {**golden, "image": golden["image"] + golden["image"].dtype.type(shift)}
        rejected = frozenset(["image"] if shift > 0.5 else [])
        arrays = array_sample(digest, golden, found, test="test_lattice", rejected=rejected)
        values = {"mae": MetricValue(0.25, 0.25 + shift), "ssim": MetricValue(0.875, 0.875)}
        metrics = MetricSample(("test_smooth",), values)
        made = Samples(1, environment, {"lattice": arrays}, {METRICS: metrics})
        return msgspec.structs.replace(made, **changes)

    return make


def run(samples: Samples, **failures: str) -> TestRun:
    return TestRun(PytestPerturbation(), samples, failures)


def test_runs_become_a_row_of_this_platform_and_samples_of_metrics(project, sample):
    found = from_runs(project, [run(sample()), run(sample(1e-3))])
    (row,) = found.arrays["lattice"].platforms.values()
    assert row.runs == 2
    assert row.arrays["image"].absolute == pytest.approx(1e-3, rel=1e-3)
    assert found.metrics[METRICS].metrics["mae"].samples == (0.25, 0.25, 0.251)
    assert list(from_runs(project, [run(sample())] * 2, ["lattice"]).metrics) == []


def test_sessions_of_one_platform_are_one_row_and_the_same_file_counts_once(project, sample):
    given = {"a": sample(1e-3), "b": sample(2e-3), "again": sample(1e-3), "mac": sample(3e-3, MACOS)}
    rows = from_samples(project, given).arrays["lattice"].platforms.values()
    assert sorted((row.platform.system, row.runs) for row in rows) == [("Darwin", 1), ("Linux", 2)]


def test_a_plain_run_that_drifts_is_refused(project, sample):
    with pytest.raises(
        RefusedError, match="test_lattice does not pass without perturbations: lattice: image"
    ):
        from_runs(project, [run(sample(0.75)), run(sample(0.75))])


def test_an_array_that_a_run_lacks_is_refused_with_the_failure_of_its_test(project, sample):
    runs = [run(sample()), run(sample(arrays={}), other="no", test_lattice="it crashed")]
    with pytest.raises(RefusedError, match=r"lattice, run 2.*test_lattice failed: it crashed"):
        from_runs(project, runs)


def test_a_name_that_no_test_checks_is_refused(project, sample):
    with pytest.raises(UsageError, match="waves cannot be measured: no test checks it"):
        from_runs(project, [run(sample())], ["waves"])


def test_samples_of_a_golden_file_that_there_is_not_are_refused(project, sample):
    arrays = {"waves": sample().arrays["lattice"]}
    with pytest.raises(UsageError, match=r"mac.json: .*waves, which is not registered"):
        from_samples(project, {"mac.json": sample(arrays=arrays)})


def test_samples_of_another_golden_version_are_refused(project, sample):
    """Of arrays by their digest, of metrics by their golden value."""
    other = msgspec.structs.replace(sample().arrays["lattice"], golden="xxh128:" + "0" * 32)
    with pytest.raises(UsageError, match=r"mac.json was measured on another version of lattice"):
        from_samples(project, {"linux.json": sample(), "mac.json": sample(arrays={"lattice": other})})
    metrics = {"mae": MetricValue(0.5, 0.5), "ssim": MetricValue(0.875, 0.875)}
    with pytest.raises(UsageError, match=r"another version of lattice.smooth"):
        from_samples(project, {"mac.json": sample(metrics={METRICS: MetricSample(("t",), metrics)})})


@pytest.mark.parametrize(
    "change", [{"unlike": "expected float32 (4, 4), found float64 (4, 4)"}, {"shape": (7,)}]
)
def test_samples_of_another_dtype_or_shape_are_refused(project, sample, change):
    known = sample().arrays["lattice"]
    arrays = {**known.arrays, "image": msgspec.structs.replace(known.arrays["image"], **change)}
    with pytest.raises(RefusedError, match="image"):
        from_samples(
            project,
            {"mac.json": sample(arrays={"lattice": msgspec.structs.replace(known, arrays=arrays)})},
        )


@pytest.mark.parametrize("values", [{"mae": MetricValue(0.25, None)}, {}])
def test_a_metric_that_is_missing_or_not_finite_is_refused(project, sample, values):
    metrics = {METRICS: MetricSample(("t",), {"ssim": MetricValue(0.875, 0.875), **values})}
    with pytest.raises(RefusedError, match="metric 'mae'"):
        from_samples(project, {"mac.json": sample(metrics=metrics)})


def test_the_document_of_the_arrays_as_they_are_is_found(project, sample, record, tmp_path):
    with pytest.raises(UsageError, match="harness calibrate lattice"):
        current_document(project, "lattice")
    document = from_samples(project, {"a": sample(1e-3)}).arrays["lattice"]
    file = tmp_path / "document.json"
    file.write_bytes(encode_tolerances(document))
    record([Staged("golden/lattice.tolerances.json", "tolerances", file)])
    assert read_registry(project.registry).entries["golden/lattice.tolerances.json"].kind == "tolerances"
    assert current_document(project, "lattice") == document
    assert isinstance(document.arrays["image"].spread, Spread)
