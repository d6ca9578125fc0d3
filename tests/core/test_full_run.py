"""The whole walk on a made-up field: each step ends in the verdict that its data deserve."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.baselines.baseline import Baseline, Control, Metric, encode_baseline
from harness.core.baselines.calibrate import calibrated_baseline, certificate
from harness.core.baselines.perturbations import Perturbation, Sample
from harness.core.domain.generators import is_simulated
from harness.core.domain.interface import PipelineResult, Stage
from harness.core.errors import RefusedError, UnreadableError, UsageError
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source, read_manifest
from harness.core.full_run import baselines, compare_step, fixtures, generate_step, pipeline_step, verify_step
from harness.core.recording.staged import Staged
from harness.core.storage.digest import digest_array
from harness.core.verdict import Outcome

FIELD = """
import numpy as np
from pathlib import Path
from harness.core.fixtures.fixture import make_fixture
from harness.core.fixtures.manifest import Generator, Source

def lattice(*, size: int = 4, offset: float = 0.0):
    arrays = {"image": np.linspace(0.0, 1.0, size) + offset}
    call = Generator("field:lattice", 1, {"size": size, "offset": offset})
    return make_fixture("lattice", arrays, generator=call, source=Source("simulated", "xxh128:0"))

def sampled(*, source: Path): ...
"""
BASELINE = Baseline(
    1,
    {"mae": Metric(0.25, 0.125), "ssim": Metric(0.75, 0.125)},
    {"flat": {"ssim": Control(0.25, 0.25)}},
    certificate("by hand", [{}]),
)


@pytest.fixture
def field(module):
    """A user's field: a generator that simulates, and one that reads a file."""
    module("field", FIELD)
    import field

    return field


@pytest.fixture
def walked(empty, record, field, tmp_path):
    """A repository whose golden files come from that field."""
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
    """Run a pipeline that measures the given metrics, whatever it is run on."""

    def run(fixture, output, *, progress=None):
        if progress:
            progress("infer", 1.0)
        return PipelineResult("smooth", {"ssim": ssim, "mae": mae}, {"flat": {"ssim": flat}}, stages, {})

    return run


def reading(image):
    """A stage that read this image."""
    return (Stage("infer", 0.1, 10.0, {"image": digest_array(image)}),)


def test_fixtures_and_baselines_are_found_in_the_registry(walked):
    """Each archive with its manifest, each baseline with its fixture and its pipeline's name."""
    golden = walked.golden
    assert list(fixtures(walked)) == [(golden / "lattice.npz", read_manifest(golden / "lattice.json"))]
    assert list(baselines(walked)) == [(golden / "lattice.npz", "smooth", golden / "lattice.smooth.json")]


def test_the_same_generator_gives_the_same(walked, tmp_path, contents):
    """Generate, compare, verify: all the same, and nothing golden is written."""
    before = contents(walked.root)
    ((golden, manifest),) = fixtures(walked)
    made = generate_step(manifest, tmp_path / "again")
    compared = compare_step(golden, tmp_path / "again")
    verified = verify_step(walked)
    assert [step.outcome for step in (made, compared, verified)] == [Outcome.SAME] * 3
    assert (tmp_path / "again" / "lattice.npz").read_bytes() == golden.read_bytes()
    assert compared.drift is None
    assert len(verified.verdicts) == 3
    assert contents(walked.root) == before


@pytest.mark.parametrize(
    ("offset", "outcome"), [(1e-8, Outcome.TOLERATED), (9e-8, Outcome.TOLERATED), (3e-7, Outcome.DRIFTED)]
)
def test_other_values_are_tolerated_or_drift(walked, made, tmp_path, offset, outcome):
    """The manifest's words are the same, as when a library's rounding changed; its digests are not."""
    ((golden, manifest),) = fixtures(walked)
    arrays = {"image": np.linspace(0.0, 1.0, 4) + offset}
    moved = made(arrays=arrays, generator=manifest.generator, transformations=(), checks={})
    write_fixture(moved, tmp_path / "again")
    step = compare_step(golden, tmp_path / "again")
    assert step.outcome is outcome
    assert step.drift is not None
    assert not step.drift.identical


def test_another_version_of_the_generator_is_drift_with_the_same_arrays(walked, made, field, tmp_path):
    fixture = field.lattice()
    newer = Generator("field:lattice", 2, dict(fixture.manifest.generator.parameters))
    write_fixture(
        made(arrays=fixture.arrays, generator=newer, transformations=(), checks={}), tmp_path / "again"
    )
    step = compare_step(walked.golden / "lattice.npz", tmp_path / "again")
    assert step.outcome is Outcome.DRIFTED
    assert step.detail == "manifest generator.version: expected 1, found 2"


def test_what_the_registry_does_not_say_is_not_verified(walked):
    (walked.golden / "lattice.npz").unlink()
    step = verify_step(walked)
    assert step.outcome is Outcome.MISSING
    assert step.detail == "2 of 3 golden files are intact"


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
def test_a_pipeline_is_judged_by_its_baseline_and_its_control(walked, tmp_path, run, outcome, count):
    ((fixture, name, golden),) = baselines(walked)
    seen = []
    step = pipeline_step(run, fixture, golden, tmp_path / name, lambda *stage: seen.append(stage))
    assert (step.name, step.outcome) == ("pipeline smooth", outcome)
    assert step.detail == f"{count} of 3 comparisons accepted"
    assert seen == [("infer", 1.0)]
    assert step.trial.baseline == BASELINE


@pytest.mark.parametrize(("flat", "outcome"), [(0.25, Outcome.DRIFTED), (0.75, Outcome.COLLAPSED)])
def test_what_a_pipeline_misread_is_drift_whatever_it_measured(walked, field, tmp_path, flat, outcome):
    """Data that lost a digit on the way are told of, beside the metrics; only a collapse is worse news."""
    ((fixture, name, golden),) = baselines(walked)
    run = pipeline(0.75, flat=flat, stages=reading(field.lattice().arrays["image"] * (1 + 1e-12)))
    step = pipeline_step(run, fixture, golden, tmp_path / name)
    assert step.outcome is outcome
    assert step.detail.startswith("infer read image: expected xxh128:")
    assert step.detail.endswith("of 3 comparisons accepted")


def test_what_a_pipeline_read_as_it_is_stored_adds_nothing(walked, field, tmp_path):
    ((fixture, name, golden),) = baselines(walked)
    run = pipeline(0.75, stages=reading(field.lattice().arrays["image"]))
    step = pipeline_step(run, fixture, golden, tmp_path / name)
    assert (step.outcome, step.detail) == (Outcome.SAME, "3 of 3 comparisons accepted")


def test_a_baseline_that_cannot_be_read_is_refused_before_the_pipeline_runs(walked, tmp_path):
    ((fixture, _, golden),) = baselines(walked)
    golden.write_bytes(b"{")
    with pytest.raises(UnreadableError):
        pipeline_step(lambda *_, **__: pytest.fail("the pipeline ran"), fixture, golden, tmp_path)


def test_a_fixture_from_a_file_is_not_made_again_without_it(walked, field, made):
    ((_, manifest),) = fixtures(walked)
    assert is_simulated(manifest)
    assert not is_simulated(made(generator=Generator("field:sampled", 1, {})).manifest)
    with pytest.raises(UsageError):
        is_simulated(made(generator=Generator("field:gone", 1, {})).manifest)


def test_every_step_takes_its_time(walked, tmp_path):
    ((golden, manifest),) = fixtures(walked)
    steps = [generate_step(manifest, tmp_path), compare_step(golden, tmp_path), verify_step(walked)]
    assert all(step.seconds >= 0 for step in steps)


def test_baseline_of_another_fixture_is_refused(tmp_path):
    """A baseline that was measured on other arrays judges nothing, and no pipeline is run for it."""
    made = {"generator": Generator("m:f", 1), "source": Source("simulated", "none")}
    fixture = make_fixture("waves", {"a": np.arange(3.0)}, **made)
    archive, _ = write_fixture(fixture, tmp_path)
    golden = tmp_path / "waves.smooth.json"
    sample = Sample(Perturbation(1), {"m": 1.0}, {})
    golden.write_bytes(encode_baseline(calibrated_baseline([sample], better={}, fixture="xxh128:other")))
    with pytest.raises(RefusedError, match=r"harness calibrate smooth"):
        pipeline_step(lambda *_, **__: pytest.fail("it was run"), archive, golden, tmp_path)
