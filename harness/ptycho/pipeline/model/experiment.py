"""A fixture as a pipeline sees it: tensors in natural units, on the part of the object that the scan can see.

Natural units make every figure of a configuration independent of dose and size: amplitudes have a root mean
square of 1, and so has the far field of the probe behind a flat object of 1.
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
from harness.ptycho.scan.forward import inside, origins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

NEEDED = ("diffraction", "objectGuess", "probeGuess", "xcoords", "ycoords")


@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """What a pipeline may know: patterns, positions, a probe to start from; of the object, its shape.

    Attributes
    ----------
    amplitude : (N, H, W) float32
        Measured, zero frequency at the corner, root mean square 1.
    probe : (H, W) complex64
        The stored probe in natural units.
    windows : Windows
        Where the positions read the canvas.
    x, y : (N,) float64
        Patch centres in object pixels.
    frame : (int, int)
        The object's shape (M, M').
    corner : (int, int)
        First row and column of the canvas within the object.
    transmission : float
        Stored units of a flat object of 1, for a probe in stored units.
    light : float
        Stored units of a probe of 1.
    inputs : mapping of str to str
        Digests of the arrays that this was made of, in stored dtype and units.
    """

    amplitude: Tensor
    probe: Tensor
    windows: Windows
    x: np.ndarray
    y: np.ndarray
    frame: tuple[int, int]
    corner: tuple[int, int]
    transmission: float
    light: float
    inputs: Mapping[str, str]

    @property
    def positions(self) -> int:
        """Number of scan positions, N."""
        return len(self.amplitude)

    def flat(self) -> Tensor:
        """Return the object that every reconstruction starts from: ones, on the canvas."""
        return torch.ones(self.windows.shape, dtype=torch.complex64)

    def stored_object(self, canvas: Tensor) -> np.ndarray:
        """Return *canvas* in stored units in the object's frame, (M, M') complex64; flat outside."""
        whole = np.full(self.frame, self.transmission, dtype=np.complex64)
        rows, columns = (slice(c, c + n) for c, n in zip(self.corner, canvas.shape, strict=True))
        whole[rows, columns] = canvas.detach().numpy() * self.transmission
        return whole

    def stored_probe(self, probe: Tensor) -> np.ndarray:
        """Return *probe* in stored units, (H, W) complex64."""
        return np.asarray(probe.detach().numpy() * np.float32(self.light))


def read_experiment(fixture: Path) -> Experiment:
    """Read *fixture* for a pipeline.

    Raises
    ------
    UnreadableError
        The file is missing or no archive.
    RefusedError
        A key is missing, its shape does not fit the others, or it holds no light.
    """
    arrays = read_archive(fixture)
    _require_keys(fixture, arrays)
    diffraction, obj, probe, x, y = (np.asarray(arrays[key]) for key in NEEDED)
    _require_fitting(fixture, diffraction, obj, probe, x, y)
    corner, canvas = _seen(x, y, probe.shape)
    level = float(np.sqrt(np.mean(diffraction.astype(np.float64) ** 2)))
    light = float(np.linalg.norm(probe.astype(np.complex128)) / np.sqrt(probe.size))
    _require_light(fixture, level, light)
    return Experiment(
        amplitude=torch.from_numpy(np.fft.ifftshift((diffraction / level).astype(np.float32), axes=(1, 2))),
        probe=torch.from_numpy((probe / light).astype(np.complex64)),
        windows=Windows.at(x - corner[1], y - corner[0], patch=probe.shape, shape=canvas),
        x=x,
        y=y,
        frame=(obj.shape[0], obj.shape[1]),
        corner=corner,
        transmission=level / light,
        light=light,
        inputs=_digests(diffraction=diffraction, probeGuess=probe, xcoords=x, ycoords=y),
    )


def _digests(**arrays: np.ndarray) -> dict[str, str]:
    """Return digests by name. Of the object its shape alone is used: what it holds was not read."""
    return {name: digest_array(array) for name, array in arrays.items()}


def _seen(x: np.ndarray, y: np.ndarray, patch: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the corner and the shape of the smallest canvas that holds every window."""
    firsts = [origins(centre, size)[0] for centre, size in zip((y, x), patch, strict=True)]
    top, left = (int(first.min()) for first in firsts)
    bottom, right = (int(first.max()) + size for first, size in zip(firsts, patch, strict=True))
    return (top, left), (bottom - top, right - left)


def _require_keys(fixture: Path, arrays: dict[str, np.ndarray]) -> None:
    missing = [key for key in NEEDED if key not in arrays]
    if missing:
        raise _refused(fixture, f"the keys {', '.join(NEEDED)}", f"no {', '.join(missing)}")


def _require_fitting(  # noqa: PLR0913, PLR0917 - the five arrays of a fixture
    fixture: Path, diffraction: np.ndarray, obj: np.ndarray, probe: np.ndarray, x: np.ndarray, y: np.ndarray
) -> None:
    if diffraction.shape != (len(x), *probe.shape) or len(x) != len(y) or len(x) == 0:
        found = f"diffraction {diffraction.shape}, probe {probe.shape}, x {x.shape}, y {y.shape}"
        raise _refused(fixture, "diffraction of shape (positions, *probe)", found)
    if not (inside(x, probe.shape[1], obj.shape[1]).all() and inside(y, probe.shape[0], obj.shape[0]).all()):
        raise _refused(fixture, "every patch inside the object", "a position whose patch leaves it")


def _require_light(fixture: Path, level: float, light: float) -> None:
    if not (np.isfinite([level, light]).all() and level > 0 and light > 0):
        raise _refused(fixture, "finite amplitudes and a probe, not all zero", f"levels {level} and {light}")


def _refused(fixture: Path, expected: str, found: str) -> RefusedError:
    remedy = f"See what is wrong with `harness check {fixture}`."
    return RefusedError(str(fixture), expected=expected, found=found, remedy=remedy)
