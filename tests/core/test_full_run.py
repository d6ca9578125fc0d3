"""The steps of a full run on a small example: each has the outcome that its data deserve."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from harness.core.baselines.baseline import Baseline, Control, Metric, encode_baseline
from harness.core.baselines.calibrate import calibrated_baseline, certificate
from harness.core.baselines.perturbations import Perturbation, Sample
from harness.core.domain.interface import PipelineResult, Stage
from harness.core.errors import RefusedError, UnreadableError
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source, read_manifest
from harness.core.full_run import compare_step, failed_step, generate_step, pipeline_step, verify_step
from harness.core.recording.staged import Staged
from harness.core.registry.golden_names import baselines, fixtures, manifest_of
from harness.core.storage.digest import digest_array
from harness.core.storage.npz import read_archive
from harness.core.verdict import Outcome, Verdict

FIELD = """
import numpy as np
from harness.core.fixtures.fixture import make_fixture
from harness.core.fixtures.manifest import Generator, Source

def lattice(*, size: int = 4, offset: float = 0.0):
    arrays = {"image": np.linspace(0.0, 1.0, size) + offset}
    call = Generator("field:lattice", 1, {"size": size, "offset": offset})
    return make_fixture("lattice", arrays, generator=call, source=Source("simulated", "xxh128:0"))
"""
BASELINE = Baseline(
    1,
    {"mae": Metric(0.25, 0.125), "ssim": Metric(0.75, 0.125)},
    {"flat": {"ssim": Control(0.25, 0.25)}},
    certificate("by hand", [{}]),
)


@pytest.fixture
def field(module):
    """A module with a generator that simulates, and one that reads a file."""
    module("field", FIELD)
    import field

    return field


@pytest.fixture
def recorded(empty, record, field, tmp_path):
    """A repository whose golden files come from that module."""
    archive, manifest = write_fixture(field.lattice(), tmp_path / "made")
    baseline = tmp_path / "made" / "baseline.json"
    baseline.write_bytes(encode_baseline(BASELINE))
    record(
        [
            Staged("golden/lattice.npz", "fixture", archive),
            Staged("golden/lattice.json", "manifest", manifest),
            Staged("golden/lattice.smooth.json", "baseline", baseline),
        ]
    )
    return empty


def pipeline(ssim: float, mae: float = 0.25, flat: float = 0.25, stages: tuple[Stage, ...] = ()):
    """A pipeline that reports the given metrics, whatever it is run on."""

    def run(fixture, output, *, progress=None):
        if progress:
            progress("infer", 1.0)
        return PipelineResult("smooth", {"ssim": ssim, "mae": mae}, {"flat": {"ssim": flat}}, stages, {})

    return run


def reading(image):
    """A stage that reports having read this image."""
    return (Stage("infer", 0.1, 10.0, {"image": digest_array(image)}),)


def test_an_unchanged_generator_gives_the_same(recorded, tmp_path, contents):
    """In every step, and no golden file is written."""
    before = contents(recorded.root)
    (golden,) = fixtures(recorded)
    manifest = read_manifest(manifest_of(golden))
    made = generate_step(recorded, manifest, tmp_path / "again")
    compared = compare_step(golden, tmp_path / "again")
    verified = verify_step(recorded)
    assert [step.outcome for step in (made, compared, verified)] == [Outcome.SAME] * 3
    assert (tmp_path / "again" / "lattice.npz").read_bytes() == golden.read_bytes()
    assert compared.drift is None
    assert len(verified.verdicts) == 3
    assert contents(recorded.root) == before


def test_a_fixture_is_compared_under_its_own_name(recorded, tmp_path):
    """A generator gives its fixture a name of its own, unless asked for another, which is not recorded."""
    (golden,) = fixtures(recorded)
    manifest = msgspec.structs.replace(read_manifest(manifest_of(golden)), name="other")
    made = generate_step(recorded, manifest, tmp_path / "again")
    assert made.outcome is Outcome.SAME
    assert read_manifest(tmp_path / "again" / "other.json").name == "other"
    assert read_archive(tmp_path / "again" / "other.npz").keys() == read_archive(golden).keys()


@pytest.mark.parametrize(
    ("offset", "outcome"), [(1e-8, Outcome.TOLERATED), (9e-8, Outcome.TOLERATED), (3e-7, Outcome.DRIFTED)]
)
def test_other_values_are_tolerated_or_have_drifted(recorded, made, tmp_path, offset, outcome):
    """When only digests differ in the manifest, as after a change of a library's rounding."""
    (golden,) = fixtures(recorded)
    manifest = read_manifest(manifest_of(golden))
    arrays = {"image": np.linspace(0.0, 1.0, 4) * (1 + offset)}
    moved = made(arrays=arrays, generator=manifest.generator, transformations=(), checks={})
    write_fixture(moved, tmp_path / "again")
    step = compare_step(golden, tmp_path / "again")
    assert step.outcome is outcome
    assert step.drift is not None
    assert not step.drift.identical


def test_another_version_of_the_generator_is_drift_even_with_the_same_arrays(recorded, made, field, tmp_path):
    fixture = field.lattice()
    newer = Generator("field:lattice", 2, dict(fixture.manifest.generator.parameters))
    write_fixture(
        made(arrays=fixture.arrays, generator=newer, transformations=(), checks={}), tmp_path / "again"
    )
    step = compare_step(recorded.golden / "lattice.npz", tmp_path / "again")
    assert step.outcome is Outcome.DRIFTED
    assert step.detail == "manifest generator.version: expected 1, found 2"


def test_a_missing_golden_file_fails_the_step(recorded):
    (recorded.golden / "lattice.npz").unlink()
    step = verify_step(recorded)
    assert step.outcome is Outcome.MISSING
    assert step.detail == "2 of 3 golden files match the registry"


@pytest.mark.parametrize(
    ("found", "outcome", "made"),
    [
        ([Outcome.SAME, Outcome.UNKNOWN], Outcome.UNKNOWN, False),
        ([Outcome.UNKNOWN, Outcome.CORRUPT], Outcome.CORRUPT, True),
    ],
)
def test_no_answer_of_the_store_is_not_a_difference(recorded, monkeypatch, found, outcome, made):
    """It may fall silent after the files that the run needs were fetched."""
    verdicts = tuple(Verdict(f"golden/{number}.npz", one) for number, one in enumerate(found))
    monkeypatch.setattr("harness.core.full_run.verify", lambda _: verdicts)
    step = verify_step(recorded)
    assert (step.outcome, step.made) == (outcome, made)


@pytest.mark.parametrize(
    ("run", "outcome", "count"),
    [
        (pipeline(0.75), Outcome.SAME, 3),
        (pipeline(0.8), Outcome.TOLERATED, 3),
        (pipeline(0.75, mae=0.5), Outcome.DRIFTED, 2),
        (pipeline(0.75, flat=0.75), Outcome.COLLAPSED, 2),
        (pipeline(float("nan")), Outcome.DRIFTED, 1),
    ],
)
def test_metrics_are_compared_with_the_baseline_and_the_control(recorded, tmp_path, run, outcome, count):
    ((fixture, name, golden),) = baselines(recorded)
    seen = []
    step = pipeline_step(run, fixture, golden, tmp_path / name, lambda *stage: seen.append(stage))
    assert (step.name, step.outcome) == ("pipeline smooth", outcome)
    assert step.detail == f"{count} of 3 comparisons passed"
    assert seen == [("infer", 1.0)]
    assert step.comparison.baseline == BASELINE


@pytest.mark.parametrize(("flat", "outcome"), [(0.25, Outcome.DRIFTED), (0.75, Outcome.COLLAPSED)])
def test_a_misread_input_is_drift_whatever_the_metrics(recorded, field, tmp_path, flat, outcome):
    """Data that lost a digit on the way are reported beside the metrics; only a rejected metric is worse."""
    ((fixture, name, golden),) = baselines(recorded)
    run = pipeline(0.75, flat=flat, stages=reading(field.lattice().arrays["image"] * (1 + 1e-12)))
    step = pipeline_step(run, fixture, golden, tmp_path / name)
    assert step.outcome is outcome
    assert step.detail.startswith("infer read image: expected xxh128:")
    assert step.detail.endswith("of 3 comparisons passed")


def test_an_input_that_was_read_as_stored_is_not_reported(recorded, field, tmp_path):
    ((fixture, name, golden),) = baselines(recorded)
    run = pipeline(0.75, stages=reading(field.lattice().arrays["image"]))
    step = pipeline_step(run, fixture, golden, tmp_path / name)
    assert (step.outcome, step.detail) == (Outcome.SAME, "3 of 3 comparisons passed")


@pytest.mark.parametrize(("error", "made"), [(UnreadableError, False), (RefusedError, True)])
def test_a_step_that_failed_has_its_error(error, made):
    """What could not be read is not known to differ; what was refused is."""
    step = failed_step("generate waves", error("waves", expected="a file", found="none", remedy="Look."))
    assert (step.outcome, step.made) == (Outcome.MISSING, made)
    assert "expected a file" in step.detail


def test_a_bug_of_this_package_ends_the_run():
    """It is no step's result."""
    with pytest.raises(ZeroDivisionError):
        failed_step("generate waves", ZeroDivisionError())


def test_a_baseline_that_cannot_be_read_is_refused_before_the_pipeline_runs(recorded, tmp_path):
    ((fixture, _, golden),) = baselines(recorded)
    golden.write_bytes(b"{")
    with pytest.raises(UnreadableError):
        pipeline_step(lambda *_, **__: pytest.fail("the pipeline ran"), fixture, golden, tmp_path)


def test_every_step_has_a_duration(recorded, tmp_path):
    (golden,) = fixtures(recorded)
    manifest = read_manifest(manifest_of(golden))
    made = generate_step(recorded, manifest, tmp_path)
    steps = [made, compare_step(golden, tmp_path), verify_step(recorded)]
    assert all(step.seconds >= 0 for step in steps)


def test_a_baseline_of_another_fixture_is_refused(tmp_path):
    """Before the pipeline runs; their metrics cannot be compared."""
    made = {"generator": Generator("m:f", 1), "source": Source("simulated", "none")}
    fixture = make_fixture("waves", {"a": np.arange(3.0)}, **made)
    archive, _ = write_fixture(fixture, tmp_path)
    golden = tmp_path / "waves.smooth.json"
    sample = Sample(Perturbation(1), {"m": 1.0}, {})
    golden.write_bytes(encode_baseline(calibrated_baseline([sample], better={}, fixture="xxh128:other")))
    with pytest.raises(RefusedError, match=r"harness calibrate smooth"):
        pipeline_step(lambda *_, **__: pytest.fail("the pipeline ran"), archive, golden, tmp_path)
