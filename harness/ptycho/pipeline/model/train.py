"""The training loop, on one page: no truth, only patterns; a checkpoint comes out."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.ptycho.pipeline.configuration import NetworkConfiguration, read_configuration
from harness.ptycho.pipeline.model import checkpoint
from harness.ptycho.pipeline.model.batches import batches, neighbour_groups
from harness.ptycho.pipeline.model.determinism import settle
from harness.ptycho.pipeline.model.experiment import Experiment, read_experiment
from harness.ptycho.pipeline.model.forward import defocused
from harness.ptycho.pipeline.model.network import Canvas, Network
from harness.ptycho.pipeline.model.optimisers import Adam, Momentum, forget
from harness.ptycho.pipeline.model.schedule import cosine, require_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.ptycho.pipeline.child_process import Task

KIND = "network"
WARM_UP = 4
PROBE_WAITS = 2
"""Rounds of each epoch in which the probe does not learn, where there are more."""


def untrained(experiment: Experiment, configuration: NetworkConfiguration) -> Network:
    """Build the network as it starts: the plain walk, and a probe out of focus."""
    return Network(defocused(experiment.probe, configuration.defocus), configuration.channels)


def train(
    network: Network,
    experiment: Experiment,
    configuration: NetworkConfiguration,
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Train *network* in place on the patterns of *experiment*.

    An epoch walks from the flat object through all rounds; after each round the weights learn through its
    steps, and the probe from the misfit they met (not in the first rounds: the object is still unknown).

    Raises
    ------
    RefusedError
        The loss is no longer finite.
    """
    members = neighbour_groups(experiment.x, experiment.y, gridsize=configuration.gridsize)
    order = batches(members, configuration.batch, np.random.default_rng(configuration.seed))
    turns = configuration.epochs * configuration.rounds
    adams, descent = _optimisers(network, configuration)
    states = [Canvas.flat(experiment)]
    for turn in range(turns):
        number = turn % configuration.rounds
        canvas = states[-1].detached() if number else Canvas.flat(experiment)
        states, loss = network(experiment, canvas, list(islice(order, configuration.steps)))
        forget(network.parameters())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.step.correct.parameters(), 1.0)
        for adam in adams:
            adam.step(min(1, (turn + 1) / WARM_UP) * cosine(turn / turns))
        if number >= min(PROBE_WAITS, configuration.rounds - 1):
            descent.step()
        require_finite(loss.item())
        progress((turn + 1) / turns)


def main(task: Task) -> Mapping[str, str]:
    """Train on a fixture, and write the checkpoint; return the digests of what was read."""
    configuration = read_configuration(NetworkConfiguration, task.output)
    settle(seed=configuration.seed, threads=configuration.threads)
    experiment = read_experiment(task.fixture)
    network = untrained(experiment, configuration)
    train(network, experiment, configuration, task.progress)
    checkpoint.write_checkpoint(task.output / checkpoint.FILE, KIND, network.state_dict())
    return experiment.inputs


def _optimisers(network: Network, configuration: NetworkConfiguration) -> tuple[tuple[Adam, Adam], Momentum]:
    """Return Adam for the convolutions and for the walk, and plain descent for the probe.

    A misfit of mean squares has the curvature 2 / (H W) for a pixel of the probe behind an object of 1, so
    the inverse of that is the probe's full step.
    """
    full_step = network.probe.numel() / 2
    step = network.step
    adams = (
        Adam(list(step.correct.parameters()), configuration.learning_rate),
        Adam([step.size, step.inertia], configuration.walk_rate),
    )
    return adams, Momentum(network.light, configuration.probe_rate * full_step, inertia=0.5)
