"""What cdtools reads and writes as CXI, by its own code, in its own environment; harness is not needed there.

Arguments are those of ``ptychodus_side.py``. Positions are pixels by which cdtools moves the probe, in single
precision.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import torch
from cdtools.datasets import Ptycho2DDataset
from cdtools.tools.initializers import exit_wave_geometry
from cdtools.tools.interactions import translations_to_pixel

Arrays = dict[str, Any]


def read(path: str) -> Arrays:
    """Return patterns, mask and positions in pixels of the object."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # patterns in double precision become single ones
        dataset = Ptycho2DDataset.from_cxi(path)
    geometry = dataset.detector_geometry
    basis = exit_wave_geometry(
        torch.as_tensor(np.asarray(geometry["basis"]), dtype=torch.float32),
        dataset.patterns.shape[-2:],
        dataset.wavelength,
        geometry["distance"],
    )
    rows, columns = translations_to_pixel(basis, dataset.translations).double().numpy().T
    return {
        "patterns": dataset.patterns.numpy(),
        "bad_pixels": ~dataset.mask.numpy(),
        "x": columns,
        "y": rows,
        "wavelength": float(dataset.wavelength),
        "distance": float(geometry["distance"]),
    }


def write(path: str, arrays: Arrays) -> None:
    """Write patterns, mask and positions, with the detector's basis as cdtools has it by default."""
    height, width = arrays["detector_pixel"]
    (down, across), (rows, columns) = arrays["object_pixel"], arrays["object"].shape[-2:]
    x, y = (arrays["x"] - columns / 2) * across, (arrays["y"] - rows / 2) * down
    sample = np.stack([x, y, np.zeros_like(x)], axis=1)
    dataset = Ptycho2DDataset(
        -sample,  # cdtools stores movements of the beam, and negates them in the file
        arrays["patterns"].astype(np.float32),
        mask=~arrays["bad_pixels"],
        wavelength=float(arrays["wavelength"]),
        detector_geometry={
            "distance": float(arrays["distance"]),
            "basis": np.array([[0, -height, 0], [-width, 0, 0]]).T,
            "corner": None,
        },
    )
    dataset.to_cxi(path)


def main(action: str, _: str, source: str, target: str) -> None:
    """Read or write one file."""
    if action == "read":
        np.savez(target, **read(source))
    else:
        with np.load(source) as archive:
            write(target, dict(archive))


if __name__ == "__main__":
    for start in range(1, len(sys.argv), 4):
        main(*sys.argv[start : start + 4])
