"""An unrolled network: gradient descent on the object, with learned corrections and a learned probe.

Each step predicts the patterns of one batch, moves the object against the gradient of their misfit with
momentum, and adds a correction by small convolutions. The misfit is computed *before* the step has used
its batch, so its mean over the steps is a loss that needs neither the ground truth nor a second forward
pass. All steps share their weights. A round is a few unrolled steps, and a reconstruction is any number of
rounds from a flat object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from harness.ptycho.pipeline.model.forward import (
    far_field,
    illumination,
    near_field,
    patches,
    place_patches,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from harness.ptycho.pipeline.model.experiment import Experiment

START_STEP_SIZE, START_MOMENTUM = 0.45, 0.9
"""Step size and momentum before training; both are learned.

Steps this large do not converge without the learned correction, so weights that were not trained, or not
loaded, show in the metrics.
"""

SOFTENING = 0.05
"""Pixels with less than this share of the batch's brightest illumination move less."""

PHASE_FLOOR = 1e-3
"""Predicted amplitude (root mean square 1) below which a pixel's phase is noise and counts less."""

CORRECTION_SCALE = 0.1
"""The convolutions see gradient and momentum divided by this, and their output is multiplied by it."""


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """The state between two steps: object and momentum, (M, M') complex64 each."""

    obj: Tensor
    momentum: Tensor

    @classmethod
    def flat(cls, experiment: Experiment) -> Canvas:
        """Return the start of a reconstruction: a flat object without momentum."""
        return cls(experiment.flat_object(), torch.zeros_like(experiment.flat_object()))

    def detached(self) -> Canvas:
        """Return the state without the graph that computed it."""
        return Canvas(self.obj.detach(), self.momentum.detach())


class Step(nn.Module):
    """One step of gradient descent, with a correction by convolutions of gradient and momentum.

    The convolutions have no bias and no other input, so an object that explains its patterns stays where it
    is, with any weights. The last layer starts at zero: untrained, the step is plain gradient descent.

    Parameters
    ----------
    channels : int
        Width of the convolutions.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.step_size = nn.Parameter(torch.tensor(START_STEP_SIZE))
        self.momentum = nn.Parameter(torch.tensor(START_MOMENTUM))
        self.correct = nn.Sequential(
            nn.Conv2d(4, channels, 3, padding=1, bias=False), nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.SiLU(),
            nn.Conv2d(channels, 2, 3, padding=1, bias=False),
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # fmt: skip
        for parameter in self.correct[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, canvas: Canvas, gradient: Tensor, light: Tensor) -> Canvas:
        """Return *canvas* after one step.

        gradient : (M, M') complex64. light : (M, M') float32, from 0 where it is dark to 1.
        """
        waves = [gradient / CORRECTION_SCALE, canvas.momentum / CORRECTION_SCALE]  # (M, M') each
        features = torch.stack([part for wave in waves for part in (wave.real, wave.imag)])  # (4, M, M')
        features = features[None].contiguous(memory_format=torch.channels_last)  # (1, 4, M, M')
        real, imag = self.correct(features)[0]  # (M, M') each
        correction = CORRECTION_SCALE * light * torch.complex(real, imag)  # (M, M')
        momentum = self.momentum * canvas.momentum - self.step_size * gradient + correction  # (M, M')
        return Canvas(canvas.obj + momentum, momentum)


class Network(nn.Module):
    """The unrolled network.

    Parameters
    ----------
    probe : (H, W) complex64
        The start probe in natural units; learned from there.
    channels : int
        Width of the convolutions.
    """

    def __init__(self, probe: Tensor, channels: int) -> None:
        super().__init__()
        self.probe_parts = nn.Parameter(torch.view_as_real(probe).clone())  # (H, W, 2) float32
        self.step = Step(channels)

    @property
    def probe(self) -> Tensor:
        """The current probe, (H, W) complex64."""
        return torch.view_as_complex(self.probe_parts)

    def forward(
        self, experiment: Experiment, canvas: Canvas, batches: Sequence[Tensor]
    ) -> tuple[list[Canvas], Tensor]:
        """Take one step per batch of positions.

        Parameters
        ----------
        experiment : Experiment
        canvas : Canvas
            Where the first step starts.
        batches : sequence of (B,) int64
            Positions whose patterns each step uses.

        Returns
        -------
        list of Canvas
            The state after each step.
        () float32
            The batches' misfits, each before its step, averaged over the steps.
        """
        misfits, states = [], [canvas]
        for positions in batches:
            gradient, light, misfit = self._gradient(experiment, states[-1].obj, positions)
            states.append(self.step(states[-1], gradient, light))
            misfits.append(misfit)
        return states[1:], torch.stack(misfits).mean()

    def _gradient(
        self, experiment: Experiment, obj: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return a batch's preconditioned gradient by the object, its light, and its misfit.

        The misfit is the mean of (predicted - measured)^2 over the batch's pixels. Its gradient by the object
        is divided by the illumination, so that one step size fits bright and dim pixels.

        Returns
        -------
        (M, M') complex64, (M, M') float32 in 0..1, () float32
        """
        windows, measured = experiment.windows.take(positions), experiment.amplitude[positions]
        wave = far_field(self.probe * patches(obj, windows))  # (B, H, W)
        predicted = wave.abs()  # (B, H, W)
        excess = predicted - measured  # (B, H, W)
        # Adjoint and illumination treat the probe as a constant: only `wave` carries its gradient.
        probe = self.probe.detach()  # (H, W)
        back = probe.conj() * near_field(excess / (predicted + PHASE_FLOOR) * wave)  # (B, H, W)
        light = illumination(probe, windows)  # (M, M')
        softened = light + SOFTENING * light.max()  # (M, M')
        misfit = excess.square().mean()  # ()
        return place_patches(back, windows) / softened, light / softened, misfit
