"""A fixture as a pipeline uses it: tensors in natural units, on the part of the object that the scan covers.

In natural units, measured amplitudes have a root mean square of 1, and so have the amplitudes that the probe
gives behind a flat object of 1. Learning rates therefore depend on neither dose nor size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.core.errors import RefusedError
from harness.core.storage.digest import digest_array
from harness.core.storage.npz import read_archive
from harness.ptycho.pipeline.model.forward import Windows
from harness.ptycho.scan.forward import first_pixels, inside
from harness.ptycho.scan.mask import masked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

REQUIRED_KEYS = ("diffraction", "objectGuess", "probeGuess", "xcoords", "ycoords")


@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """All that a pipeline knows: patterns, positions, and a start probe. Of the object, only its shape.

    Attributes
    ----------
    amplitude : (N, H, W) float32
        Measured amplitudes, zero frequency at the corner, root mean square 1.
    probe : (H, W) complex64
        The stored probe in natural units.
    windows : Windows
        Where each position reads the canvas.
    x, y : (N,) float64
        Patch centres in object pixels.
    object_shape : (int, int)
        The stored object's shape, M and M'.
    corner : (int, int)
        First row and column of the canvas within the object.
    object_scale, probe_scale : float
        Stored units of an object and of a probe of 1 in natural units.
    inputs : mapping of str to str
        Digests of the arrays that were read, in stored dtype and units, by name.
    mask : (H, W) or (N, H, W) float32, or None
        1 where a pixel counts and 0 elsewhere, zero frequency at the corner; None if all pixels count.
        Amplitudes are 0 where a pixel does not count.
    """

    amplitude: Tensor
    probe: Tensor
    windows: Windows
    x: np.ndarray
    y: np.ndarray
    object_shape: tuple[int, int]
    corner: tuple[int, int]
    object_scale: float
    probe_scale: float
    inputs: Mapping[str, str]
    mask: Tensor | None = None

    @property
    def positions(self) -> int:
        """Number of scan positions, N."""
        return len(self.amplitude)

    def excess(self, predicted: Tensor, positions: Tensor | None = None) -> Tensor:
        """Return predicted minus measured amplitudes, and 0 where a pixel does not count.

        predicted : (B, H, W) float32, at *positions*, (B,) int64; by default at all of them, (N, H, W).
        """
        measured, mask = self.amplitude, self.mask
        if positions is not None:
            measured = measured[positions]  # (B, H, W)
            mask = mask[positions] if mask is not None and mask.ndim == measured.ndim else mask
        return predicted - measured if mask is None else mask * predicted - measured

    def flat_object(self) -> Tensor:
        """Return the object that every reconstruction starts from: ones, of the canvas's shape, complex64."""
        return torch.ones(self.windows.shape, dtype=torch.complex64)

    def stored_object(self, canvas: Tensor) -> np.ndarray:
        """Return the whole object in stored units, (M, M') complex64: *canvas*, and flat around it."""
        whole = np.full(self.object_shape, self.object_scale, dtype=np.complex64)  # (M, M')
        rows, columns = (slice(c, c + n) for c, n in zip(self.corner, canvas.shape, strict=True))
        whole[rows, columns] = canvas.detach().numpy() * self.object_scale
        return whole

    def stored_probe(self, probe: Tensor) -> np.ndarray:
        """Return *probe* in stored units, (H, W) complex64."""
        return np.asarray(probe.detach().numpy() * np.float32(self.probe_scale))


def read_experiment(fixture: Path) -> Experiment:
    """Return the experiment that the file *fixture* holds.

    Raises
    ------
    UnreadableError
        The file is missing or not an archive.
    RefusedError
        A key is missing, shapes do not match, a patch leaves the object, or all amplitudes are zero where
        pixels count.
    """
    arrays = read_archive(fixture)
    _require_keys(fixture, arrays)
    diffraction, obj, probe, x, y = (np.asarray(arrays[key]) for key in REQUIRED_KEYS)
    _require_matching(fixture, diffraction=diffraction, obj=obj, probe=probe, x=x, y=y)
    mask = _mask(fixture, arrays)
    corner, canvas = _scanned_region(x, y, probe.shape)
    counted = masked(diffraction, mask)
    rms = _rms(counted, mask)
    probe_scale = float(np.linalg.norm(probe.astype(np.complex128)) / np.sqrt(probe.size))
    _require_light(fixture, rms, probe_scale)
    return Experiment(
        amplitude=torch.from_numpy(np.fft.ifftshift((counted / rms).astype(np.float32), axes=(1, 2))),
        probe=torch.from_numpy((probe / probe_scale).astype(np.complex64)),
        windows=Windows.centred_at(x - corner[1], y - corner[0], patch=probe.shape, shape=canvas),
        x=x,
        y=y,
        object_shape=(obj.shape[0], obj.shape[1]),
        corner=corner,
        # The far field is linear in probe times object, so the object's scale is what the probe leaves.
        object_scale=rms / probe_scale,
        probe_scale=probe_scale,
        inputs=_digests(diffraction=diffraction, probeGuess=probe, xcoords=x, ycoords=y, mask=mask),
        mask=None
        if mask is None
        else torch.from_numpy(np.fft.ifftshift(mask.astype(np.float32), axes=(-2, -1))),
    )


def _mask(fixture: Path, arrays: dict[str, np.ndarray]) -> np.ndarray | None:
    """Return which pixels count, (H, W) or (N, H, W) bool; None if the fixture has no mask."""
    mask = arrays.get("mask")
    if mask is None:
        return None
    stack = arrays["diffraction"].shape
    if mask.dtype != np.bool_ or mask.shape not in (stack, stack[1:]):
        found = f"{mask.dtype} of shape {mask.shape}"
        raise _refused(fixture, f"a bool mask of shape {stack[1:]} or {stack}", found)
    return mask


def _rms(counted: np.ndarray, mask: np.ndarray | None) -> float:
    """Return the root mean square of the pixels that count; the others are 0 in *counted*, (N, H, W)."""
    squares = counted.astype(np.float64) ** 2
    if mask is None:
        return float(np.sqrt(np.mean(squares)))
    pixels = int(np.count_nonzero(np.broadcast_to(mask, counted.shape)))
    return float(np.sqrt(np.sum(squares) / max(pixels, 1)))


def _digests(**arrays: np.ndarray | None) -> dict[str, str]:
    """Return digests by name. The object is not among them, because only its shape is used."""
    return {name: digest_array(array) for name, array in arrays.items() if array is not None}


def _scanned_region(
    x: np.ndarray, y: np.ndarray, patch: tuple[int, ...]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first row and column, and the shape, of the smallest canvas that holds every window."""
    firsts = [first_pixels(centre, size)[0] for centre, size in zip((y, x), patch, strict=True)]
    top, left = (int(first.min()) for first in firsts)
    bottom, right = (int(first.max()) + size for first, size in zip(firsts, patch, strict=True))
    return (top, left), (bottom - top, right - left)


def _require_keys(fixture: Path, arrays: dict[str, np.ndarray]) -> None:
    missing = [key for key in REQUIRED_KEYS if key not in arrays]
    if missing:
        raise _refused(fixture, f"the keys {', '.join(REQUIRED_KEYS)}", f"no {', '.join(missing)}")


def _require_matching(  # noqa: PLR0913 - the five arrays of a fixture
    fixture: Path,
    *,
    diffraction: np.ndarray,
    obj: np.ndarray,
    probe: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
) -> None:
    if diffraction.shape != (len(x), *probe.shape) or len(x) != len(y) or len(x) == 0:
        found = f"diffraction {diffraction.shape}, probe {probe.shape}, x {x.shape}, y {y.shape}"
        raise _refused(fixture, "diffraction of shape (positions, *probe)", found)
    if not (inside(x, probe.shape[1], obj.shape[1]).all() and inside(y, probe.shape[0], obj.shape[0]).all()):
        raise _refused(fixture, "every patch inside the object", "a position whose patch leaves it")


def _require_light(fixture: Path, rms: float, probe_scale: float) -> None:
    if not (np.isfinite([rms, probe_scale]).all() and rms > 0 and probe_scale > 0):
        raise _refused(
            fixture,
            "finite diffraction and probe, not all zero",
            f"a root mean square of {rms} and {probe_scale}",
        )


def _refused(fixture: Path, expected: str, found: str) -> RefusedError:
    remedy = f"Run `harness check {fixture}` for details."
    return RefusedError(str(fixture), expected=expected, found=found, remedy=remedy)
