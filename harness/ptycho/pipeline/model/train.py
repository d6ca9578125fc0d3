"""The training of the network: only measured patterns go in, a checkpoint comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE
from harness.ptycho.pipeline.configuration import NetworkConfiguration, read_configuration
from harness.ptycho.pipeline.model.batches import endless_rounds
from harness.ptycho.pipeline.model.checkpoint import write_checkpoint
from harness.ptycho.pipeline.model.determinism import make_deterministic
from harness.ptycho.pipeline.model.experiment import Experiment, read_experiment
from harness.ptycho.pipeline.model.forward import defocused
from harness.ptycho.pipeline.model.network import Canvas, Network
from harness.ptycho.pipeline.model.optimisers import Adam, clear_gradients
from harness.ptycho.pipeline.model.schedule import cosine_decay, require_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from harness.ptycho.pipeline.child_process import Task

KIND = "network"

ROUNDS_WITHOUT_PROBE = 1
"""Rounds at the start of a reconstruction in which the probe stays: the object is still unknown."""

LARGEST_GRADIENT = 0.1
"""Bound on each weight's gradient. Steps that are still too bold have gradients without bound, and Adam would
remember them for the rest of the training."""


def untrained_network(experiment: Experiment, configuration: NetworkConfiguration) -> Network:
    """Return the network before training: steps that are too bold, and a defocused probe."""
    return Network(defocused(experiment.probe, configuration.defocus))


def train(
    network: Network,
    experiment: Experiment,
    configuration: NetworkConfiguration,
    report_progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Train *network* in place on the patterns of *experiment*.

    Every epoch reconstructs object and probe from their start, round by round. After each round, the weights
    learn from the misfits of its unrolled steps. Their logarithm is the loss, so that a late round, whose
    misfit is small, counts as much as the first.

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
    rounds = endless_rounds(experiment, configuration)
    weights: list[Tensor] = list(network.parameters())
    adam = Adam(weights, configuration.learning_rate)
    total = configuration.epochs * configuration.rounds
    states = [Canvas.start(experiment, network.probe)]
    for done in range(total):
        number = done % configuration.rounds  # of the round in its epoch
        # Detached: the loss of a round is differentiated through its own steps only.
        canvas = states[-1].detached() if number else Canvas.start(experiment, network.probe)
        probe_moves = number >= ROUNDS_WITHOUT_PROBE
        states, misfit = network(experiment, canvas, next(rounds), probe_moves=probe_moves)
        clear_gradients(weights)
        misfit.log().backward()
        torch.nn.utils.clip_grad_value_(weights, LARGEST_GRADIENT)
        adam.step(cosine_decay(done / total))
        require_finite(misfit.item())
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
