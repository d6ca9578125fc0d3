"""Faults of the forward model, and of the loss that compares it with the measurement."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.ptycho.pipeline.inject import in_children, replaced, replaced_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from harness.ptycho.pipeline.model.forward import Windows


@in_children
@contextmanager
def flipped_translation() -> Iterator[None]:
    """P01: the sign of the subpixel shift was flipped where waves are read, not where they are placed.

    The network moves the probe, and the other pipelines move the patch.
    """
    from harness.ptycho.pipeline.model.forward import moved_probes, patches

    def flipped(read: Callable[[Tensor, Windows], Tensor]) -> Callable[[Tensor, Windows], Tensor]:
        return lambda wave, windows: read(wave, replace(windows, ramp=windows.ramp.conj()))

    with (
        replaced_everywhere(patches, flipped(patches)),
        replaced_everywhere(moved_probes, flipped(moved_probes)),
    ):
        yield


@in_children
@contextmanager
def squared_prediction() -> Iterator[None]:
    """P02: the loss compared the square of the predicted amplitudes with the measured amplitudes."""
    from harness.ptycho.pipeline.model import iterative, network, quasi_newton
    from harness.ptycho.pipeline.model.forward import amplitude

    def squared(probe: Tensor, obj: Tensor, windows: Windows) -> Tensor:
        return amplitude(probe, obj, windows).square()

    with (
        replaced(iterative, "amplitude", squared),
        replaced(quasi_newton, "amplitude", squared),
        replaced(network, "amplitudes", lambda wave: wave.abs().square()),
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
