"""The inference of the network: checkpoint and fixture go in, object, probe and controls come out."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.core.storage.npz import write_archive
from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE, CONTROLS_FILE, RECONSTRUCTION_FILE, Task
from harness.ptycho.pipeline.configuration import NetworkConfiguration, read_configuration
from harness.ptycho.pipeline.model.batches import endless_batches, neighbour_groups
from harness.ptycho.pipeline.model.checkpoint import checkpoint_error, read_checkpoint
from harness.ptycho.pipeline.model.determinism import make_deterministic
from harness.ptycho.pipeline.model.experiment import Experiment, read_experiment
from harness.ptycho.pipeline.model.network import Canvas, Network
from harness.ptycho.pipeline.model.train import KIND, untrained_network

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor


@torch.no_grad()
def infer(
    network: Network, experiment: Experiment, configuration: NetworkConfiguration, *, rounds: int
) -> Tensor:
    """Return the reconstructed object of *experiment*, seen in training or not.

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
    (M, M') complex64
        On the canvas, in natural units.
    """
    c = configuration
    members = neighbour_groups(experiment.x, experiment.y, gridsize=c.gridsize)
    order = endless_batches(members, c.batch, np.random.default_rng(c.seed))
    canvas = Canvas.flat(experiment)
    for _ in range(rounds):
        states, _ = network(experiment, canvas, list(islice(order, c.steps)))
        canvas = states[-1]
    # Each step leaves noise of its own batch; the mean over the last round averages it out.
    return torch.stack([state.obj for state in states]).mean(dim=0)  # (M, M')


def load_network(path: Path, experiment: Experiment, configuration: NetworkConfiguration) -> Network:
    """Return the network whose weights and probe training saved at *path*.

    Raises
    ------
    UnreadableError
        The checkpoint is damaged, or is of a network of another shape.
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
    obj = infer(network, experiment, configuration, rounds=configuration.inference_rounds)  # (M, M')
    task.report_progress(1 / 3)
    # The trained probe with untrained weights: shows what the weights alone contribute.
    bare = Network(network.probe.detach(), configuration.channels)
    bare.step.load_state_dict(start.step.state_dict())
    write_archive(task.output / RECONSTRUCTION_FILE, {
        "object": experiment.stored_object(obj), "probe": experiment.stored_probe(network.probe),
    })  # fmt: skip
    write_archive(task.output / CONTROLS_FILE, {
        **_controls({"untrained": start, "untrained weights": bare}, experiment, configuration, task),
        **_first_rounds({"before": bare, "after": network}, experiment, configuration),
        "flat": experiment.stored_object(experiment.flat_object()),
        "probe": experiment.stored_probe(start.probe),
    })  # fmt: skip
    return experiment.inputs


def _controls(
    networks: dict[str, Network], experiment: Experiment, configuration: NetworkConfiguration, task: Task
) -> dict[str, np.ndarray]:
    """Return the objects that untrained *networks* reconstruct, (M, M') in stored units, by name."""
    found = {}
    for number, (name, network) in enumerate(networks.items(), start=1):
        obj = infer(network, experiment, configuration, rounds=configuration.inference_rounds)
        found[name] = experiment.stored_object(obj)
        task.report_progress((1 + number) / (1 + len(networks)))
    return found


def _first_rounds(
    networks: dict[str, Network], experiment: Experiment, configuration: NetworkConfiguration
) -> dict[str, np.ndarray]:
    """Return each network's object after a single round, (M, M') in stored units, by name."""
    return {
        name: experiment.stored_object(infer(network, experiment, configuration, rounds=1))
        for name, network in networks.items()
    }
