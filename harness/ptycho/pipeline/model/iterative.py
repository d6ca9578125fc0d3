"""Adam on object and probe by automatic differentiation, in two halves and two processes."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.core.storage.npz import write_archive
from harness.ptycho.pipeline.child_process import CONTROLS, RECONSTRUCTION, Task
from harness.ptycho.pipeline.configuration import IterativeConfiguration, read_configuration
from harness.ptycho.pipeline.model import checkpoint
from harness.ptycho.pipeline.model.batches import neighbour_groups, one_pass
from harness.ptycho.pipeline.model.determinism import settle
from harness.ptycho.pipeline.model.experiment import Experiment, read_experiment
from harness.ptycho.pipeline.model.forward import amplitude, defocused
from harness.ptycho.pipeline.model.optimisers import Adam, forget
from harness.ptycho.pipeline.model.schedule import cosine, require_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

KIND = "iterative"
FIRST, SECOND = "first", "second"


@dataclass(slots=True, eq=False)
class Descent:
    """A reconstruction under way: object, probe, Adam's memory of both, and how many epochs are done."""

    obj: Tensor
    probe: Tensor
    adams: tuple[Adam, Adam]
    epoch: int = 0

    @classmethod
    def started(cls, experiment: Experiment, configuration: IterativeConfiguration) -> Descent:
        """Start with a flat object and a probe out of focus."""
        obj = experiment.flat().requires_grad_()
        probe = defocused(experiment.probe, configuration.defocus).requires_grad_()
        brightest = float(probe.detach().abs().max())
        rates = configuration.object_rate, configuration.probe_rate * brightest
        return cls(obj, probe, (Adam([obj], rates[0]), Adam([probe], rates[1])))

    def state(self) -> dict[str, Any]:
        """Return all that a new process needs to go on to the same bits."""
        arrays = {"obj": self.obj.detach(), "probe": self.probe.detach()}
        return {**arrays, "adams": [adam.state() for adam in self.adams], "epoch": self.epoch}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a :meth:`state`; object and probe must be of this experiment's shapes."""
        with torch.no_grad():
            for mine, saved in ((self.obj, state["obj"]), (self.probe, state["probe"])):
                _require_shape(mine, saved)
                mine.copy_(saved)
        for adam, saved in zip(self.adams, state["adams"], strict=True):
            adam.restore(saved)
        self.epoch = operator.index(state["epoch"])


def descend(
    descent: Descent,
    experiment: Experiment,
    configuration: IterativeConfiguration,
    *,
    until: int,
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Move *descent* in place up to the epoch *until*.

    The order of an epoch's batches, and its learning rate, follow from seed and epoch alone: nothing else has
    to be remembered between processes.

    Raises
    ------
    RefusedError
        The loss is no longer finite.
    """
    members = neighbour_groups(experiment.x, experiment.y, gridsize=configuration.gridsize)
    first = descent.epoch
    for epoch in range(first, until):
        for positions in one_pass(
            members, configuration.batch, np.random.default_rng([configuration.seed, epoch])
        ):
            predicted = amplitude(descent.probe, descent.obj, experiment.windows.take(positions))  # (B, H, W)
            loss = (predicted - experiment.amplitude[positions]).square().mean()
            forget((descent.obj, descent.probe))
            loss.backward()  # type: ignore[no-untyped-call]
            for adam in descent.adams:
                adam.step(cosine(epoch / configuration.epochs))
        require_finite(loss.item())
        descent.epoch = epoch + 1
        progress((descent.epoch - first) / (until - first))


def resumed(experiment: Experiment, configuration: IterativeConfiguration, task: Task) -> Descent:
    """Load the descent that another process left half way.

    Raises
    ------
    UnreadableError
        The state is damaged, or is of another experiment.
    """
    path = task.output / checkpoint.FILE
    descent = Descent.started(experiment, configuration)
    try:
        descent.restore(checkpoint.read_checkpoint(path, KIND))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise checkpoint.refused(path, KIND, f"{type(error).__name__}: {error}") from None
    return descent


def main(task: Task) -> Mapping[str, str]:
    """Do the first half and save it, or resume, do the second, and write the object; return what was read."""
    configuration = read_configuration(IterativeConfiguration, task.output)
    settle(seed=configuration.seed, threads=configuration.threads)
    experiment = read_experiment(task.fixture)
    if task.goal == FIRST:
        descent = Descent.started(experiment, configuration)
        descend(descent, experiment, configuration, until=configuration.epochs // 2, progress=task.progress)
        checkpoint.write_checkpoint(task.output / checkpoint.FILE, KIND, descent.state())
        return experiment.inputs
    descent = resumed(experiment, configuration, task)
    descend(descent, experiment, configuration, until=configuration.epochs, progress=task.progress)
    start = Descent.started(experiment, configuration)
    flat = experiment.stored_object(start.obj)
    write_archive(task.output / RECONSTRUCTION, {
        "object": experiment.stored_object(descent.obj), "probe": experiment.stored_probe(descent.probe),
    })  # fmt: skip
    write_archive(task.output / CONTROLS, {
        "flat": flat, "before": flat, "after": experiment.stored_object(descent.obj),
        "probe": experiment.stored_probe(start.probe),
    })  # fmt: skip
    return experiment.inputs


def _require_shape(mine: Tensor, saved: Tensor) -> None:
    if mine.shape != saved.shape or mine.dtype != saved.dtype:
        raise ValueError(f"{saved.dtype} {tuple(saved.shape)} in place of {mine.dtype} {tuple(mine.shape)}")
