"""Files of packages that only write what we read are read: HyperSpy's datacubes, MATLAB's version 7.3.

`make counterparts` makes their environment and sets the variable; without it the tests are skipped.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from harness.ptycho.files.library import Options, find_format, read_content
from harness.ptycho.scan.simulate import simulate

PROGRAM = "HARNESS_WRITERS_PYTHON"
SIDE = Path(__file__).parent / "writers_side.py"
STEP = 2.0


@pytest.fixture(scope="module")
def arrays():
    """16 simulated patterns as a cube of counts, and a reconstruction of two layers and three modes."""
    rng = np.random.default_rng(0)
    cube = rng.poisson(simulate(positions=20, detector=32).diffraction ** 2).astype(np.uint32)
    return {
        "cube": cube.reshape(4, 5, 32, 32),
        "object": (rng.normal(size=(2, 41, 50)) + 1j).astype(np.complex64),
        "probe": (rng.normal(size=(3, 12, 10)) + 1j).astype(np.complex64),
        "positions": rng.uniform(-9, 9, (7, 2)),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory, arrays):
    program = os.environ.get(PROGRAM)
    if not program:
        pytest.skip(f"{PROGRAM} is not set: `make counterparts` runs these tests")
    place = tmp_path_factory.mktemp("writers")
    np.savez(place / "arrays.npz", **arrays)
    subprocess.run([program, SIDE, place / "arrays.npz", place], check=True)
    return place


@pytest.mark.parametrize("name", ["cube.hspy", "cube.zspy"])
def test_a_cube_of_hyperspy_is_read(folder, arrays, name):
    """The counts, row by row, and a raster."""
    form, content = read_content(folder / name, Options(step=STEP))
    assert form.name == "datacube"
    counts = arrays["cube"].reshape(-1, 32, 32)
    np.testing.assert_array_equal(content.diffraction, np.sqrt(counts.astype(float)))
    np.testing.assert_allclose(content.x, np.tile(np.arange(5) * STEP, 4) + 16)
    np.testing.assert_allclose(content.y, np.repeat(np.arange(4) * STEP, 5) + 16)


@pytest.mark.parametrize("name", ["level5.mat", "level73.mat"])
def test_a_reconstruction_in_matlab_is_read(folder, arrays, name):
    """Scipy's version 5, packed, and hdf5storage's version 7.3; positions as PtyRAD 1.0 has them."""
    form, content = read_content(folder / name, Options())
    assert form.name == "mat"
    np.testing.assert_array_equal(content.object, arrays["object"])
    np.testing.assert_array_equal(content.probe, arrays["probe"])
    assert content.geometry.object_pixel == (2e-8, 1e-8)
    canvas, window = np.array(arrays["object"].shape[1:]), np.array(arrays["probe"].shape[1:])
    first = arrays["positions"][:, ::-1] + np.ceil(canvas / 2 - window / 2) - 1
    np.testing.assert_allclose(np.stack([content.y, content.x], axis=1) - window / 2, first, atol=1e-12)


def test_a_cube_with_its_axes_in_reverse_is_refused(folder):
    """RosettaSciIO's .emd."""
    from harness.core.errors import RefusedError

    assert find_format(folder / "cube.emd").name == "datacube"
    with pytest.raises(RefusedError, match="scan y, scan x, H, W"):
        read_content(folder / "cube.emd", Options())
