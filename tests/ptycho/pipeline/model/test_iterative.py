"""Adam on object and probe: it resumes to the same bits, and must update both."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.core.errors import RefusedError, UnreadableError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.pipeline.assess import assess
from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE, Task
from harness.ptycho.pipeline.configuration import IterativeConfiguration
from harness.ptycho.pipeline.model import checkpoint, iterative
from harness.ptycho.pipeline.model.determinism import make_deterministic
from harness.ptycho.pipeline.model.experiment import read_experiment


@pytest.fixture
def experiment(small):
    make_deterministic(seed=0, threads=1)
    return read_experiment(small)


def both_halves(small, folder):
    for part in (iterative.FIRST_HALF, iterative.SECOND_HALF):
        iterative.main(Task(small, folder, part))
    return folder


def run(descent, experiment, configuration):
    """Run both halves in this process."""
    iterative.settle(descent, experiment, configuration)
    iterative.cool(descent, experiment, configuration)


def test_resumed_equals_uninterrupted(small, experiment, brief, configured_folder):
    """Saved half way and resumed, the result equals that of an uninterrupted run to the last bit."""
    folder = both_halves(small, configured_folder(brief))
    whole = iterative.Descent.start(experiment, brief)
    run(whole, experiment, brief)
    resumed = read_archive(folder / "reconstruction.npz")
    assert whole.epoch == brief.epochs
    np.testing.assert_array_equal(resumed["object"], experiment.stored_object(whole.obj))
    np.testing.assert_array_equal(resumed["probe"], experiment.stored_probe(whole.probe))


def test_adams_moments_are_part_of_the_state(experiment, brief):
    """Resumed without them, the result differs: the test above detects a missing state."""
    whole = iterative.Descent.start(experiment, brief)
    iterative.settle(whole, experiment, brief)
    incomplete = iterative.Descent.start(experiment, brief)
    fresh = [adam.state() for adam in incomplete.adams]
    incomplete.restore({**whole.state(), "adams": fresh})
    for descent in (whole, incomplete):
        iterative.cool(descent, experiment, brief)
    assert not torch.equal(whole.obj, incomplete.obj)


@pytest.mark.parametrize(
    ("losses", "steps", "expected"),
    [
        ([1.0] * 5, 30, True),  # 4 epochs of 30 steps without progress
        ([1.0] * 4, 30, False),
        ([1.0] * 3, 60, True),
        ([0.95**n for n in range(100)], 60, False),
        ([0.998**n for n in range(5)], 30, True),  # not even 1 % in 4 epochs
        ([1.0, 0.5, 2.0, 2.0, 2.0, 0.49], 30, False),
        ([], 1000, False),
    ],
)
def test_when_a_loss_has_settled(losses, steps, expected):
    """Steps count, not epochs: a scan of many positions has many steps in an epoch."""
    assert iterative.has_settled(losses, steps=steps) is expected


def test_a_settled_loss_ends_both_halves_early(small, configured_folder, monkeypatch):
    """There are as many epochs in the second half as in the first, also across two processes."""
    monkeypatch.setattr(iterative, "has_settled", lambda losses, **_: len(losses) == 2)
    epochs = []
    original = iterative._run_epoch
    monkeypatch.setattr(
        iterative, "_run_epoch", lambda *a, rate: (epochs.append(round(rate, 3)), original(*a, rate=rate))[1]
    )
    both_halves(small, configured_folder(IterativeConfiguration(epochs=20)))
    assert epochs == [1.0, 1.0, 1.0, 0.5]


def test_masked_pixels_do_not_matter(small, brief, configured_folder, tmp_path):
    """Whatever they hold, the result is the same to the last bit; without the mask it is another one."""
    data = read_archive(small)
    counts = np.ones(data["diffraction"].shape, dtype=bool)
    counts[:, 20:22] = counts[3:5, :, 40] = False
    hot = np.where(counts, data["diffraction"], np.float32(9))
    found = []
    for number, arrays in enumerate(({"mask": counts}, {"mask": counts, "diffraction": hot}, {})):
        path = tmp_path / f"{number}.npz"
        write_archive(path, {**data, **arrays})
        folder = both_halves(path, configured_folder(brief, f"output{number}"))
        found.append(read_archive(folder / "reconstruction.npz")["object"])
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.parametrize("gridsize", [1, 2])
def test_object_and_probe_are_learned_from_sixteen_positions(small, configured_folder, gridsize):
    """Drawn one by one or in fours, 16 positions update both, and improve the object."""
    folder = configured_folder(IterativeConfiguration(epochs=60, gridsize=gridsize))
    found = assess(small, both_halves(small, folder))
    assert found.metrics["object_change"] > 0.1
    assert found.metrics["probe_change"] > 0.01
    assert found.metrics["aligned_amplitude_mae"] < found.controls["flat"]["aligned_amplitude_mae"]


@pytest.mark.parametrize("dead", ["probe", "object"])
def test_a_part_that_is_not_updated_is_refused(small, configured_folder, dead):
    """Faults P04 and P17: the error says whether the object or the probe was not updated."""
    folder = configured_folder(IterativeConfiguration(epochs=2, **{f"{dead}_rate": 0.0}))
    with pytest.raises(RefusedError, match=f"did not update the {dead}"):
        assess(small, both_halves(small, folder))


@pytest.mark.parametrize(
    "change",
    [
        {"obj": torch.zeros(3, 3)},
        {"adams": None},
        {"adams": [{}, {}]},
        {"epoch": None},
        {"losses": None},
        {"probe": "text"},
    ],
)
def test_a_state_of_another_form_is_refused(experiment, brief, configured_folder, small, change):
    folder = configured_folder(brief)
    state = {**iterative.Descent.start(experiment, brief).state(), **change}
    checkpoint.write_checkpoint(folder / CHECKPOINT_FILE, iterative.KIND, state)
    with pytest.raises(UnreadableError):
        iterative.main(Task(small, folder, iterative.SECOND_HALF))


def test_divergence_is_refused(experiment):
    """A rate that is far too high is an error, and no object of NaN is written."""
    settings = IterativeConfiguration(epochs=2, object_rate=1e30)
    with pytest.raises(RefusedError, match="training diverged"):
        run(iterative.Descent.start(experiment, settings), experiment, settings)
