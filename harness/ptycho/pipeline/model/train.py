"""The training of the network: only measured patterns go in, a checkpoint comes out."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE
from harness.ptycho.pipeline.configuration import NetworkConfiguration, read_configuration
from harness.ptycho.pipeline.model.batches import endless_batches, neighbour_groups
from harness.ptycho.pipeline.model.checkpoint import write_checkpoint
from harness.ptycho.pipeline.model.determinism import make_deterministic
from harness.ptycho.pipeline.model.experiment import Experiment, read_experiment
from harness.ptycho.pipeline.model.forward import defocused
from harness.ptycho.pipeline.model.network import Canvas, Network
from harness.ptycho.pipeline.model.optimisers import Adam, MomentumDescent, clear_gradients
from harness.ptycho.pipeline.model.schedule import cosine_decay, require_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.ptycho.pipeline.child_process import Task

KIND = "network"

WARM_UP_ROUNDS = 4
"""Rounds at the start of training over which the learning rates rise to their full value."""

ROUNDS_WITHOUT_PROBE = 2
"""Rounds at the start of each epoch in which the probe does not learn: the object is still unknown."""


def untrained_network(experiment: Experiment, configuration: NetworkConfiguration) -> Network:
    """Return the network before training: plain gradient descent, and a defocused probe."""
    return Network(defocused(experiment.probe, configuration.defocus), configuration.channels)


def train(
    network: Network,
    experiment: Experiment,
    configuration: NetworkConfiguration,
    report_progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Train *network* in place on the patterns of *experiment*.

    Every epoch reconstructs the object from flat, round by round. After each round, weights and probe learn
    from the misfits of its unrolled steps.

    Parameters
    ----------
    network : Network
        Changed in place.
    experiment : Experiment
        Patterns, positions and start probe; the ground truth is not in it.
    configuration : NetworkConfiguration
    report_progress : callable, optional
        Called with the fraction done after each round.

    Raises
    ------
    RefusedError
        Training diverged: the loss is NaN or infinite.
    """
    members = neighbour_groups(experiment.x, experiment.y, gridsize=configuration.gridsize)
    order = endless_batches(members, configuration.batch, np.random.default_rng(configuration.seed))
    adams, probe_descent = _optimisers(network, configuration)
    probe_start = min(ROUNDS_WITHOUT_PROBE, configuration.rounds - 1)
    total = configuration.epochs * configuration.rounds
    states = [Canvas.flat(experiment)]
    for done in range(total):
        number = done % configuration.rounds  # of the round in its epoch
        # Detached: the loss of a round is differentiated through its own steps only.
        canvas = states[-1].detached() if number else Canvas.flat(experiment)  # (M, M')
        states, loss = network(experiment, canvas, list(islice(order, configuration.steps)))
        clear_gradients(network.parameters())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.step.correct.parameters(), 1.0)
        for adam in adams:
            adam.step(min(1, (done + 1) / WARM_UP_ROUNDS) * cosine_decay(done / total))
        if number >= probe_start:
            probe_descent.step()
        require_finite(loss.item())
        report_progress((done + 1) / total)


def main(task: Task) -> Mapping[str, str]:
    """Train on a fixture, write the checkpoint, and return the digests of the arrays that were read."""
    configuration = read_configuration(NetworkConfiguration, task.output)
    make_deterministic(seed=configuration.seed, threads=configuration.threads)
    experiment = read_experiment(task.fixture)
    network = untrained_network(experiment, configuration)
    train(network, experiment, configuration, task.report_progress)
    write_checkpoint(task.output / CHECKPOINT_FILE, KIND, network.state_dict())
    return experiment.inputs


def _optimisers(
    network: Network, configuration: NetworkConfiguration
) -> tuple[tuple[Adam, Adam], MomentumDescent]:
    """Return Adam for the convolutions, Adam for step size and momentum, and plain descent for the probe.

    The misfit is a mean over H W pixels, so its curvature by a pixel of the probe is 2 / (H W) behind an
    object of 1, and the inverse is the probe's full step.
    """
    full_step = network.probe.numel() / 2
    step = network.step
    adams = (
        Adam(list(step.correct.parameters()), configuration.learning_rate),
        Adam([step.step_size, step.momentum], configuration.descent_rate),
    )
    probe_descent = MomentumDescent(network.probe_parts, configuration.probe_rate * full_step, momentum=0.5)
    return adams, probe_descent
