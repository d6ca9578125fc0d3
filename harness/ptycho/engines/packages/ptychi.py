"""pty-chi: LSQML, rPIE and Bilinear-Hessian minimisation (BH).

Its conventions: intensity with the zero frequency at the centre, an FFT without normalisation, object
(slices, M, M') and probe (opr modes, modes, H, W), and centres of patches in pixels from an origin that is
given. The centre of n pixels is index (n - 1) / 2, half a pixel before ours. Centres are rounded to whole
pixels first, and the rest is a shift of the probe. With an origin on the wrong half pixel, windows jump by
half a pixel, without a word.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from harness.ptycho.engines.packages.settings import EngineSettings
from harness.ptycho.engines.packages.units import common_mask, natural
from harness.ptycho.pipeline.configuration import Positive, Rate  # noqa: TC001 - read at run time
from harness.ptycho.scan.photons import quantum

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.ptycho.scan.residual import Dataset

MARGIN = 2
"""Pixels of canvas on each side beyond the object: shifted patches are read with a rim."""

PIXEL = 1e-8
"""Metres of an object pixel, which only propagation between slices depends on."""


class PtyChi(EngineSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the methods share; each names its options class and fills in its own options."""

    method: ClassVar[str]

    def predict(self, data: Dataset) -> np.ndarray:
        """Return what the forward model predicts, (N, H, W) float32."""
        import torch

        task = self._task(data)
        with torch.no_grad():
            intensity = task.reconstructor.forward_model(torch.arange(len(data.x)))
        return np.asarray(np.fft.fftshift(np.sqrt(intensity.numpy()), axes=(1, 2)))

    def reconstruct(self, start: Dataset, epochs: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
        """Run so many *epochs*, and return object and probe, complex64."""
        scaled, units = natural(start, self._brightness(start))
        task = self._task(scaled)
        for _ in epochs:
            task.run(1)
        inside = slice(MARGIN, -MARGIN)
        obj = task.get_data_to_cpu("object", as_numpy=True)[0, inside, inside] * units.object
        probe = task.get_data_to_cpu("probe", as_numpy=True)[0, 0] * (units.probe * _fft_scale(start))
        return obj.astype(np.complex64), probe.astype(np.complex64)

    def _brightness(self, start: Dataset) -> float:  # noqa: ARG002 - methods may look at the data
        """Return the factor of the amplitudes: 1 where the method does not depend on it."""
        return 1.0

    def _fill(self, options: Any, positions: int) -> None:
        """Set the options of the method."""
        raise NotImplementedError

    def _task(self, data: Dataset) -> Any:
        """Return a task of pty-chi that is ready to run, in the units of *data*."""
        import_torchvision()
        import torch
        from ptychi import api
        from ptychi.api.task import PtychographyTask

        torch.set_num_threads(self.threads)
        options = getattr(api, f"{self.method}Options")()
        origin, (rows, columns) = unsnapped(data)
        options.object_options.pixel_size_m = PIXEL
        options.object_options.determine_position_origin_coords_by = (
            api.ObjectPosOriginCoordsMethods.SPECIFIED
        )
        options.object_options.position_origin_coords = origin
        options.reconstructor_options.default_device = api.Devices.CPU
        options.reconstructor_options.displayed_loss_function = None
        options.reconstructor_options.random_seed = self.seed
        options.reconstructor_options.num_epochs = self.epochs
        self._fill(options, len(data.x))
        return PtychographyTask(
            options,
            diffraction_data=np.square(data.diffraction, dtype=np.float32),
            object_data=np.pad(data.object, MARGIN, mode="edge")[None].astype(np.complex64),
            probe_data=(data.probe / _fft_scale(data))[None, None].astype(np.complex64),
            probe_position_x_px=columns,
            probe_position_y_px=rows,
            valid_pixel_mask=common_mask("pty-chi", data),
        )


class Lsqml(PtyChi, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of pty-chi's least-squares maximum-likelihood method.

    Parameters
    ----------
    batch : int
        Patterns in a batch, which are neighbours.
    momentum : float
        Gain of the momentum.
    """

    method: ClassVar[str] = "LSQML"
    epochs: Positive = 50
    batch: Positive = 16
    momentum: Rate = 0.5

    def _fill(self, options: Any, positions: int) -> None:
        from ptychi import api

        options.reconstructor_options.batch_size = min(self.batch, positions)
        options.reconstructor_options.batching_mode = api.BatchingModes.COMPACT
        options.reconstructor_options.momentum_acceleration_gain = self.momentum


class Rpie(PtyChi, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of pty-chi's regularised PIE.

    Parameters
    ----------
    batch : int
        Patterns in a batch.
    alpha : float
        Regularisation of the updates of object and probe, 0 to 1.
    """

    method: ClassVar[str] = "RPIE"
    epochs: Positive = 25
    batch: Positive = 4
    alpha: Rate = 0.1

    def _fill(self, options: Any, positions: int) -> None:
        options.reconstructor_options.batch_size = min(self.batch, positions)
        options.object_options.alpha = self.alpha
        options.probe_options.alpha = self.alpha


class Bh(PtyChi, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of pty-chi's Bilinear-Hessian method. All patterns are one batch: with fewer it stays flat.

    Parameters
    ----------
    rho : float
        Weight of the probe's updates relative to the object's.
    """

    method: ClassVar[str] = "BH"
    epochs: Positive = 60
    rho: Rate = 0.1

    def _brightness(self, start: Dataset) -> float:
        """Return the factor that turns intensities into counts, as far as single photons are seen in them."""
        one_photon = quantum(start.diffraction)
        return 1.0 if one_photon is None else 1 / one_photon

    def _fill(self, options: Any, positions: int) -> None:
        options.reconstructor_options.batch_size = positions
        options.reconstructor_options.method = "CG"
        options.probe_options.rho = self.rho


def unsnapped(data: Dataset) -> tuple[list[float], tuple[np.ndarray, np.ndarray]]:
    """Return the origin and the coordinates, along rows and columns, for which no window jumps.

    Rounded coordinates plus the origin are the centre of a window: between two pixels if the window's size is
    even, on a pixel if it is odd.

    Examples
    --------
    >>> from harness.ptycho.scan.residual import Dataset
    >>> data = Dataset(np.ones((1, 4, 5)), np.ones((4, 5)), np.ones((9, 9)), np.array([4.5]), np.array([4.0]))
    >>> origin, (rows, columns) = unsnapped(data)
    >>> origin, rows.tolist(), columns.tolist()
    ([-0.5, 0.0], [6.0], [6.0])
    """
    origin = [-0.5 if size % 2 == 0 else 0.0 for size in data.probe.shape]
    centres = [centre - 0.5 + MARGIN for centre in (data.y, data.x)]
    rows, columns = (centre - shift for centre, shift in zip(centres, origin, strict=True))
    return origin, (rows, columns)


def import_torchvision() -> None:
    """Import torchvision, or put a stand-in in its place: pty-chi needs it to be importable, and no more.

    The builds of torchvision for a GPU cannot be imported beside a torch for the CPU.
    """
    try:
        import torchvision.transforms  # noqa: F401 - pty-chi imports it
    except Exception:  # noqa: BLE001 - RuntimeError, OSError, ImportError: it depends on the two builds
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        package, transforms = ModuleType("torchvision"), ModuleType("torchvision.transforms")
        transforms.GaussianBlur = _Absent  # type: ignore[attr-defined]
        package.transforms = transforms  # type: ignore[attr-defined]
        sys.modules.update({"torchvision": package, "torchvision.transforms": transforms})


class _Absent:
    """Stands for what torchvision has, and was never asked for."""

    def __init__(self, *_: object, **__: object) -> None:
        raise NotImplementedError("torchvision could not be imported")


def _fft_scale(data: Dataset) -> float:
    """Return what an FFT without normalisation multiplies by: the square root of the number of pixels."""
    return float(np.sqrt(data.probe.size))
