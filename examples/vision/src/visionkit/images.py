"""Images of discs, and the edges in them."""

from __future__ import annotations

import torch
from torch import Tensor

EDGE = 0.75
"""Pixels: half the width of an edge."""


def discs(count: int, *, size: int = 16, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return images of discs, and masks of their edges.

    Parameters
    ----------
    count : int
    size : int
        Pixels along each side.
    seed : int
        Draws centres and radii.

    Returns
    -------
    images, edges : (count, 1, size, size) float32
        In [0, 1].
    """
    generator = torch.Generator().manual_seed(seed)
    centre = size * (0.35 + 0.3 * torch.rand(count, 2, 1, 1, generator=generator))
    radius = size * (0.15 + 0.15 * torch.rand(count, 1, 1, generator=generator))
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    distance = torch.hypot(row - centre[:, 0], column - centre[:, 1])
    images = (distance <= radius).float()
    edges = ((distance - radius).abs() < EDGE).float()
    return images[:, None], edges[:, None]
