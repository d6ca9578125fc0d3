"""Adam on object and probe: resumed it goes on to the same bits, and both parts must move."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.core.errors import RefusedError, UnreadableError
from harness.core.storage.npz import read_archive
from harness.ptycho.pipeline.assess import assess
from harness.ptycho.pipeline.child_process import Task
from harness.ptycho.pipeline.configuration import IterativeConfiguration
from harness.ptycho.pipeline.model import checkpoint, iterative
from harness.ptycho.pipeline.model.determinism import settle
from harness.ptycho.pipeline.model.experiment import read_experiment


@pytest.fixture
def experiment(small):
    settle(seed=0, threads=1)
    return read_experiment(small)


def both_halves(small, folder):
    for goal in (iterative.FIRST, iterative.SECOND):
        iterative.main(Task(small, folder, goal))
    return folder


def test_resumed_equals_uninterrupted(small, experiment, brief, configured_folder):
    """Saved half way and resumed, the object is bit by bit that of one run from start to end."""
    folder = both_halves(small, configured_folder(brief))
    whole = iterative.Descent.started(experiment, brief)
    iterative.descend(whole, experiment, brief, until=brief.epochs)
    resumed = read_archive(folder / "reconstruction.npz")
    np.testing.assert_array_equal(resumed["object"], experiment.stored_object(whole.obj))
    np.testing.assert_array_equal(resumed["probe"], experiment.stored_probe(whole.probe))


def test_adams_memory_is_part_of_the_state(experiment, brief):
    """Resumed without what Adam remembers, it goes elsewhere: the test above sees a forgotten state."""
    whole = iterative.Descent.started(experiment, brief)
    iterative.descend(whole, experiment, brief, until=3)
    forgetful = iterative.Descent.started(experiment, brief)
    fresh = [adam.state() for adam in forgetful.adams]
    forgetful.restore({**whole.state(), "adams": fresh})
    for descent in (whole, forgetful):
        iterative.descend(descent, experiment, brief, until=4)
    assert not torch.equal(whole.obj, forgetful.obj)


@pytest.mark.parametrize("gridsize", [1, 2])
def test_object_and_probe_move_at_sixteen_positions(small, configured_folder, gridsize):
    """Sixteen positions, drawn one by one or in fours, move object and probe, and the probe the right way."""
    folder = configured_folder(IterativeConfiguration(epochs=60, gridsize=gridsize))
    figures = assess(small, both_halves(small, folder))
    assert figures.metrics["object_change"] > 0.1
    assert figures.metrics["probe_change"] > 0.01
    assert figures.metrics["aligned_amplitude_mae"] < figures.controls["flat"]["aligned_amplitude_mae"]


@pytest.mark.parametrize("dead", ["probe", "object"])
def test_a_dead_part_is_refused(small, configured_folder, dead):
    """Faults P04 and P17: a result whose object or probe was not updated is refused, and told so."""
    folder = configured_folder(IterativeConfiguration(epochs=2, **{f"{dead}_rate": 0.0}))
    with pytest.raises(RefusedError, match=f"move the {dead}"):
        assess(small, both_halves(small, folder))


@pytest.mark.parametrize(
    "change",
    [{"obj": torch.zeros(3, 3)}, {"adams": None}, {"adams": [{}, {}]}, {"epoch": None}, {"probe": "text"}],
)
def test_a_state_of_something_else(experiment, brief, configured_folder, small, change):
    """A state of another shape, or with a part that is none, is refused."""
    folder = configured_folder(brief)
    state = {**iterative.Descent.started(experiment, brief).state(), **change}
    checkpoint.write_checkpoint(folder / checkpoint.FILE, iterative.KIND, state)
    with pytest.raises(UnreadableError):
        iterative.main(Task(small, folder, iterative.SECOND))


def test_divergence_is_refused(experiment):
    """A rate far too high ends in a refusal, not in an object of NaN."""
    settings = IterativeConfiguration(epochs=2, object_rate=1e30)
    with pytest.raises(RefusedError, match="finite"):
        iterative.descend(iterative.Descent.started(experiment, settings), experiment, settings, until=2)
