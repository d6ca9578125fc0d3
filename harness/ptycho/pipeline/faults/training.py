"""Faults of training, and of the weights that it passes to inference."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from harness.ptycho.pipeline.inject import in_children, replaced, replaced_everywhere

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from harness.ptycho.pipeline.configuration import Configuration
    from harness.ptycho.pipeline.model.experiment import Experiment
    from harness.ptycho.pipeline.model.iterative import Descent
    from harness.ptycho.pipeline.model.network import Canvas, Network, Slopes, Step
    from harness.ptycho.pipeline.model.quasi_newton import Fit

RATE_FACTOR = 10
FRACTION_DONE = 0.75
"""Fraction of the epochs after which fault P15b stops; half of the second half."""


class _StopTraining(Exception):  # noqa: N818 - ends a loop, not an error
    """Leaves the training loop early."""


@in_children
@contextmanager
def fixed_probe() -> Iterator[None]:
    """P04: the probe was a parameter that was never registered with the optimiser, and never learned."""
    from harness.ptycho.pipeline.model.network import Step

    step = Step.forward

    def with_fixed_probe(self: Step, canvas: Canvas, slopes: Slopes, **_: bool) -> Canvas:
        return step(self, canvas, slopes, probe_moves=False)

    with replaced(Step, "forward", with_fixed_probe), _descent_without("probe"):
        yield


@in_children
@contextmanager
def unloaded_weights() -> Iterator[None]:
    """P11: inference built the network, but never loaded the trained weights into it."""
    from harness.ptycho.pipeline.model import infer, train

    def without_loading(_: Path, *arguments: Any) -> Network:
        return train.untrained_network(*arguments)

    with replaced(infer, "load_network", without_loading):
        yield


@in_children
@contextmanager
def frozen_gridsize() -> Iterator[None]:
    """P13: a module copied the group size, then 1, at import, and ignored the configured one."""
    from harness.ptycho.pipeline.model.batches import neighbour_groups

    def of_single_positions(*positions: Any, gridsize: int) -> list[Any]:  # noqa: ARG001 - ignoring it is the fault
        return neighbour_groups(*positions, gridsize=1)

    with replaced_everywhere(neighbour_groups, of_single_positions):
        yield


@in_children
@contextmanager
def learning_rate_too_high() -> Iterator[None]:
    """P15: a typing mistake made Adam's learning rates ten times higher."""
    from harness.ptycho.pipeline.model import iterative, train

    of_network = partial(_read_with_raised_rates, ("learning_rate",))
    of_iterative = partial(_read_with_raised_rates, ("object_rate", "probe_rate"))
    with (
        replaced(train, "read_configuration", of_network),
        replaced(iterative, "read_configuration", of_iterative),
    ):
        yield


@in_children
@contextmanager
def last_epochs_skipped() -> Iterator[None]:
    """P15: the training loop ended after three quarters of the epochs, with the learning rates still high.

    The quasi-Newton method, which stops by itself, makes no step in its second process.
    """
    from harness.ptycho.pipeline.model import iterative, quasi_newton, train

    original_train, original_cool, original_minimise = train.train, iterative.cool, quasi_newton.minimise

    def train_too_short(network: Network, experiment: Experiment, configuration: Any, *_: Any) -> None:
        with suppress(_StopTraining):
            original_train(network, experiment, configuration, _stop_early)

    def cool_too_short(descent: Descent, experiment: Experiment, configuration: Any, *_: Any) -> None:
        with suppress(_StopTraining):
            original_cool(descent, experiment, configuration, lambda done: _stop_early((1 + done) / 2))

    def minimise_in_the_first_process(fit: Fit, *arguments: Any, **options: Any) -> None:
        if not fit.steps:
            original_minimise(fit, *arguments, **options)

    with (
        replaced(train, "train", train_too_short),
        replaced(iterative, "cool", cool_too_short),
        replaced(quasi_newton, "minimise", minimise_in_the_first_process),
    ):
        yield


@in_children
@contextmanager
def dead_object_update() -> Iterator[None]:
    """P17: the object's update was computed but not applied; only the probe learned."""
    from harness.ptycho.pipeline.model.network import Step

    step = Step.forward

    def without_update(self: Step, canvas: Canvas, slopes: Slopes, **options: Any) -> Canvas:
        moved = step(self, canvas, slopes, **options)
        computed = 0 * moved.obj_move  # not applied, but the loss still depends on the weights
        return replace(moved, obj=canvas.obj + computed, obj_move=canvas.obj_move)

    with replaced(Step, "forward", without_update), _descent_without("obj"):
        yield


@in_children
@contextmanager
def training_mode_at_inference() -> Iterator[None]:
    """P18: the network stayed in training mode at inference, and normalised by the statistics of its input.

    The network has no normalisation, so this fault adds it to the object's gradient, at inference alone: in
    training it would use the frozen statistics 0 and 1, which change nothing.
    """
    from harness.ptycho.pipeline.model import infer

    load = infer.load_network

    def in_training_mode(*arguments: Any) -> Network:
        network = load(*arguments)
        network.step = _with_normalisation(network.step)
        return network

    with replaced(infer, "load_network", in_training_mode):
        yield


@contextmanager
def _descent_without(name: str) -> Iterator[None]:
    """Let iterative and quasi-Newton reconstructions start without learning one of ``obj`` and ``probe``."""
    from harness.ptycho.pipeline.model import quasi_newton
    from harness.ptycho.pipeline.model.iterative import Descent

    start, scales = Descent.start, quasi_newton.scales

    def without_learning(_: type[Descent], *arguments: Any) -> Descent:
        descent = start(*arguments)
        getattr(descent, name).requires_grad = False
        return descent

    def without_moves(*arguments: Any) -> tuple[Tensor, Tensor]:
        obj, probe = scales(*arguments)
        return (0 * obj, probe) if name == "obj" else (obj, 0 * probe)

    with (
        replaced(Descent, "start", classmethod(without_learning)),
        replaced(quasi_newton, "scales", without_moves),
    ):
        yield


def _read_with_raised_rates(rates: tuple[str, ...], kind: type[Configuration], output: Path) -> Configuration:
    """Return the configuration in *output* with its *rates* ten times higher."""
    import msgspec

    from harness.ptycho.pipeline.configuration import read_configuration

    configuration = read_configuration(kind, output)
    raised = {name: RATE_FACTOR * getattr(configuration, name) for name in rates}
    return msgspec.structs.replace(configuration, **raised)


def _stop_early(fraction: float) -> None:
    """Stop the training when the *fraction* done is large enough; called in place of a progress report."""
    if fraction >= FRACTION_DONE:
        raise _StopTraining


def _with_normalisation(step: Step) -> Step:
    """Return *step* with batch normalisation of the object's gradient before it, in training mode."""
    import torch
    from torch import nn

    class Normalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.step = nn.BatchNorm2d(2, affine=False), step

        def forward(self, canvas: Canvas, slopes: Slopes, **options: Any) -> Canvas:
            parts = torch.view_as_real(slopes.obj).permute(2, 0, 1)[None]  # (1, 2, M, M')
            normal = torch.view_as_complex(self.norm(parts)[0].permute(1, 2, 0).contiguous())  # (M, M')
            return cast("Canvas", self.step(canvas, slopes._replace(obj=normal), **options))

    return cast("Step", Normalised())
