"""cdtools: Adam on object and probe by automatic differentiation, with its model FancyPtycho.

Its conventions: intensity with the zero frequency at the centre, an orthonormal FFT, and positions in metres
that a basis turns into pixels. Here a metre is a pixel. A position is that of the window's first pixel.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.ptycho.engines.packages.settings import UNLIMITED, EngineSettings
from harness.ptycho.engines.packages.units import common_mask, natural
from harness.ptycho.pipeline.configuration import Positive, Rate  # noqa: TC001 - read at run time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.ptycho.scan.residual import Dataset

MARGIN = 2
"""Pixels of canvas on each side beyond the object: a window that ends at the edge is cut otherwise."""

BASIS = ((0.0, 1.0), (1.0, 0.0), (0.0, 0.0))
"""Of (x, y, z): rows follow y, columns follow x."""

BACKGROUND = 1e-6
"""Amplitude of the background, which is not learned: the model needs one."""


class FancyPtycho(EngineSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of cdtools.

    Parameters
    ----------
    rate : float
        Adam's learning rate, for an object and a probe of about 1.
    batch : int
        Patterns in a batch.
    """

    epochs: Positive = 60
    rate: Rate = 0.05
    batch: Positive = 20

    def predict(self, data: Dataset) -> np.ndarray:
        """Return what the model predicts, (N, H, W) float32."""
        import torch

        self._prepare()
        model, scans = _model(data)
        index = torch.arange(len(data.x))
        with torch.no_grad():
            intensity = model.forward(index, scans.translations)
        return np.asarray(intensity.sqrt().numpy())

    def reconstruct(self, start: Dataset, epochs: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
        """Run Adam for so many *epochs*, and return object and probe, complex64."""
        self._prepare()
        scaled, units = natural(start)
        model, scans = _model(scaled)
        count = len(scans)
        losses = model.Adam_optimize(
            UNLIMITED, scans, lr=self.rate, batch_size=min(self.batch, count), thread=False
        )
        for _ in epochs:
            next(losses)
        inside = slice(MARGIN, -MARGIN)
        obj = model.obj.detach().numpy()[inside, inside] * units.object
        probe = (model.probe * model.probe_norm).detach().numpy()[0] * units.probe
        return obj.astype(np.complex64), probe.astype(np.complex64)

    def _prepare(self) -> None:
        import torch

        os.environ.setdefault("MPLBACKEND", "Agg")  # cdtools imports matplotlib's windows
        torch.manual_seed(self.seed)
        torch.set_num_threads(self.threads)


def _model(data: Dataset) -> tuple[Any, Any]:
    """Return the model of object and probe, and the dataset; both in the units of *data*."""
    import torch
    from cdtools.datasets import Ptycho2DDataset
    from cdtools.models import FancyPtycho as Model

    height, width = data.probe.shape
    columns, rows = data.x - width / 2 + MARGIN, data.y - height / 2 + MARGIN
    translations = torch.as_tensor(
        np.stack([columns, rows, np.zeros_like(rows)], axis=1), dtype=torch.float32
    )
    mask = common_mask("cdtools", data)
    scans = Ptycho2DDataset(
        translations,
        torch.as_tensor(data.diffraction.astype(np.float32) ** 2),
        mask=torch.as_tensor(mask),
    )
    geometry = {"distance": 1.0, "basis": torch.as_tensor(BASIS), "corner": None}
    model = Model(
        1.0,
        geometry,
        torch.as_tensor(BASIS),
        data.probe.astype(np.complex64)[None],
        np.pad(data.object.astype(np.complex64), MARGIN, mode="edge"),
        background=np.full((height, width), BACKGROUND, dtype=np.float32),
        mask=mask,
    )
    model.background.requires_grad = False
    return model, scans
