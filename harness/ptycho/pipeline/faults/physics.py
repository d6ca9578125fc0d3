"""Faults of the forward model, and of what it is compared with."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.ptycho.pipeline.inject import in_children, replaced, replaced_everywhere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from harness.ptycho.pipeline.model.experiment import Experiment
    from harness.ptycho.pipeline.model.forward import Windows
    from harness.ptycho.pipeline.model.network import Network


@in_children
@contextmanager
def flipped_translation() -> Iterator[None]:
    """P01: the sign of the subpixel shift was flipped where patches are read, not where they are placed."""
    from harness.ptycho.pipeline.model.forward import patches

    def flipped(obj: Tensor, windows: Windows) -> Tensor:
        return patches(obj, replace(windows, ramp=windows.ramp.conj()))

    with replaced_everywhere(patches, flipped):
        yield


@in_children
@contextmanager
def squared_prediction() -> Iterator[None]:
    """P02: the loss compared what the model predicts, squared, with the amplitudes that were measured."""
    from harness.ptycho.pipeline.model import iterative
    from harness.ptycho.pipeline.model.forward import amplitude
    from harness.ptycho.pipeline.model.network import Network

    gradient = Network._gradient  # noqa: SLF001 - where the loss is met

    def squared(probe: Tensor, obj: Tensor, windows: Windows) -> Tensor:
        return amplitude(probe, obj, windows).square()

    def misfitted(
        self: Network, experiment: Experiment, obj: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        down, lit, _ = gradient(self, experiment, obj, positions)
        predicted = squared(self.probe, obj, experiment.windows.take(positions))
        return down, lit, (predicted - experiment.amplitude[positions]).square().mean()

    with replaced(iterative, "amplitude", squared), replaced(Network, "_gradient", misfitted):
        yield


@in_children
@contextmanager
def masked_probe() -> Iterator[None]:
    """P03: a new option, a disc of a quarter of the window's width as the probe's mask, was on by default."""
    from harness.ptycho.pipeline.model.forward import far_field, near_field

    def out(exit_wave: Tensor) -> Tensor:
        return far_field(exit_wave * _disc(exit_wave))

    def back(spectrum: Tensor) -> Tensor:
        return near_field(spectrum) * _disc(spectrum)

    with replaced_everywhere(far_field, out), replaced_everywhere(near_field, back):
        yield


def _disc(waves: Tensor) -> Tensor:
    """Return 1 within a quarter of the window's width of its middle, and 0 outside: (H, W) bool."""
    import torch

    rows, columns = (torch.arange(n) - n // 2 for n in waves.shape[-2:])
    return rows[:, None] ** 2 + columns**2 <= (waves.shape[-1] / 4) ** 2
