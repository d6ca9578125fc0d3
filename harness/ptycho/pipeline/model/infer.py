"""The inference of the network: checkpoint and fixture go in, object, probe and controls come out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch

from harness.core.storage.npz import write_archive
from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE, CONTROLS_FILE, RECONSTRUCTION_FILE, Task
from harness.ptycho.pipeline.configuration import NetworkConfiguration, read_configuration
from harness.ptycho.pipeline.model.batches import endless_rounds
from harness.ptycho.pipeline.model.checkpoint import checkpoint_error, read_checkpoint
from harness.ptycho.pipeline.model.determinism import make_deterministic
from harness.ptycho.pipeline.model.experiment import Experiment, read_experiment
from harness.ptycho.pipeline.model.network import Canvas, Network, find_slopes
from harness.ptycho.pipeline.model.train import KIND, ROUNDS_WITHOUT_PROBE, untrained_network

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor


DIVERGED = 2.0
"""A round whose misfit exceeds this multiple of the first step's, that of a flat object, has diverged."""


class Found(NamedTuple):
    """What a reconstruction found, in natural units.

    Attributes
    ----------
    obj : (M, M') complex64
    probe : (H, W) complex64
    """

    obj: Tensor
    probe: Tensor


@torch.no_grad()
def infer(
    network: Network, experiment: Experiment, configuration: NetworkConfiguration, *, rounds: int
) -> Found:
    """Return the reconstruction of *experiment*, seen in training or not.

    A round that diverged is undone, and the next one starts where it did, at rest.

    Parameters
    ----------
    network : Network
    experiment : Experiment
    configuration : NetworkConfiguration
        Seed, group size, batch size and steps in a round.
    rounds : int
        Rounds from the flat object.

    Returns
    -------
    Found
        The means over the steps of the last round that did not diverge.
    """
    order = endless_rounds(experiment, configuration)
    canvas = Canvas.start(experiment, network.probe)
    found, limit = Found(canvas.obj, canvas.probe), math.inf
    for number in range(rounds):
        batches = next(order)
        states, misfit = network(experiment, canvas, batches, probe_moves=number >= ROUNDS_WITHOUT_PROBE)
        if not number:
            limit = DIVERGED * find_slopes(experiment, canvas, batches[0]).misfit.item()
        if misfit.item() < limit and states[-1].is_finite():
            canvas, found = states[-1], _mean(states)
        else:
            canvas = canvas.at_rest()
    return found


def _mean(states: list[Canvas]) -> Found:
    """Return the means over *states*: each step leaves noise of its own batch, which averages out."""
    return Found(
        torch.stack([state.obj for state in states]).mean(dim=0),
        torch.stack([state.probe for state in states]).mean(dim=0),
    )


def load_network(path: Path, experiment: Experiment, configuration: NetworkConfiguration) -> Network:
    """Return the network whose weights and probe training saved at *path*.

    Raises
    ------
    UnreadableError
        The checkpoint is damaged, or is of a network of another shape, or of another probe.
    """
    network = untrained_network(experiment, configuration)
    try:
        network.load_state_dict(read_checkpoint(path, KIND))
    except RuntimeError as error:
        raise checkpoint_error(path, KIND, " ".join(str(error).split())) from None
    return network


def main(task: Task) -> Mapping[str, str]:
    """Write the trained network's reconstruction and its controls; return the digests of what was read."""
    configuration = read_configuration(NetworkConfiguration, task.output)
    make_deterministic(seed=configuration.seed, threads=configuration.threads)
    experiment = read_experiment(task.fixture)
    network = load_network(task.output / CHECKPOINT_FILE, experiment, configuration)
    start = untrained_network(experiment, configuration)
    found = infer(network, experiment, configuration, rounds=configuration.inference_rounds)
    task.report_progress(1 / 2)
    untrained = infer(start, experiment, configuration, rounds=configuration.inference_rounds)
    # After one round, object and weights differ from the untrained ones by what the weights alone contribute.
    before, after = (infer(n, experiment, configuration, rounds=1).obj for n in (start, network))
    write_archive(task.output / RECONSTRUCTION_FILE, {
        "object": experiment.stored_object(found.obj), "probe": experiment.stored_probe(found.probe),
    })  # fmt: skip
    write_archive(task.output / CONTROLS_FILE, {
        "untrained": experiment.stored_object(untrained.obj),
        "untrained_probe": experiment.stored_probe(untrained.probe),
        "before": experiment.stored_object(before),
        "after": experiment.stored_object(after),
        "flat": experiment.stored_object(experiment.flat_object()),
        "probe": experiment.stored_probe(start.probe),
    })  # fmt: skip
    task.report_progress(1.0)
    return experiment.inputs
