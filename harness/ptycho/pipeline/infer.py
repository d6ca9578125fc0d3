"""Checkpoint and fixture in, object out, in a process of its own."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.core.archive import write_archive
from harness.ptycho.pipeline import checkpoint
from harness.ptycho.pipeline.batches import batches, neighbour_groups
from harness.ptycho.pipeline.child import CONTROLS, RECONSTRUCTION, Task, serve
from harness.ptycho.pipeline.configuration import NetworkConfiguration, read_configuration
from harness.ptycho.pipeline.determinism import settle
from harness.ptycho.pipeline.experiment import Experiment, read_experiment
from harness.ptycho.pipeline.network import Canvas, Network
from harness.ptycho.pipeline.train import KIND, untrained

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


@torch.no_grad()
def infer(network: Network, experiment: Experiment, configuration: NetworkConfiguration) -> Tensor:
    """Reconstruct the canvas of *experiment*, seen in training or not: (M, M') complex64, natural units.

    The result is the mean over the last round, in which the batches' noise cancels.
    """
    c = configuration
    members = neighbour_groups(experiment.x, experiment.y, gridsize=c.gridsize)
    order = batches(members, c.batch, np.random.default_rng(c.seed))
    canvas = Canvas.flat(experiment)
    for _ in range(c.inference_rounds):
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


def main(task: Task) -> None:
    """Reconstruct a fixture with the trained network, and with its controls."""
    configuration = read_configuration(NetworkConfiguration, task.output)
    settle(seed=configuration.seed, threads=configuration.threads)
    experiment = read_experiment(task.fixture)
    network = trained(task.output / checkpoint.FILE, experiment, configuration)
    start = untrained(experiment, configuration)
    reconstruction = _stored(experiment, network, infer(network, experiment, configuration))
    task.progress(1 / 3)
    control = _stored(experiment, start, infer(start, experiment, configuration))
    task.progress(2 / 3)
    start.light.data.copy_(network.light)
    unmoved = _stored(experiment, start, infer(start, experiment, configuration))
    task.progress(1.0)
    write_archive(task.output / RECONSTRUCTION, reconstruction)
    write_archive(task.output / CONTROLS, {
        "untrained": control["object"], "probe": control["probe"], "start": unmoved["object"],
        "flat": experiment.stored_object(experiment.flat()),
    })  # fmt: skip


def _stored(experiment: Experiment, network: Network, canvas: Tensor) -> dict[str, np.ndarray]:
    return {"object": experiment.stored_object(canvas), "probe": experiment.stored_probe(network.probe)}


if __name__ == "__main__":
    serve(main)
