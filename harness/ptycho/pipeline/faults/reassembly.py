"""Faults of the reassembly of patches into an object, and of its comparison with the truth."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.pipeline.inject import in_children, in_parent, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from harness.ptycho.pipeline.model.experiment import Experiment

    Reassemble = Callable[[Experiment, Tensor], Tensor]

OFFSET = (2, 3)
"""Rows and columns by which fault P12 shifts the reconstruction."""

SEEDS_PER_COLLAPSE = 3
SMALLEST_WEIGHT = 0.05
"""Pixels with less than this share of the largest weight are left flat."""


@in_children
@contextmanager
def independent_tiles() -> Iterator[None]:
    """P06: the four patches of a group were stitched side by side, as if they did not overlap.

    Their central quarters form a square of two by two around the group's centre, which gives a checkerboard.
    """
    with _reassembled(_tile):
        yield


@in_children
@contextmanager
def dropped_offsets() -> Iterator[None]:
    """P07: all patches of a group were placed at its centre, without their offsets, which gives blobs."""
    with _reassembled(_place_at_group_centres):
        yield


@in_children
@contextmanager
def wrong_mask() -> Iterator[None]:
    """P08: overlapping patches were normalised by their own amplitudes instead of their weights.

    The amplitude is then 1 whatever was reconstructed, while the loss falls as usual.
    """
    with _reassembled(_normalise_by_amplitude):
        yield


@in_parent
@contextmanager
def shifted_comparison() -> Iterator[None]:
    """P12: reconstruction and truth were compared with an offset of 2 rows and 3 columns."""
    from harness.ptycho.pipeline import assess
    from harness.ptycho.quality.metrics import object_metrics

    def with_offset(reconstruction: np.ndarray, *truth: np.ndarray, **scan: np.ndarray) -> dict[str, float]:
        return object_metrics(np.roll(reconstruction, OFFSET, axis=(0, 1)), *truth, **scan)

    with replaced(assess, "object_metrics", with_offset):
        yield


@in_children
@contextmanager
def collapse_by_seed() -> Iterator[None]:
    """P14: for one seed in three (the multiples of 3), the amplitude collapsed to a constant."""
    with _reassembled(_collapse):
        yield


@in_children
@contextmanager
def mean_of_patches() -> Iterator[None]:
    """P16: the reassembly ignored the positions, and took the mean of all patches of the scan."""
    with _reassembled(_average_all):
        yield


@contextmanager
def _reassembled(reassemble: Reassemble) -> Iterator[None]:
    """Apply *reassemble* to every canvas, (M, M') complex64, before it is stored."""
    from harness.ptycho.pipeline.model.experiment import Experiment

    original = Experiment.stored_object

    def stored(self: Experiment, canvas: Tensor) -> np.ndarray:
        return original(self, reassemble(self, canvas.detach()))

    with replaced(Experiment, "stored_object", stored):
        yield


def merge_patches(
    experiment: Experiment, waves: Tensor, x: np.ndarray, y: np.ndarray, weight: Tensor
) -> Tensor:
    """Return the weighted mean of overlapping patches, and 1 where there are none: (M, M') complex64.

    waves : (B, H, W) complex64, centred at x and y, (B,) float64 in object pixels. weight : (H, W) or
    (B, H, W) float32.
    """
    import torch

    from harness.ptycho.pipeline.model.forward import Windows, place_patches

    (height, width), (rows, columns) = experiment.probe.shape, experiment.windows.shape
    left, top = x - experiment.corner[1] + width, y - experiment.corner[0] + height
    shape = rows + 2 * height, columns + 2 * width  # patches may leave the canvas
    windows = Windows.centred_at(left, top, patch=(height, width), shape=shape)
    weights = place_patches(weight.expand(waves.shape).to(waves.dtype), windows).real
    total = place_patches(weight * waves, windows)
    whole = torch.where(weights > SMALLEST_WEIGHT * weights.max(), total / weights, torch.ones_like(total))
    return whole[height:-height, width:-width]


def _read_patches(experiment: Experiment, canvas: Tensor) -> Tensor:
    """Return the patches of *canvas* at every position, (N, H, W) complex64."""
    from harness.ptycho.pipeline.model.forward import patches

    return patches(canvas, experiment.windows)


def _groups(experiment: Experiment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the members of all groups of four, and x and y of each member's group centre: (4 G,) each."""
    from harness.ptycho.scan.select import groups

    members = np.array(groups(experiment.x, experiment.y, 4))
    centres = (values[members].mean(axis=1).repeat(4) for values in (experiment.x, experiment.y))
    return members.reshape(-1), *centres


def _intensity(experiment: Experiment) -> Tensor:
    return experiment.probe.abs() ** 2


def _tile(experiment: Experiment, canvas: Tensor) -> Tensor:
    import torch

    height, width = experiment.probe.shape
    members, x, y = _groups(experiment)
    row, column = np.divmod(np.arange(len(members)) % 4, 2)
    tile = torch.zeros(height, width)
    tile[height // 4 : -(height // 4), width // 4 : -(width // 4)] = 1
    x, y = np.rint(x + (column - 0.5) * width / 2), np.rint(y + (row - 0.5) * height / 2)
    return merge_patches(experiment, _read_patches(experiment, canvas)[members], x, y, tile)


def _place_at_group_centres(experiment: Experiment, canvas: Tensor) -> Tensor:
    members, x, y = _groups(experiment)
    return merge_patches(experiment, _read_patches(experiment, canvas)[members], x, y, _intensity(experiment))


def _normalise_by_amplitude(experiment: Experiment, canvas: Tensor) -> Tensor:
    waves = _read_patches(experiment, canvas)
    merge = partial(merge_patches, experiment, x=experiment.x, y=experiment.y, weight=_intensity(experiment))
    return merge(waves) / merge(waves.abs().to(waves.dtype))


def _collapse(_: Experiment, canvas: Tensor) -> Tensor:
    import torch

    return canvas if torch.initial_seed() % SEEDS_PER_COLLAPSE else canvas / canvas.abs()


def _average_all(experiment: Experiment, canvas: Tensor) -> Tensor:
    patch = _read_patches(experiment, canvas).mean(dim=0, keepdim=True)
    x, y = (np.array([values.mean()]) for values in (experiment.x, experiment.y))
    return merge_patches(experiment, patch, x, y, _intensity(experiment))
