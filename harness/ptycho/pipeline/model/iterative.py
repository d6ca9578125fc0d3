"""The iterative reconstruction: Adam on object and probe by automatic differentiation.

One process runs epochs at full learning rates until the loss settles. Another one continues from a checkpoint
with as many epochs, in which the rates fall to zero. Without the first limit, a model that is wrong (several
modes, moving positions) spreads its error over object and probe, epoch by epoch.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.core.storage.npz import write_archive
from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE, CONTROLS_FILE, RECONSTRUCTION_FILE, Task
from harness.ptycho.pipeline.configuration import IterativeConfiguration, read_configuration
from harness.ptycho.pipeline.model.batches import neighbour_groups, one_pass
from harness.ptycho.pipeline.model.checkpoint import restore_checkpoint, write_checkpoint
from harness.ptycho.pipeline.model.determinism import make_deterministic
from harness.ptycho.pipeline.model.experiment import Experiment, read_experiment
from harness.ptycho.pipeline.model.forward import amplitude, defocused
from harness.ptycho.pipeline.model.optimisers import Adam, clear_gradients
from harness.ptycho.pipeline.model.schedule import cosine_decay, require_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

KIND = "iterative"
FIRST_HALF, SECOND_HALF = "first", "second"
"""Parts of the task; see :class:`~harness.ptycho.pipeline.child_process.Task`."""

PATIENCE = 120
"""Steps without progress after which the loss has settled: a large scan has many steps in an epoch."""

SMALLEST_PROGRESS = 0.01
"""Share by which an epoch's loss must be below all before it."""


@dataclass(slots=True, eq=False)
class Descent:
    """An unfinished reconstruction.

    Attributes
    ----------
    obj : (M, M') complex64
    probe : (H, W) complex64
        Both in natural units; leaves that require a gradient.
    adams : (Adam, Adam)
        Optimisers of object and probe.
    losses : list of float
        Mean squared excess of each epoch at full rates, over the patterns as its batches drew them.
    epoch : int
        Epochs done.
    """

    obj: Tensor
    probe: Tensor
    adams: tuple[Adam, Adam]
    losses: list[float] = field(default_factory=list)
    epoch: int = 0

    @classmethod
    def start(cls, experiment: Experiment, configuration: IterativeConfiguration) -> Descent:
        """Return the start of a reconstruction: a flat object and a defocused probe."""
        obj = experiment.flat_object().requires_grad_()
        probe = defocused(experiment.probe, configuration.defocus).requires_grad_()
        brightest = float(probe.detach().abs().max())
        rates = configuration.object_rate, configuration.probe_rate * brightest
        return cls(obj, probe, (Adam([obj], rates[0]), Adam([probe], rates[1])))

    def state(self) -> dict[str, Any]:
        """Return what another process needs to continue to the same bits."""
        arrays = {"obj": self.obj.detach(), "probe": self.probe.detach()}
        adams = [adam.state() for adam in self.adams]
        return {**arrays, "adams": adams, "losses": self.losses, "epoch": self.epoch}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state` of the same experiment.

        Raises
        ------
        ValueError, KeyError, TypeError, AttributeError
            The state has another shape or form.
        """
        with torch.no_grad():
            for mine, saved in ((self.obj, state["obj"]), (self.probe, state["probe"])):
                _require_same_shape(mine, saved)
                mine.copy_(saved)
        for adam, saved in zip(self.adams, state["adams"], strict=True):
            adam.restore(saved)
        self.losses = [float(loss) for loss in state["losses"]]
        self.epoch = operator.index(state["epoch"])


def settle(
    descent: Descent,
    experiment: Experiment,
    configuration: IterativeConfiguration,
    report_progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Run *descent* in place at full learning rates until the loss settles, or for half of the epochs.

    Parameters
    ----------
    descent : Descent
        Changed in place.
    experiment : Experiment
    configuration : IterativeConfiguration
    report_progress : callable, optional
        Called with the fraction done after each epoch.

    Raises
    ------
    RefusedError
        The reconstruction diverged: the loss is NaN or infinite.
    """
    half = configuration.epochs // 2
    while descent.epoch < half:
        losses = _run_epoch(descent, experiment, configuration, rate=1.0)
        descent.losses.append(float(np.mean(losses)))
        report_progress(descent.epoch / half)
        if has_settled(descent.losses, steps=len(losses)):
            return


def cool(
    descent: Descent,
    experiment: Experiment,
    configuration: IterativeConfiguration,
    report_progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Run as many epochs as :func:`settle` did, in which the learning rates fall to zero.

    Parameters and errors as for :func:`settle`.
    """
    first = len(descent.losses)
    while descent.epoch < 2 * first:
        _run_epoch(descent, experiment, configuration, rate=cosine_decay(descent.epoch / first - 1))
        report_progress(descent.epoch / first - 1)


def has_settled(losses: Sequence[float], *, steps: int) -> bool:
    """Return whether no epoch of the last :data:`PATIENCE` steps made progress.

    losses : one for each epoch; steps : in an epoch.

    Examples
    --------
    >>> [has_settled([0.4, 0.2, *[0.1] * n], steps=30) for n in (4, 5)]
    [False, True]
    """
    least, progress = np.inf, 0
    for epoch, loss in enumerate(losses):
        if loss < (1 - SMALLEST_PROGRESS) * least:
            least, progress = loss, epoch
    return (len(losses) - 1 - progress) * steps >= PATIENCE


def resume(experiment: Experiment, configuration: IterativeConfiguration, output: Path) -> Descent:
    """Return the reconstruction that another process saved half way in the folder *output*.

    Raises
    ------
    UnreadableError
        The checkpoint is damaged, or is of another experiment.
    """
    descent = Descent.start(experiment, configuration)
    restore_checkpoint(output / CHECKPOINT_FILE, KIND, descent.restore)
    return descent


def main(task: Task) -> Mapping[str, str]:
    """Run the first half and save it, or run the second half and write the results.

    Returns the digests of the arrays that were read.
    """
    configuration = read_configuration(IterativeConfiguration, task.output)
    make_deterministic(seed=configuration.seed, threads=configuration.threads)
    experiment = read_experiment(task.fixture)
    if task.part == FIRST_HALF:
        _first_half(task, experiment, configuration)
    else:
        _second_half(task, experiment, configuration)
    return experiment.inputs


def _run_epoch(
    descent: Descent, experiment: Experiment, configuration: IterativeConfiguration, *, rate: float
) -> list[float]:
    """Run one epoch with *rate* times the learning rates, and return the loss of each of its batches.

    The order of the batches depends on seed and epoch alone, so the checkpoint need not hold a random state.
    """
    members = neighbour_groups(experiment.x, experiment.y, gridsize=configuration.gridsize)
    rng, losses = np.random.default_rng([configuration.seed, descent.epoch]), []
    for positions in one_pass(members, configuration.batch, rng):  # (B,)
        predicted = amplitude(descent.probe, descent.obj, experiment.windows.take(positions))  # (B, H, W)
        loss = experiment.excess(predicted, positions).square().mean()
        clear_gradients((descent.obj, descent.probe))
        loss.backward()  # type: ignore[no-untyped-call]
        for adam in descent.adams:
            adam.step(rate)
        losses.append(loss.item())
    require_finite(losses[-1])
    descent.epoch += 1
    return losses


def _first_half(task: Task, experiment: Experiment, configuration: IterativeConfiguration) -> None:
    descent = Descent.start(experiment, configuration)
    settle(descent, experiment, configuration, task.report_progress)
    write_checkpoint(task.output / CHECKPOINT_FILE, KIND, descent.state())


def _second_half(task: Task, experiment: Experiment, configuration: IterativeConfiguration) -> None:
    descent = resume(experiment, configuration, task.output)
    cool(descent, experiment, configuration, task.report_progress)
    start = Descent.start(experiment, configuration)
    obj, flat = experiment.stored_object(descent.obj), experiment.stored_object(start.obj)  # (M, M') each
    write_archive(task.output / RECONSTRUCTION_FILE, {
        "object": obj, "probe": experiment.stored_probe(descent.probe),
    })  # fmt: skip
    write_archive(task.output / CONTROLS_FILE, {
        "flat": flat, "before": flat, "after": obj, "probe": experiment.stored_probe(start.probe),
    })  # fmt: skip


def _require_same_shape(mine: Tensor, saved: Tensor) -> None:
    if mine.shape != saved.shape or mine.dtype != saved.dtype:
        raise ValueError(f"{saved.dtype} {tuple(saved.shape)} in place of {mine.dtype} {tuple(mine.shape)}")
