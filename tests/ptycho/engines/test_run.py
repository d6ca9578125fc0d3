"""A pipeline made of an engine has the metrics, controls and refusals of our own pipelines."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

pytest.importorskip("skimage", reason="metrics need scikit-image")

from harness.core.baselines.controls import compare_with_controls
from harness.core.domain.interface import Stage
from harness.core.domain.run_pipeline import missing_requirement
from harness.core.errors import DependencyError, RefusedError, UnreadableError
from harness.core.storage.npz import read_archive
from harness.ptycho.engines.handshake import shake_hands
from harness.ptycho.engines.interface import Reconstruction
from harness.ptycho.engines.run import RECORD_FILE, TIME_LIMIT, EnginePipeline
from harness.ptycho.engines.start import starting_point
from harness.ptycho.pipeline.assess import remeasured
from harness.ptycho.scan.residual import Dataset


@dataclass
class Engine:
    """An engine that knows the answer, and changes it as a test asks."""

    name: str = "theirs"
    change: dict = field(default_factory=dict)
    jobs: list = field(default_factory=list)

    def require(self):
        pass

    def reconstruct(self, job):
        self.jobs.append(job)
        data = Dataset.of(read_archive(job.fixture))
        made = Reconstruction(
            data.object,
            data.probe,
            starting_point(data).probe,
            (Stage("reconstruct", 1.5, 100.0, {}, 1.25),),
            {"rate": 0.5},
            {"theirs": "1.2"},
            shake_hands(data, data.predict()),
        )
        return replace(made, **{key: make(data) for key, make in self.change.items()})


@pytest.fixture
def run(small, tmp_path):
    """Return a function that runs an engine with some results changed."""

    def _run(**change):
        return EnginePipeline(Engine(change=change))(small, tmp_path / "out")

    return _run


def collapsed(result):
    verdicts = compare_with_controls(result.metrics, result.controls, result.better, decisive=result.decisive)
    return [verdict.name for verdict in verdicts if not verdict.outcome.accepted]


def test_a_good_result_is_ahead_of_the_flat_object(run):
    result = run()

    assert collapsed(result) == []
    assert result.metrics["aligned_amplitude_ssim"] > 0.99
    assert result.metrics["probe_error"] < 1e-6
    assert result.controls["flat"]["probe_error"] > 0.01
    assert [stage.name for stage in result.stages] == ["reconstruct", "metrics"]


def test_parameters_versions_and_handshake_are_recorded_and_shown(run, tmp_path):
    result = run()

    record = json.loads((tmp_path / "out" / RECORD_FILE).read_text())
    assert record["parameters"] == {"rate": 0.5}
    assert record["versions"] == {"theirs": "1.2"}
    assert record["handshake"]["residual"] == record["handshake"]["own_residual"]
    assert "versions: theirs 1.2" in result.notes
    assert any("by the engine's model" in note for note in result.notes)


def test_an_engine_without_a_prediction_says_so(run):
    assert any("cannot predict diffraction" in note for note in run(handshake=lambda _: None).notes)


def test_the_metrics_can_be_computed_again(run, small):
    result = run()

    again = remeasured(read_archive(small), read_archive(result.measured))
    assert again == pytest.approx(dict(result.metrics))


@pytest.mark.parametrize("what", ["object", "probe"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_result_that_is_not_finite_is_refused_although_the_engine_ended_well(run, what, value):
    def broken(data):
        array = getattr(data, what).astype(np.complex64)
        array[3, 4] = value
        return array

    with pytest.raises(RefusedError, match=f"its {what} has 1 values that are NaN or infinite"):
        run(**{what: broken})


@pytest.mark.parametrize("what", ["object", "probe"])
def test_a_result_of_another_shape_is_refused(run, what):
    with pytest.raises(RefusedError, match=rf"its {what} has shape \(5, 5\)"):
        run(**{what: lambda _: np.ones((5, 5), dtype=np.complex64)})


def test_a_flat_object_is_not_ahead_of_its_control(run):
    found = collapsed(run(object=lambda data: np.full_like(data.object, 0.7)))

    assert {"aligned_correlation", "diffraction_error"} <= set(found)


def test_the_start_returned_as_a_result_is_refused(run):
    with pytest.raises(RefusedError, match="training did not update the object"):
        run(object=lambda data: starting_point(data).object)
    with pytest.raises(RefusedError, match="training did not update the probe"):
        run(probe=lambda data: starting_point(data).probe)


def test_an_engine_that_keeps_the_probe_may_say_so(run):
    result = run(probe=lambda data: starting_point(data).probe, refines_probe=lambda _: False)

    assert result.metrics["probe_change"] == 0


def test_what_is_asked_reaches_the_engine(small, tmp_path):
    engine = Engine()

    EnginePipeline(engine)(small, tmp_path, seed=3, threads=2, limit=7.0, rate=0.1)
    EnginePipeline(engine)(small, tmp_path)

    first, second = engine.jobs
    assert (first.seed, first.threads, first.deadline.seconds, first.options) == (3, 2, 7.0, {"rate": 0.1})
    assert (second.seed, second.threads, second.deadline.seconds) == (0, 1, TIME_LIMIT)


def test_a_missing_fixture_and_a_missing_package_are_found_before_anything_runs(tmp_path):
    engine = Engine()
    with pytest.raises(UnreadableError, match="no such file"):
        EnginePipeline(engine)(tmp_path / "none.npz", tmp_path)

    def missing():
        raise DependencyError("theirs", expected="it", found="none", remedy="Install it.")

    engine.require = missing
    with pytest.raises(DependencyError):
        EnginePipeline(engine)(tmp_path / "none.npz", tmp_path)
    assert isinstance(missing_requirement(EnginePipeline(engine)), DependencyError)
    assert engine.jobs == []
