"""A package runs in a child process: its prediction is compared first, and every failure is an error."""

from __future__ import annotations

import importlib.util
import json

import pytest

pytest.importorskip("skimage", reason="metrics need scikit-image")

from harness.core.baselines.controls import compare_with_controls
from harness.core.errors import DependencyError, HarnessError, OvertimeError, RefusedError, UsageError
from harness.ptycho.engines.packages.engine import PackageEngine
from harness.ptycho.engines.run import EnginePipeline


def pipeline(adapter):
    return EnginePipeline(
        PackageEngine("theirs", f"stand_in:{adapter}", module="numpy", extra="theirs", packages=("numpy",))
    )


@pytest.fixture
def run(small, tmp_path):
    def _run(adapter, **options):
        return pipeline(adapter)(small, tmp_path / "out", **{"epochs": 2, **options})

    return _run


def test_an_honest_package_runs_and_everything_is_recorded(run):
    told = []

    result = run("Honest", seed=5, rate=0.25, progress=lambda stage, share: told.append((stage, share)))

    record = json.loads(result.artifacts["engine"].read_text())
    asked = {
        "seed": 5,
        "threads": 1,
        "defocus": 0.3,
        "epochs": 2,
        "seconds": None,
        "clock": "wall",
        "rate": 0.25,
    }
    assert record["parameters"] == asked
    assert list(record["versions"]) == ["numpy"]
    assert told == [("reconstruct", 0.5), ("reconstruct", 1.0)]
    handshake, stage = result.stages[:2]
    assert (handshake.name, handshake.inputs, stage.name) == ("handshake", {}, "reconstruct")
    assert handshake.cpu_seconds > 0
    assert set(stage.inputs) == {"diffraction", "probeGuess", "xcoords", "ycoords"}
    assert stage.cpu_seconds > 0
    assert result.metrics["probe_change"] > 0.1


def test_another_prediction_is_refused_and_nothing_is_reconstructed(run, tmp_path):
    with pytest.raises(RefusedError, match=r"engine 'theirs' predicts other diffraction .* ours is 0\.0"):
        run("Transposed")

    assert not list((tmp_path / "out").glob("*.npz"))


def test_a_crash_is_an_error_that_names_the_log(run, tmp_path):
    with pytest.raises(HarnessError, match="exit status 1, ZeroDivisionError: in the package"):
        run("Crashing")

    assert "before the crash" in (tmp_path / "out" / "reconstruct.log").read_text()


def test_a_killed_process_and_one_that_ends_silently_are_errors(run):
    with pytest.raises(HarnessError, match="failed with signal 9"):
        run("Killed")
    with pytest.raises(HarnessError, match="failed with exit status 0"):
        run("Silent")


def test_a_process_that_does_not_end_is_stopped(run):
    with pytest.raises(OvertimeError, match="timed out after 4 s"):
        run("Endless", limit=4.0)


def test_a_flat_result_is_not_ahead_of_its_controls(run):
    result = run("Flat")

    verdicts = compare_with_controls(result.metrics, result.controls, result.better, decisive=result.decisive)
    assert any(not verdict.outcome.accepted for verdict in verdicts)


def test_a_diverged_result_is_refused(run):
    with pytest.raises(RefusedError, match="values that are NaN"):
        run("Diverged")


def test_options_are_checked(run):
    with pytest.raises(UsageError, match="pipeline options"):
        run("Honest", speed=3)


def test_a_missing_package_is_one_error_that_names_the_extra(monkeypatch, small, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(DependencyError) as caught:
        pipeline("Honest")(small, tmp_path / "out")

    assert str(caught.value) == (
        "engine 'theirs' needs numpy, which is not installed. "
        "Install it with `pip install 'golden-harness[ptycho,theirs]'`."
    )
    assert not (tmp_path / "out").exists()
