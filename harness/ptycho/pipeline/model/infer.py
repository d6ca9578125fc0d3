"""Checkpoint and fixture in, object out, in a process of its own."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.core.storage.npz import write_archive
from harness.ptycho.pipeline.child_process import CONTROLS, RECONSTRUCTION, Task
from harness.ptycho.pipeline.configuration import NetworkConfiguration, read_configuration
from harness.ptycho.pipeline.model import checkpoint
from harness.ptycho.pipeline.model.batches import batches, neighbour_groups
from harness.ptycho.pipeline.model.determinism import settle
from harness.ptycho.pipeline.model.experiment import Experiment, read_experiment
from harness.ptycho.pipeline.model.network import Canvas, Network
from harness.ptycho.pipeline.model.train import KIND, untrained

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor


@torch.no_grad()
def infer(
    network: Network, experiment: Experiment, configuration: NetworkConfiguration, *, rounds: int
) -> Tensor:
    """Reconstruct the canvas of *experiment*, seen in training or not: (M, M') complex64, natural units.

    The result is the mean over the last round, in which the batches' noise cancels.
    """
    c = configuration
    members = neighbour_groups(experiment.x, experiment.y, gridsize=c.gridsize)
    order = batches(members, c.batch, np.random.default_rng(c.seed))
    canvas = Canvas.flat(experiment)
    for _ in range(rounds):
        states, _ = network(experiment, canvas, list(islice(order, c.steps)))
        canvas = states[-1]
    return torch.stack([state.obj for state in states]).mean(dim=0)


def trained(path: Path, experiment: Experiment, configuration: NetworkConfiguration) -> Network:
    """Load the network that training left at *path*.

    Raises
    ------
    UnreadableError
        The checkpoint is damaged, or is of a network of another shape.
    """
    network = untrained(experiment, configuration)
    try:
        network.load_state_dict(checkpoint.read_checkpoint(path, KIND))
    except RuntimeError as error:
        raise checkpoint.refused(path, KIND, " ".join(str(error).split())) from None
    return network


def main(task: Task) -> Mapping[str, str]:
    """Reconstruct a fixture with the trained network, and with its controls; return what was read."""
    configuration = read_configuration(NetworkConfiguration, task.output)
    settle(seed=configuration.seed, threads=configuration.threads)
    experiment = read_experiment(task.fixture)
    network = trained(task.output / checkpoint.FILE, experiment, configuration)
    start = untrained(experiment, configuration)
    obj = infer(network, experiment, configuration, rounds=configuration.inference_rounds)
    task.progress(1 / 3)
    bare = Network(network.probe.detach(), configuration.channels)
    bare.step.load_state_dict(start.step.state_dict())
    write_archive(task.output / RECONSTRUCTION, _stored(experiment, obj, network))
    write_archive(task.output / CONTROLS, {
        **_controls({"untrained": start, "untrained weights": bare}, experiment, configuration, task),
        **_first_rounds(network, bare, experiment, configuration),
        "flat": experiment.stored_object(experiment.flat()),
        "probe": experiment.stored_probe(start.probe),
    })  # fmt: skip
    return experiment.inputs


def _controls(
    networks: dict[str, Network], experiment: Experiment, configuration: NetworkConfiguration, task: Task
) -> dict[str, np.ndarray]:
    """Reconstruct with the untrained network: with its own probe, and with the trained one."""
    found = {}
    for number, (name, network) in enumerate(networks.items(), start=1):
        obj = infer(network, experiment, configuration, rounds=configuration.inference_rounds)
        found[name] = experiment.stored_object(obj)
        task.progress((1 + number) / (1 + len(networks)))
    return found


def _first_rounds(
    network: Network, bare: Network, experiment: Experiment, configuration: NetworkConfiguration
) -> dict[str, np.ndarray]:
    """Show what the weights alone do: the object after one round, untrained and trained, one probe."""
    return {
        name: experiment.stored_object(infer(walker, experiment, configuration, rounds=1))
        for name, walker in (("before", bare), ("after", network))
    }


def _stored(experiment: Experiment, canvas: Tensor, network: Network) -> dict[str, np.ndarray]:
    return {"object": experiment.stored_object(canvas), "probe": experiment.stored_probe(network.probe)}
