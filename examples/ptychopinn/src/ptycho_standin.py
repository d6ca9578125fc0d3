# ruff: noqa: INP001 - the distribution is this one module
"""A stand-in for PtychoPINN's two programs: their command lines and files, with a small real reconstruction.

``ptycho_train`` learns object and probe from groups of neighbouring patterns, and saves ``wts.h5.zip``.
``ptycho_inference`` loads that file, fits the object to all patterns once more, and writes
``reconstructed_amplitude.png`` and ``reconstructed_phase.png``. ``reconstruction.npz`` holds their arrays,
which PtychoPINN does not keep.

If the environment variable STANDIN_FAULT is ``flat``, inference writes flat results and exits with 0.
"""

from __future__ import annotations

import argparse
import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[int, ...]]

WEIGHTS = "wts.h5.zip"
DARK = 0.01


def read(path: str) -> Data:
    """Return amplitudes (N, H, W), x and y (N,), the probe (H, W), and the object's shape."""
    with np.load(path) as data:
        diffraction = data["diffraction" if "diffraction" in data else "diff3d"]
        if len(diffraction) != len(data["xcoords"]):  # the older order of axes: (H, W, N)
            diffraction = np.moveaxis(diffraction, -1, 0)
        return diffraction, data["xcoords"], data["ycoords"], data["probeGuess"], data["objectGuess"].shape


def far_field(wave: np.ndarray, transform: Callable[..., Any] = np.fft.fft2) -> np.ndarray:
    """Return the far field of waves (..., H, W), zero frequency at the centre; by ``ifft2``, the reverse."""
    return np.fft.fftshift(transform(np.fft.ifftshift(wave, (-2, -1)), norm="ortho"), (-2, -1))


def neighbour_groups(x: np.ndarray, y: np.ndarray, gridsize: int, count: int, seed: int) -> np.ndarray:
    """Return *count* groups (count, gridsize**2): a position and its nearest neighbours in each."""
    nearest = np.argsort(np.hypot(x - x[:, None], y - y[:, None]), axis=1, kind="stable")[:, : gridsize**2]
    return nearest[np.random.default_rng(seed).permutation(len(x))[:count]]


def windows(x: np.ndarray, y: np.ndarray, shape: tuple[int, ...]) -> tuple[list[Any], np.ndarray]:
    """Return each position's window of the object, and phases that move the probe by the rest of a pixel."""
    top, left = y - shape[0] / 2, x - shape[1] / 2
    row, column = np.round(top).astype(int), np.round(left).astype(int)
    v, u = np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij")
    moves = v * (top - row)[:, None, None] + u * (left - column)[:, None, None]
    places = [np.s_[r : r + shape[0], c : c + shape[1]] for r, c in zip(row, column, strict=True)]
    return places, np.exp(-2j * np.pi * moves)


def fit(
    obj: np.ndarray, probe: np.ndarray, data: Data, groups: Iterable[np.ndarray], probe_rate: float
) -> None:
    """Improve object and probe in place: group by group, their waves take the measured amplitudes (rPIE)."""
    diffraction, x, y, _, _ = data
    places, phases = windows(x, y, probe.shape)
    for group in groups:
        beams = np.fft.ifft2(np.fft.fft2(probe) * phases[group])
        patches = np.stack([obj[places[j]] for j in group])
        field = far_field(beams * patches)
        # Where the field is dark its phase is rounding error: without a floor, noise in the last bit decides.
        excess = far_field(field * (1 - diffraction[group] / (np.abs(field) + DARK)), np.fft.ifft2)
        light, change = np.zeros(obj.shape), np.zeros_like(obj)
        for j, beam, wave in zip(group, beams, excess, strict=True):
            light[places[j]] += np.abs(beam) ** 2
            change[places[j]] += beam.conj() * wave
        obj -= change / (0.9 * light + 0.1 * light.max())
        back = np.fft.ifft2(np.fft.fft2(patches.conj() * excess) * phases[group].conj())
        probe -= probe_rate * back.mean(0) / np.max(np.abs(obj)) ** 2


def write_png(path: Path, values: np.ndarray) -> None:
    """Write an array as a grey picture, from its smallest value to its largest."""
    low, spread = values.min(), np.ptp(values) or 1
    rows = np.round((values - low) / spread * 255).astype(np.uint8)
    pixels = b"".join(b"\0" + row.tobytes() for row in rows)
    size = struct.pack(">IIBBBBB", rows.shape[1], rows.shape[0], 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(pixels, 0)), (b"IEND", b""))
    parts = (struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def train() -> None:
    """``ptycho_train``: learn object and probe, and save them."""
    options = argparse.ArgumentParser(description=train.__doc__)
    options.add_argument("--train_data_file", required=True)
    options.add_argument("--test_data_file")
    options.add_argument("--output_dir", type=Path, default="training_outputs")
    options.add_argument("--nepochs", type=int, default=50)
    options.add_argument("--n_images", type=int, default=512)
    options.add_argument("--gridsize", type=int, default=1)
    options.add_argument("--subsample_seed", type=int, default=0)
    options.add_argument("--probe_trainable", type=bool, default=False)
    options.add_argument("--quiet", action="store_true")
    chosen = options.parse_args()
    data = read(chosen.train_data_file)
    groups = neighbour_groups(data[1], data[2], chosen.gridsize, chosen.n_images, chosen.subsample_seed)
    obj, probe = np.ones(data[4], complex), data[3].astype(complex)
    for epoch in range(chosen.nepochs):
        order = np.random.default_rng([chosen.subsample_seed, epoch]).permutation(groups)
        fit(obj, probe, data, order, probe_rate=0.3 * chosen.probe_trainable)
    chosen.output_dir.mkdir(parents=True, exist_ok=True)
    with (chosen.output_dir / WEIGHTS).open("wb") as file:
        np.savez(file, object=obj, probe=probe)


def inference() -> None:
    """``ptycho_inference``: load what was learned, and reconstruct."""
    options = argparse.ArgumentParser(description=inference.__doc__)
    options.add_argument("--model_path", type=Path, required=True)
    options.add_argument("--test_data", required=True)
    options.add_argument("--output_dir", type=Path, default="inference_outputs")
    options.add_argument("--n_images", type=int)
    chosen = options.parse_args()
    data = read(chosen.test_data)
    with np.load(chosen.model_path / WEIGHTS) as saved:
        obj, probe = saved["object"], saved["probe"]
    fit(obj, probe, data, np.arange(len(data[1]))[: chosen.n_images, None], probe_rate=0)
    if os.environ.get("STANDIN_FAULT") == "flat":
        obj = np.full_like(obj, obj.mean())
    chosen.output_dir.mkdir(parents=True, exist_ok=True)
    write_png(chosen.output_dir / "reconstructed_amplitude.png", np.abs(obj))
    write_png(chosen.output_dir / "reconstructed_phase.png", np.angle(obj))
    arrays = {"object": obj.astype(np.complex64), "probe": probe.astype(np.complex64)}
    np.savez(chosen.output_dir / "reconstruction.npz", **arrays)
