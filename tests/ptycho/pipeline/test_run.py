"""Both pipelines as a user calls them, with their child processes, at their smallest."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import DependencyError, OvertimeError, RefusedError, UnreadableError, UsageError
from harness.core.fixtures.fixture import write_fixture
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.fixture import minimal
from harness.ptycho.pipeline import parent_process, run
from harness.ptycho.pipeline.model.experiment import read_experiment

QUICK = {"epochs": 1, "rounds": 2, "inference_rounds": 2}


@pytest.fixture(scope="module")
def result(small, tmp_path_factory):
    """One tiny run of the network: result, progress reports and output folder."""
    reports = []
    folder = tmp_path_factory.mktemp("run")
    done = run.network(small, folder, seed=3, threads=1, progress=lambda *r: reports.append(r), **QUICK)
    return done, reports, folder


def test_the_result_of_the_network(result, small):
    """Stages in order, artifacts in the output folder, and controls with the keys of the metrics."""
    done, reports, folder = result
    assert [stage.name for stage in done.stages] == ["train", "infer", "metrics"]
    assert all(path.is_file() and path.parent == folder for path in done.artifacts.values())
    assert set(done.controls) == {"flat", "untrained"}
    assert all(control.keys() == done.metrics.keys() for control in done.controls.values())
    assert np.isfinite(list(done.metrics.values())).all()
    assert reports[-1] == ("infer", 1.0)
    assert set(done.inputs) == {"train", "infer"}
    assert done.inputs["train"] == done.inputs["infer"] == read_experiment(small).inputs
    assert done.better.keys() < done.metrics.keys()
    assert done.resolution == {"aligned_frc_cutoff": 1 / min(read_archive(small)["objectGuess"].shape)}


def test_the_same_seed_gives_the_same_bits(result, small, tmp_path):
    """A second run with the same seed and threads gives the same metrics and controls to the last bit."""
    again = run.network(small, tmp_path, seed=3, threads=1, **QUICK)
    assert again.metrics == result[0].metrics
    assert again.controls == result[0].controls


def test_the_result_of_the_iterative_pipeline(small, tmp_path):
    """It runs in two processes, and its only control is the flat object."""
    done = run.iterative(small, tmp_path, threads=1, epochs=4)
    assert [stage.name for stage in done.stages] == ["first half", "second half", "metrics"]
    assert set(done.controls) == {"flat"}
    assert done.metrics["diffraction_error"] < done.controls["flat"]["diffraction_error"]


def test_a_note_says_if_the_object_may_not_be_the_truth(result, tmp_path):
    """Only a manifest that says that the fixture was simulated makes the object the ground truth."""
    (note,) = result[0].notes
    assert "--pipeline network-halves" in note
    fixture, _ = write_fixture(minimal(positions=16, name="simulated"), tmp_path)
    assert run.has_truth(fixture)
    assert not run.has_truth(tmp_path / "without_manifest.npz")


def test_a_childs_error_names_the_fixture(small, tmp_path):
    """An error that only the child can find is raised by the parent in the same words."""
    data = {key: value for key, value in read_archive(small).items() if key != "probeGuess"}
    write_archive(tmp_path / "broken.npz", data)
    with pytest.raises(RefusedError, match=r"broken\.npz.*probeGuess"):
        run.iterative(tmp_path / "broken.npz", tmp_path / "output", threads=1, epochs=2)


def test_the_limit_applies_to_all_stages(small, tmp_path):
    """With no time at all, the first stage is stopped."""
    with pytest.raises(OvertimeError, match="stage 'first half' timed out after 0 s"):
        run.iterative(small, tmp_path, limit=0.0)


@pytest.fixture
def no_child(monkeypatch):
    """Fail if a process is started."""

    def started(*_, **__):
        pytest.fail("a child process was started")

    monkeypatch.setattr(parent_process.subprocess, "Popen", started)


@pytest.mark.usefixtures("no_child")
def test_wrong_calls_are_refused_before_a_child_starts(small, tmp_path, monkeypatch):
    """A wrong option, a missing fixture and a missing torch are refused, and nothing is written."""
    output = tmp_path / "output"
    with pytest.raises(UsageError, match="epoch"):
        run.network(small, output, epoch=1)
    with pytest.raises(UnreadableError, match="none"):
        run.network(tmp_path / "none.npz", output)
    monkeypatch.setattr(parent_process.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DependencyError):
        run.network(small, output)
    assert not output.exists()


@pytest.mark.parametrize(("threads", "expected"), [(None, 1), (7, 7)])
def test_threads(threads, expected):
    """The default is one thread; a given number is used as it is."""
    assert run._configuration(run.NetworkConfiguration, 0, threads, {}).threads == expected
