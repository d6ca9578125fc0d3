"""Adam, by torch's own step function.

torch's optimiser class is not used, because its first use imports torch's compiler, which takes as
long as importing torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.adam import adam

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

BETAS = (0.9, 0.99)
EPSILON = 1e-8


@dataclass(slots=True, eq=False)
class Adam:
    """Parameters that share a learning rate, and the moments of their gradients.

    Attributes
    ----------
    parameters : list of Tensor
        Leaves that require a gradient, real or complex.
    rate : float
        Learning rate.
    epsilon : float
        Added to the root of the second moment.
    means, squares, steps : list of Tensor
        First and second moment, and number of steps so far, of each parameter.
    """

    parameters: list[Tensor]
    rate: float
    epsilon: float = EPSILON
    means: list[Tensor] = field(init=False)
    squares: list[Tensor] = field(init=False)
    steps: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        """Start with moments of zero."""
        self.means = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.squares = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.steps = [torch.tensor(0.0) for _ in self.parameters]

    @torch.no_grad()
    def step(self, factor: float = 1.0) -> None:
        """Move the parameters, with *factor* times the learning rate."""
        adam(
            self.parameters,
            [gradient_or_zero(parameter) for parameter in self.parameters],
            self.means,
            self.squares,
            [],
            self.steps,
            foreach=False,
            has_complex=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=factor * self.rate,
            weight_decay=0.0,
            eps=self.epsilon,
            maximize=False,
        )

    def state(self) -> dict[str, Any]:
        """Return the moments and step counts, for a checkpoint."""
        return {"means": self.means, "squares": self.squares, "steps": self.steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state`.

        Raises
        ------
        ValueError
            The state is of parameters of other shapes, dtypes or number.
        """
        for name in ("means", "squares", "steps"):
            for mine, saved in zip(getattr(self, name), state[name], strict=True):
                if mine.shape != saved.shape or mine.dtype != saved.dtype:
                    raise ValueError(f"{name} of {saved.dtype} {tuple(saved.shape)}")
                mine.copy_(saved)


def gradient_or_zero(parameter: Tensor) -> Tensor:
    """Return the gradient of *parameter*, or zeros if the loss does not depend on it."""
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def clear_gradients(parameters: Iterable[Tensor]) -> None:
    """Remove the gradients of *parameters*; torch would add the next ones to them."""
    for parameter in parameters:
        parameter.grad = None
