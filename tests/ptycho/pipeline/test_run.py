"""The pipelines from the front door, children and all, at their smallest."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import DependencyError, RefusedError, UnreadableError, UsageError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.pipeline import parent_process as process
from harness.ptycho.pipeline import run
from harness.ptycho.pipeline.model.experiment import read_experiment

QUICK = {"epochs": 1, "rounds": 2, "inference_rounds": 2, "channels": 4}


@pytest.fixture(scope="module")
def result(small, tmp_path_factory):
    """One tiny run of the network, with all that was heard of it."""
    heard = []
    folder = tmp_path_factory.mktemp("run")
    done = run.network(small, folder, seed=3, threads=1, progress=lambda *said: heard.append(said), **QUICK)
    return done, heard, folder


def test_what_a_run_leaves(result, small):
    """Stages in order, artifacts in the output folder, controls under the same keys as the metrics."""
    done, heard, folder = result
    assert [stage.name for stage in done.stages] == ["train", "infer", "metrics"]
    assert all(path.is_file() and path.parent == folder for path in done.artifacts.values())
    assert set(done.controls) == {"flat", "untrained", "untrained weights"}
    assert all(control.keys() == done.metrics.keys() for control in done.controls.values())
    assert np.isfinite(list(done.metrics.values())).all()
    assert heard[-1] == ("infer", 1.0)
    assert set(done.inputs) == {"train", "infer"}
    assert done.inputs["train"] == done.inputs["infer"] == read_experiment(small).inputs
    assert done.better.keys() < done.metrics.keys()
    assert done.resolution == {"aligned_frc_cutoff": 1 / min(read_archive(small)["objectGuess"].shape)}


def test_the_same_seed_gives_the_same_bits(result, small, tmp_path):
    """A second run with the same seed and threads gives the same metrics and controls to the last bit."""
    again = run.network(small, tmp_path, seed=3, threads=1, **QUICK)
    assert again.metrics == result[0].metrics
    assert again.controls == result[0].controls


def test_iterative(small, tmp_path):
    """The iterative pipeline runs in two processes, and is measured against the flat object alone."""
    done = run.iterative(small, tmp_path, threads=1, epochs=4)
    assert [stage.name for stage in done.stages] == ["first half", "second half", "metrics"]
    assert set(done.controls) == {"flat"}
    assert done.metrics["diffraction_error"] < done.controls["flat"]["diffraction_error"]


def test_a_childs_refusal_comes_out_whole(small, tmp_path):
    """A fixture that only the child finds broken is refused by name, in the child's words."""
    data = {key: value for key, value in read_archive(small).items() if key != "probeGuess"}
    write_archive(tmp_path / "broken.npz", data)
    with pytest.raises(RefusedError, match=r"broken\.npz.*probeGuess"):
        run.iterative(tmp_path / "broken.npz", tmp_path / "output", threads=1, epochs=2)


@pytest.fixture
def no_child(monkeypatch):
    """Fail if a process is started."""

    def started(*_, **__):
        pytest.fail("a child was started")

    monkeypatch.setattr(process.subprocess, "Popen", started)


@pytest.mark.usefixtures("no_child")
def test_refused_before_a_child_starts(small, tmp_path, monkeypatch):
    """A wrong option, a missing fixture and a missing torch are refused at once, and nothing is written."""
    output = tmp_path / "output"
    with pytest.raises(UsageError, match="epoch"):
        run.network(small, output, epoch=1)
    with pytest.raises(UnreadableError, match="none"):
        run.network(tmp_path / "none.npz", output)
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DependencyError):
        run.network(small, output)
    assert not output.exists()


def test_threads():
    """Nobody asked: one thread. Asked: what was asked."""
    for asked, expected in ((None, run.THREADS), (7, 7)):
        assert run._configuration(run.NetworkConfiguration, 0, asked, {}).threads == expected
