"""Training data of ptychodus: what every format promises, and what is theirs."""

import numpy as np
from contract import FormatContract, Sizes, made, only
from hdf5_harms import h5py, harmed

from harness.ptycho.files.ptychodus import training


class TestTraining(FormatContract):
    format = training.FORMAT
    reference = "harness.ptycho.files.ptychodus.training:FORMAT"
    exact = False
    needs = frozenset({"diffraction", "object", "probe", "x", "y"})
    changes = (
        "bad_pixels: inverted and renamed to mask",
        "diffraction: float64 intensity -> float64 amplitude (square root)",
        "object: axes (M, M') -> (1, M, M')",
        "x, y: indices of pixels, 0.5 added",
    )
    smallest = Sizes(mask="one")

    def harms(self, path, folder):
        yield from harmed(path, folder, "patterns", "object", "probe_position_y_px")


def test_positions_are_indices_of_pixels(tmp_path):
    """The centre of M pixels is the index (M - 1) / 2, as ptychodus says, and M / 2 here."""
    content = only(made(Sizes(modes=1, layers=1, mask="none")), training.HOLDS)
    training.FORMAT.write(tmp_path / "training.h5", content)
    with h5py.File(tmp_path / "training.h5") as stored:
        np.testing.assert_allclose(stored["probe_position_x_px"][()], content.x - 0.5, atol=1e-12)
        assert stored["object"].ndim == 2
