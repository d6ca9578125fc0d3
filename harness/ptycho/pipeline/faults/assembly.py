"""Faults of putting an object together from patches, and of measuring it."""

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

    Put = Callable[[Experiment, Tensor], Tensor]

FRAME = (2, 3)
"""Rows and columns by which fault P12 misses the frame."""

UNLUCKY = 3
FAINT = 0.05
"""Pixels with less than this share of the largest weight are left flat."""


@in_children
@contextmanager
def independent_tiles() -> Iterator[None]:
    """P06: the four patches of a group were stitched side by side as if they had nothing in common.

    Their middles fill a square of two by two around the group's centre: a checkerboard, again and again.
    """
    with _assembled(_tiled):
        yield


@in_children
@contextmanager
def dropped_offsets() -> Iterator[None]:
    """P07: patches of a group were put down at the group's centre, without their own offsets: blobs."""
    with _assembled(_at_group_centres):
        yield


@in_children
@contextmanager
def wrong_mask() -> Iterator[None]:
    """P08: merged patches were divided by the sum of their own amplitudes, not of their weights.

    The amplitude is 1 then, whatever was reconstructed, and the loss falls as ever.
    """
    with _assembled(_by_their_own_amplitude):
        yield


@in_parent
@contextmanager
def frame_off() -> Iterator[None]:
    """P12: reconstruction and truth were cut to the same shape, and compared 2 rows and 3 columns apart."""
    from harness.ptycho.pipeline import assess
    from harness.ptycho.quality.metrics import object_metrics

    def compared(reconstruction: np.ndarray, *truth: np.ndarray, **scan: np.ndarray) -> dict[str, float]:
        return object_metrics(np.roll(reconstruction, FRAME, axis=(0, 1)), *truth, **scan)

    with replaced(assess, "object_metrics", compared):
        yield


@in_children
@contextmanager
def collapse_by_seed() -> Iterator[None]:
    """P14: from one seed in three, those that 3 divides, the amplitude collapsed to a constant."""
    with _assembled(_unlucky):
        yield


@in_children
@contextmanager
def mean_of_patches() -> Iterator[None]:
    """P16: a reassembly that looked at no position took the mean of all patches of the scan."""
    with _assembled(_mean):
        yield


@contextmanager
def _assembled(put: Put) -> Iterator[None]:
    """Let *put* change a canvas, (M, M'), before it is stored."""
    from harness.ptycho.pipeline.model.experiment import Experiment

    store = Experiment.stored_object

    def stored(self: Experiment, canvas: Tensor) -> np.ndarray:
        return store(self, put(self, canvas.detach()))

    with replaced(Experiment, "stored_object", stored):
        yield


def merged(experiment: Experiment, waves: Tensor, x: np.ndarray, y: np.ndarray, weight: Tensor) -> Tensor:
    """Return the weighted mean of patches where they overlap, and 1 elsewhere: (M, M') complex64.

    waves : (B, H, W) complex64, centred at x and y, (B,) in object pixels. weight : (H, W) or (B, H, W).
    """
    import torch

    from harness.ptycho.pipeline.model.forward import Windows, place

    (height, width), (rows, columns) = experiment.probe.shape, experiment.windows.shape
    left, top = x - experiment.corner[1] + width, y - experiment.corner[0] + height
    shape = rows + 2 * height, columns + 2 * width  # patches may leave the canvas
    windows = Windows.at(left, top, patch=(height, width), shape=shape)
    weights = place(weight.expand(waves.shape).to(waves.dtype), windows).real
    total = place(weight * waves, windows)
    whole = torch.where(weights > FAINT * weights.max(), total / weights, torch.ones_like(total))
    return whole[height:-height, width:-width]


def _cut(experiment: Experiment, canvas: Tensor) -> Tensor:
    """Cut *canvas* into the patches of every position, (N, H, W)."""
    from harness.ptycho.pipeline.model.forward import patches

    return patches(canvas, experiment.windows)


def _groups(experiment: Experiment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the members of all groups of four, (4 G,), and the x and y of each one's group centre."""
    from harness.ptycho.scan.select import groups

    members = np.array(groups(experiment.x, experiment.y, 4))
    centres = (values[members].mean(axis=1).repeat(4) for values in (experiment.x, experiment.y))
    return members.reshape(-1), *centres


def _light(experiment: Experiment) -> Tensor:
    return experiment.probe.abs() ** 2


def _tiled(experiment: Experiment, canvas: Tensor) -> Tensor:
    import torch

    height, width = experiment.probe.shape
    members, x, y = _groups(experiment)
    row, column = np.divmod(np.arange(len(members)) % 4, 2)
    tile = torch.zeros(height, width)
    tile[height // 4 : -(height // 4), width // 4 : -(width // 4)] = 1
    x, y = np.rint(x + (column - 0.5) * width / 2), np.rint(y + (row - 0.5) * height / 2)
    return merged(experiment, _cut(experiment, canvas)[members], x, y, tile)


def _at_group_centres(experiment: Experiment, canvas: Tensor) -> Tensor:
    members, x, y = _groups(experiment)
    return merged(experiment, _cut(experiment, canvas)[members], x, y, _light(experiment))


def _by_their_own_amplitude(experiment: Experiment, canvas: Tensor) -> Tensor:
    waves = _cut(experiment, canvas)
    merge = partial(merged, experiment, x=experiment.x, y=experiment.y, weight=_light(experiment))
    return merge(waves) / merge(waves.abs().to(waves.dtype))


def _unlucky(_: Experiment, canvas: Tensor) -> Tensor:
    import torch

    return canvas if torch.initial_seed() % UNLUCKY else canvas / canvas.abs()


def _mean(experiment: Experiment, canvas: Tensor) -> Tensor:
    patch = _cut(experiment, canvas).mean(dim=0, keepdim=True)
    x, y = (np.array([values.mean()]) for values in (experiment.x, experiment.y))
    return merged(experiment, patch, x, y, _light(experiment))
