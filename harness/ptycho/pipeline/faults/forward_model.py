"""Faults of the forward model, and of the loss that compares it with the measurement."""

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
    """P02: the loss compared the square of the predicted amplitudes with the measured amplitudes."""
    from harness.ptycho.pipeline.model import iterative, quasi_newton
    from harness.ptycho.pipeline.model.forward import amplitude
    from harness.ptycho.pipeline.model.network import Network

    original = Network._gradient  # noqa: SLF001 - computes the loss

    def squared(probe: Tensor, obj: Tensor, windows: Windows) -> Tensor:
        return amplitude(probe, obj, windows).square()

    def with_squared_loss(
        self: Network, experiment: Experiment, obj: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        gradient, light, _ = original(self, experiment, obj, positions)
        predicted = squared(self.probe, obj, experiment.windows.take(positions))
        return gradient, light, (predicted - experiment.amplitude[positions]).square().mean()

    with (
        replaced(iterative, "amplitude", squared),
        replaced(quasi_newton, "amplitude", squared),
        replaced(Network, "_gradient", with_squared_loss),
    ):
        yield


@in_children
@contextmanager
def masked_probe() -> Iterator[None]:
    """P03: a new option, a mask that cuts the probe to a disc, was on by default.

    The disc's radius is a quarter of the window's width.
    """
    from harness.ptycho.pipeline.model.forward import far_field, near_field

    def masked_far_field(exit_wave: Tensor) -> Tensor:
        return far_field(exit_wave * _disc(exit_wave))

    def masked_near_field(spectrum: Tensor) -> Tensor:
        return near_field(spectrum) * _disc(spectrum)

    with (
        replaced_everywhere(far_field, masked_far_field),
        replaced_everywhere(near_field, masked_near_field),
    ):
        yield


def _disc(waves: Tensor) -> Tensor:
    """Return the mask of a centred disc of radius W / 4, (H, W) bool, for *waves*, (..., H, W)."""
    import torch

    rows, columns = (torch.arange(n) - n // 2 for n in waves.shape[-2:])
    return rows[:, None] ** 2 + columns**2 <= (waves.shape[-1] / 4) ** 2
