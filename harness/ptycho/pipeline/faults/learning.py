"""Faults of training and of what it hands on."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.ptycho.pipeline.inject import in_children, replaced, replaced_everywhere

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor, nn

    from harness.ptycho.pipeline.configuration import Configuration
    from harness.ptycho.pipeline.model.experiment import Experiment
    from harness.ptycho.pipeline.model.iterative import Descent
    from harness.ptycho.pipeline.model.network import Canvas, Network

TOO_HIGH = 10
KEPT = 0.75
"""Share of the epochs after which fault P15b leaves."""


class _Left(Exception):  # noqa: N818 - nothing is wrong
    """The epochs that are kept are over."""


@in_children
@contextmanager
def still_probe() -> Iterator[None]:
    """P04: the probe was made a parameter, and never registered with the optimiser."""
    from harness.ptycho.pipeline.model import train

    start = train.untrained

    def built(*arguments: Any) -> Network:
        network = start(*arguments)
        network.light.requires_grad = False
        return network

    with replaced(train, "untrained", built), _started_still("probe"):
        yield


@in_children
@contextmanager
def unloaded_weights() -> Iterator[None]:
    """P11: inference built its network and read the checkpoint, but never put the one into the other."""
    from harness.ptycho.pipeline.model import infer, train

    def built(_: Path, *arguments: Any) -> Network:
        return train.untrained(*arguments)

    with replaced(infer, "trained", built):
        yield


@in_children
@contextmanager
def frozen_gridsize() -> Iterator[None]:
    """P13: a module took the group size, then 1, as a default argument when it was imported."""
    from harness.ptycho.pipeline.model.batches import neighbour_groups

    def grouped(*positions: Any, gridsize: int) -> list[Any]:  # noqa: ARG001 - that is the fault
        return neighbour_groups(*positions, gridsize=1)

    with replaced_everywhere(neighbour_groups, grouped):
        yield


@in_children
@contextmanager
def learning_rate_too_high() -> Iterator[None]:
    """P15: Adam's learning rates lost a zero behind the point."""
    from harness.ptycho.pipeline.model import iterative, train

    network, descent = partial(_hasty, ("learning_rate",)), partial(_hasty, ("object_rate", "probe_rate"))
    with (
        replaced(train, "read_configuration", network),
        replaced(iterative, "read_configuration", descent),
    ):
        yield


@in_children
@contextmanager
def last_epochs_skipped() -> Iterator[None]:
    """P15: a loop ended after three quarters of the epochs; the schedule of the rates knew nothing of it."""
    from harness.ptycho.pipeline.model import iterative, train

    learn, descend = train.train, iterative.descend

    def briefly(network: Network, experiment: Experiment, configuration: Any, *_: Any) -> None:
        with suppress(_Left):
            learn(network, experiment, configuration, _leave)

    def stopped(
        descent: Descent, experiment: Experiment, configuration: Any, *, until: int, **options: Any
    ) -> None:
        descend(
            descent, experiment, configuration, until=min(until, int(KEPT * configuration.epochs)), **options
        )

    with replaced(train, "train", briefly), replaced(iterative, "descend", stopped):
        yield


@in_children
@contextmanager
def dead_object_update() -> Iterator[None]:
    """P17: the step that moves the object was computed and dropped; only the probe learned."""
    from harness.ptycho.pipeline.model.network import Step

    def dropped(self: Step, canvas: Canvas, gradient: Tensor, lit: Tensor) -> Canvas:  # noqa: ARG001
        return canvas

    with replaced(Step, "forward", dropped), _started_still("obj"):
        yield


@in_children
@contextmanager
def training_mode_at_inference() -> Iterator[None]:
    """P18: the network was never switched to evaluation, and normalised by the statistics of what it saw.

    The layers that do so stand behind the convolutions. They are made for this fault: in training their
    statistics are frozen at 0 and 1, so that they change nothing there.
    """
    from harness.ptycho.pipeline.model import infer

    trained = infer.trained

    def unswitched(*arguments: Any) -> Network:
        network = trained(*arguments)
        network.step.correct = _normalising(network.step.correct)
        return network

    with replaced(infer, "trained", unswitched):
        yield


@contextmanager
def _started_still(name: str) -> Iterator[None]:
    """Start iterative reconstructions whose object or probe learns nothing."""
    from harness.ptycho.pipeline.model.iterative import Descent

    started = Descent.started

    def still(_: type[Descent], *arguments: Any) -> Descent:
        descent = started(*arguments)
        getattr(descent, name).requires_grad = False
        return descent

    with replaced(Descent, "started", classmethod(still)):
        yield


def _hasty(rates: tuple[str, ...], kind: type[Configuration], output: Path) -> Configuration:
    """Read a configuration, and raise its *rates*."""
    import msgspec

    from harness.ptycho.pipeline.configuration import read_configuration

    configuration = read_configuration(kind, output)
    raised = {name: TOO_HIGH * getattr(configuration, name) for name in rates}
    return msgspec.structs.replace(configuration, **raised)


def _leave(share: float) -> None:
    """Hear of progress, and leave when enough is done."""
    if share >= KEPT:
        raise _Left


def _normalising(layers: nn.Sequential) -> nn.Sequential:
    """Return *layers* with normalisation behind every convolution but the last, in training mode."""
    from torch import nn

    *inner, last = layers
    widths = [layer.out_channels if isinstance(layer, nn.Conv2d) else 0 for layer in inner]
    norms = [[nn.BatchNorm2d(width, affine=False)] if width else [] for width in widths]
    return nn.Sequential(*(x for pair in zip(inner, norms, strict=True) for x in (pair[0], *pair[1])), last)
