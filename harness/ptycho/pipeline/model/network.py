"""An unrolled network: gradient-fed steps on the whole canvas, with small convolutions and a learnable probe.

Each step predicts the patterns of one batch, walks down the gradient of their misfit with momentum, and lets
convolutions correct the walk. The misfit is met *before* the step has used its batch, so its mean over the
steps is a loss that needs no truth and no second forward pass. Steps share their weights; a round unrolls
some of them, and rounds follow each other for as long as one likes, from a flat object on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from harness.ptycho.pipeline.model.forward import far_field, illumination, near_field, patches, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from harness.ptycho.pipeline.model.experiment import Experiment

STEP, MOMENTUM = 0.45, 0.9
"""The untrained walk; both are learned. Steps this bold do not settle by themselves: the walk needs its
learned correction, so that weights that are dead, or never loaded, show in the metrics."""

DIM = 0.05
"""Pixels with less than this share of the batch's brightest illumination move less."""

DARK = 1e-3
"""Amplitude (root mean square 1) below which a prediction has no phase to trust."""

CORRECTION = 0.1
"""Scale of what the convolutions see, gradient and momentum, and of what they add to it."""


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """The state that steps hand on: object and momentum, (M, M') complex64 each."""

    obj: Tensor
    momentum: Tensor

    @classmethod
    def flat(cls, experiment: Experiment) -> Canvas:
        """Return the start: a flat object at rest."""
        return cls(experiment.flat(), torch.zeros_like(experiment.flat()))

    def detached(self) -> Canvas:
        """Return the state without its history."""
        return Canvas(self.obj.detach(), self.momentum.detach())


class Step(nn.Module):
    """One step down the gradient, corrected by convolutions that see gradient and momentum.

    They have no bias and see nothing else, so where the data are explained nothing moves: the learned walk
    rests where the plain one does. Their last layer starts at zero: the untrained network is the plain walk.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.size = nn.Parameter(torch.tensor(STEP))
        self.inertia = nn.Parameter(torch.tensor(MOMENTUM))
        self.correct = nn.Sequential(
            nn.Conv2d(4, channels, 3, padding=1, bias=False), nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.SiLU(),
            nn.Conv2d(channels, 2, 3, padding=1, bias=False),
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # fmt: skip
        for parameter in self.correct[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, canvas: Canvas, gradient: Tensor, lit: Tensor) -> Canvas:
        """Move *canvas* against *gradient*, (M, M') complex64, where it is *lit*, (M, M') in 0..1."""
        waves = [gradient / CORRECTION, canvas.momentum / CORRECTION]
        seen = torch.stack([part for wave in waves for part in (wave.real, wave.imag)])  # (4, M, M')
        seen = seen[None].contiguous(memory_format=torch.channels_last)  # (1, 4, M, M')
        real, imag = self.correct(seen)[0]  # (M, M') each
        correction = CORRECTION * lit * torch.complex(real, imag)
        momentum = self.inertia * canvas.momentum - self.size * gradient + correction
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
        self.light = nn.Parameter(torch.view_as_real(probe).clone())  # (H, W, 2)
        self.step = Step(channels)

    @property
    def probe(self) -> Tensor:
        """The probe as it is now, (H, W) complex64."""
        return torch.view_as_complex(self.light)

    def forward(
        self, experiment: Experiment, canvas: Canvas, batches: Sequence[Tensor]
    ) -> tuple[list[Canvas], Tensor]:
        """Take one step per batch of positions.

        Returns
        -------
        list of Canvas
            The state after each step.
        Tensor, ()
            The mean over the steps of the batch's misfit, relative to its energy, before the step.
        """
        misfits, states = [], [canvas]
        for positions in batches:
            gradient, lit, misfit = self._gradient(experiment, states[-1].obj, positions)
            states.append(self.step(states[-1], gradient, lit))
            misfits.append(misfit)
        return states[1:], torch.stack(misfits).mean()

    def _gradient(
        self, experiment: Experiment, obj: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the misfit's gradient by the object, preconditioned by the light; the light; the misfit.

        Through the gradient the probe is a constant: it learns from the misfit alone.
        """
        windows, measured = experiment.windows.take(positions), experiment.amplitude[positions]
        wave = far_field(self.probe * patches(obj, windows))  # (B, H, W)
        predicted = wave.abs()  # (B, H, W)
        excess = predicted - measured  # (B, H, W)
        probe = self.probe.detach()
        back = probe.conj() * near_field(excess / (predicted + DARK) * wave)  # (B, H, W)
        light = illumination(probe, windows)  # (M, M')
        softened = light + DIM * light.max()
        misfit = excess.square().mean()
        return place(back, windows) / softened, light / softened, misfit
