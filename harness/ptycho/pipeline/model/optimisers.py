"""Adam and descent with momentum by torch's own step functions, without the optimiser classes around them.

The classes import torch's compiler when they are first used, which takes as long as importing torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.adam import adam
from torch.optim.sgd import sgd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

BETAS = (0.9, 0.99)
EPSILON = 1e-8


@dataclass(slots=True, eq=False)
class Adam:
    """Parameters that learn at one rate, and the memory of their gradients.

    Attributes
    ----------
    parameters : list of Tensor
        Leaves that require a gradient, real or complex.
    rate : float
        Learning rate; a step may take a share of it.
    epsilon : float
        Added to the root of the second moment.
    """

    parameters: list[Tensor]
    rate: float
    epsilon: float = EPSILON
    means: list[Tensor] = field(init=False)
    squares: list[Tensor] = field(init=False)
    steps: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        """Start without any memory."""
        self.means = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.squares = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.steps = [torch.tensor(0.0) for _ in self.parameters]

    @torch.no_grad()
    def step(self, share: float = 1.0) -> None:
        """Move the parameters at this *share* of the rate."""
        adam(
            self.parameters,
            [gradient(parameter) for parameter in self.parameters],
            self.means,
            self.squares,
            [],
            self.steps,
            foreach=False,
            has_complex=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=share * self.rate,
            weight_decay=0.0,
            eps=self.epsilon,
            maximize=False,
        )

    def state(self) -> dict[str, Any]:
        """Return the memory, for a checkpoint."""
        return {"means": self.means, "squares": self.squares, "steps": self.steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a :meth:`state` of parameters of the same shapes."""
        for name in ("means", "squares", "steps"):
            for mine, saved in zip(getattr(self, name), state[name], strict=True):
                if mine.shape != saved.shape or mine.dtype != saved.dtype:
                    raise ValueError(f"{name} of {saved.dtype} {tuple(saved.shape)}")
                mine.copy_(saved)


@dataclass(slots=True, eq=False)
class Momentum:
    """One parameter that goes down its gradient at a rate, and keeps a share of its last step."""

    parameter: Tensor
    rate: float
    inertia: float
    _last: Tensor | None = field(init=False, default=None)

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameter."""
        memory: list[Tensor | None] = [self._last]
        sgd(
            [self.parameter],
            [gradient(self.parameter)],
            memory,
            foreach=False,
            weight_decay=0.0,
            momentum=self.inertia,
            lr=self.rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )  # fmt: skip
        (self._last,) = memory


def gradient(parameter: Tensor) -> Tensor:
    """Return what was added up for *parameter*: nothing is zero."""
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def forget(parameters: Iterable[Tensor]) -> None:
    """Drop the gradients of *parameters*."""
    for parameter in parameters:
        parameter.grad = None
