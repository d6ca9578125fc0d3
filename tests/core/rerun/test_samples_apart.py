"""What other machines measured is kept in the form that ``harness calibrate --samples`` reads."""

from __future__ import annotations

from types import SimpleNamespace

from harness.core.baselines.baseline import read_baseline
from harness.core.baselines.perturbations import Perturbation, Sample
from harness.core.baselines.samples import ArraySample, Deviation, Samples, Spread, read_samples
from harness.core.rerun.calibrated import from_samples
from harness.core.rerun.samples_apart import keep_samples, samples_of_pipeline, samples_of_tests
from harness.core.system.executors.interface import Apart

NAME = "optics/waves.smooth"
ELSEWHERE = {"platform": "Linux aarch64", "cpu": "asimd", "numpy": "1.99.0"}


def apart(value: float, perturbation: Perturbation, index: int = 0) -> Apart:
    run = SimpleNamespace(sample=Sample(perturbation, {"ssim": value}, {}))
    return Apart(index, "10.0.0.5:4000", ELSEWHERE, ("numpy 1.99.0 (2.3.1 here)",), run)


def test_runs_of_a_pipeline_are_samples_of_its_baseline(drifted):
    """They can be merged, and only widen a tolerance."""
    baseline = read_baseline(drifted.golden / f"{NAME}.json")
    value = baseline.metrics["ssim"].value
    runs = [apart(value + 2e-3, Perturbation(1)), apart(value, Perturbation(2, {"OMP_NUM_THREADS": "2"}))]
    files = keep_samples(drifted, samples_of_pipeline(NAME, baseline, runs))
    assert len(files) == 2
    assert all(file.startswith(".harness/samples/") for file in files)
    merged = from_samples(drifted, {file: read_samples(drifted.root / file) for file in files}).metrics[NAME]
    assert merged.metrics["ssim"].value == value
    assert merged.metrics["ssim"].tolerance > baseline.metrics["ssim"].tolerance
    assert "2" in [described.get("OMP_NUM_THREADS") for described in merged.certificate.perturbations]


def test_runs_with_other_seeds_are_no_samples(drifted):
    baseline = read_baseline(drifted.golden / f"{NAME}.json")
    assert samples_of_pipeline(NAME, baseline, [apart(1.0, Perturbation(1, seed=3))]) == []


def test_samples_of_tests_have_no_amplification():
    """It compares with the plain run, which was made elsewhere."""
    deviation = Deviation("float64", (3,), spread=Spread(1, 0.5, amplification=7.0))
    samples = Samples(1, ELSEWHERE, {"a": ArraySample("xxh128:0", ("t",), {"x": deviation})}, {})
    (found,) = samples_of_tests([Apart(0, "w", ELSEWHERE, (), SimpleNamespace(samples=samples))])
    assert found.arrays["a"].arrays["x"].spread == Spread(1, 0.5)
    assert found.environment == ELSEWHERE


def test_the_same_sample_is_kept_once(drifted):
    baseline = read_baseline(drifted.golden / f"{NAME}.json")
    run = apart(0.5, Perturbation(1))
    files = keep_samples(drifted, samples_of_pipeline(NAME, baseline, [run, run]))
    assert len(files) == 1
    assert [path.name for path in (drifted.workspace / "samples").iterdir()] == [files[0].rpartition("/")[2]]
