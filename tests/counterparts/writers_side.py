"""Files that packages of other groups write, in their own environment; harness is not needed there.

``python writers_side.py ARRAYS FOLDER`` writes the arrays of an .npz with RosettaSciIO (.hspy, .zspy, .emd)
and hdf5storage (.mat of version 7.3), as their users would.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np


def signal_of(cube: np.ndarray) -> dict[str, Any]:
    """Return the dictionary that RosettaSciIO's writers take."""
    names = ("y", "x", "ky", "kx")
    axes = [
        {"name": name, "size": size, "offset": 0.0, "scale": 1.0, "units": "px", "navigate": number < 2,
         "_type": "UniformDataAxis", "is_binned": False}
        for number, (name, size) in enumerate(zip(names, cube.shape, strict=True))
    ]  # fmt: skip
    return {
        "data": cube,
        "axes": axes,
        "metadata": {"General": {"title": "scan"}, "Signal": {"signal_type": ""}},
        "original_metadata": {},
        "attributes": {"_lazy": False, "ragged": False},
        "learning_results": {},
        "models": {},
        "package_info": {"package": "none", "package_version": "0"},
        "tmp_parameters": {},
    }


def write_cubes(cube: np.ndarray, folder: Path) -> None:
    """Write a datacube as HyperSpy's files, and as the Berkeley lab's."""
    from rsciio import emd, hspy, zspy

    hspy.file_writer(str(folder / "cube.hspy"), signal_of(cube), compression="gzip")
    zspy.file_writer(str(folder / "cube.zspy"), signal_of(cube))
    emd.file_writer(str(folder / "cube.emd"), signal_of(cube))


def write_reconstruction(arrays: dict[str, np.ndarray], folder: Path) -> None:
    """Write a reconstruction in MATLAB's axis order as version 7.3 and version 5."""
    import hdf5storage
    import scipy.io

    whole = {
        "object": np.moveaxis(arrays["object"], 0, -1),
        "probe": np.moveaxis(arrays["probe"], 0, -1),
        "outputs": {"probe_positions": arrays["positions"], "fourier_error_out": np.zeros((3, 1))},
        "p": {"lambda": 1.24e-10, "dx_spec": np.array([[1e-8, 2e-8]]), "run_name": "scan"},
    }
    hdf5storage.savemat(str(folder / "level73.mat"), whole, format="7.3")
    scipy.io.savemat(folder / "level5.mat", whole, do_compression=True)


def main(source: str, folder: str) -> None:
    """Write all files."""
    arrays = dict(np.load(source))
    write_cubes(arrays["cube"], Path(folder))
    write_reconstruction(arrays, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
