"""CXI files keep the contract of formats."""

from __future__ import annotations

from contract import FormatContract, Sizes
from hdf5_harms import harmed

from harness.ptycho.files.cxi.cxi import FORMAT


class TestCxi(FormatContract):
    """Intensities, translations in metres, the reconstruction of ptychodus."""

    format = FORMAT
    reference = "harness.ptycho.files.cxi.cxi:FORMAT"
    exact = False
    changes = (
        "mask: uint32 bits -> bool, False where any bit but 0x1000 (has signal) is set",
        "diffraction: float64 intensity -> float64 amplitude (square root)",
        "image_1/data: probe, axes (variations, modes, H, W) -> (modes, H, W)",
        "image_2/data: object",
        "x, y: metres -> object pixels",
    )
    smallest = Sizes(mask="one")

    def harms(self, path, folder):
        keys = (
            "entry_1/instrument_1/detector_1/data",
            "entry_1/sample_1/geometry_1/translation",
            "entry_1/image_2/data",
        )
        yield from harmed(path, folder, *keys)
