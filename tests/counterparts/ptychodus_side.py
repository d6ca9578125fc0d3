"""What ptychodus reads and writes, by its own code, in its own environment; harness is not needed there.

``python ptychodus_side.py read FORMAT FILE ARRAYS`` opens a file and stores what ptychodus has then;
``python ptychodus_side.py write FORMAT ARRAYS FILE`` lets it write arrays that were stored so. ARRAYS is an
.npz; ``x``, ``y`` are pixel coordinates by ptychodus's own geometry plus half a pixel, and ``patterns`` are
intensities. Several such groups of four may follow one another.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from ptychodus.api.assemble import AssembledDiffractionData
from ptychodus.api.constants import energy_eV_to_wavelength_m
from ptychodus.api.diffraction import (
    DiffractionDatasetLayoutNode,
    DiffractionMetadata,
    SimpleDiffractionArray,
    SimpleDiffractionDataset,
)
from ptychodus.api.geometry import ImageExtent, PixelGeometry
from ptychodus.api.io import (
    load_diffraction_data,
    load_product,
    save_diffraction_data,
    save_product,
    save_ptychopinn_training_data,
    save_training_data,
)
from ptychodus.api.object import Object, ObjectCenter, ObjectGeometry, ObjectPosition
from ptychodus.api.probe import ProbeSequence
from ptychodus.api.probe_positions import ProbePosition, ProbePositionSequence
from ptychodus.api.product import Product, ProductMetadata
from ptychodus.api.reconstruct import ReconstructInput
from ptychodus.plugins.cxi_file import CXIDiffractionFileReader, CXIDiffractionFileWriter, CXIProductFileIO
from ptychodus.plugins.npz_diffraction_file import NPZDiffractionFileIO
from ptychodus.plugins.npz_product_file import NPZProductFileIO
from ptychodus.plugins.slac_npz_file import SLACDiffractionFileReader, SLACProductFileReader
from ptychodus.plugins.training_data_file import (
    TrainingDataDiffractionFileReader,
    TrainingDataProductFileReader,
)

HALF = 0.5
"""Their centre of N pixels is the index (N - 1) / 2, ours the coordinate N / 2."""

Arrays = dict[str, Any]

# What is read


def of_product(product: Product) -> Arrays:
    """Return object, probe and positions, in pixels of the object by ptychodus's own geometry."""
    geometry, positions = product.object_.get_geometry(), product.probe_positions
    return {
        "object": product.object_.get_array(),
        "probe": product.probes.get_probe_no_opr().get_array(),
        "x": geometry.map_probe_positions_to_object_x_px(positions) + HALF,
        "y": geometry.map_probe_positions_to_object_y_px(positions) + HALF,
        "index": positions.get_indexes(),
        "wavelength": energy_eV_to_wavelength_m(product.metadata.photon_energy_eV),
        "distance": product.metadata.detector_distance_m,
    }


def of_dataset(dataset: SimpleDiffractionDataset) -> Arrays:
    """Return patterns, their indexes and bad pixels."""
    return {
        "patterns": np.concatenate([array.get_patterns() for array in dataset]),
        "indexes": np.concatenate([array.get_indexes() for array in dataset]),
        "bad_pixels": dataset.get_bad_pixels(),
    }


def of_assembled(data: AssembledDiffractionData) -> Arrays:
    """Return the same of assembled data."""
    return {
        "patterns": data.get_patterns(),
        "indexes": data.get_indexes(),
        "bad_pixels": data.get_bad_pixels(),
    }


def read_slac(path: Path) -> Arrays:
    """Return what the readers of SLAC_NPZ have: an object without a size of its pixels and without a centre.

    Pixels are those that the reader multiplied with; the size of a detector pixel is not in the product.
    """
    product = SLACProductFileReader().read(path)
    metadata, positions = product.metadata, product.probe_positions
    probe = product.probes.get_array()[0]  # it has no pixel size either
    with np.load(path) as archive:
        detector = float(archive["detector_pixel_size_m"]) * probe.shape[-1]
    wavelength = energy_eV_to_wavelength_m(metadata.photon_energy_eV)
    pixel = wavelength * metadata.detector_distance_m / detector
    return {
        "object": product.object_.get_array(),
        "probe": probe,
        "x": positions.get_coordinates_x_m() / pixel,
        "y": positions.get_coordinates_y_m() / pixel,
        "index": positions.get_indexes(),
    } | of_dataset(SLACDiffractionFileReader().read(path))


READERS = {
    "ptychodus-product": lambda path: of_product(load_product(path)),
    "ptychodus-product-npz": lambda path: of_product(NPZProductFileIO().read(path)),
    "ptychodus-diffraction": lambda path: of_assembled(load_diffraction_data(path)),
    "ptychodus-diffraction-npz": lambda path: of_dataset(NPZDiffractionFileIO().read(path)),
    "ptychodus-training": lambda path: (
        of_product(TrainingDataProductFileReader().read(path))
        | of_dataset(TrainingDataDiffractionFileReader().read(path))
    ),
    "cxi": lambda path: (
        of_product(CXIProductFileIO().read(path)) | of_dataset(CXIDiffractionFileReader().read(path))
    ),
    "cxi-product": lambda path: of_product(CXIProductFileIO().read(path)),
    "slac-npz": read_slac,
}

# What is written


def product_of(arrays: Arrays) -> Product:
    """Return a product of ptychodus; its own geometry makes metres of the coordinates."""
    (height, width), (center_y, center_x) = arrays["object_pixel"], arrays["object_center"]
    rows, columns = arrays["object"].shape[-2:]
    geometry = ObjectGeometry(columns, rows, width, height, center_x, center_y)
    points = [
        geometry.map_coordinates_object_to_probe(ObjectPosition(int(index), x - HALF, y - HALF))
        for index, x, y in zip(arrays["index"], arrays["x"], arrays["y"], strict=True)
    ]
    pixel = PixelGeometry(width_m=width, height_m=height)
    return Product(
        metadata=metadata_of(arrays),
        probe_positions=ProbePositionSequence([ProbePosition(p.index, p.x_m, p.y_m) for p in points]),
        probes=ProbeSequence(array=arrays["probe"], opr_weights=None, pixel_geometry=pixel),
        object_=Object(
            array=arrays["object"],
            pixel_geometry=pixel,
            center=ObjectCenter(x_m=center_x, y_m=center_y),
            layer_spacing_m=[0.0] * (len(arrays["object"]) - 1),
        ),
        losses=[],
    )


def metadata_of(arrays: Arrays) -> ProductMetadata:
    """Return the metadata of a product."""
    zeros = ("probe_photon_count", "exposure_time_s", "mass_attenuation_m2_per_kg", "tomography_angle_deg")
    return ProductMetadata(
        name="counterpart",
        comments="",
        detector_distance_m=float(arrays["distance"]),
        photon_energy_eV=energy_eV_to_wavelength_m(1.0) / float(arrays["wavelength"]),
        **dict.fromkeys(zeros, 0.0),
    )


def detector_of(arrays: Arrays) -> PixelGeometry:
    """Return the size of a detector pixel."""
    height, width = arrays["detector_pixel"]
    return PixelGeometry(width_m=float(width), height_m=float(height))


def assembled_of(arrays: Arrays) -> AssembledDiffractionData:
    """Return assembled data of ptychodus."""
    return AssembledDiffractionData(
        arrays["index"], arrays["patterns"], detector_of(arrays), arrays["bad_pixels"]
    )


def dataset_of(arrays: Arrays) -> SimpleDiffractionDataset:
    """Return a diffraction dataset of ptychodus."""
    patterns = arrays["patterns"]
    count, rows, columns = patterns.shape
    metadata = DiffractionMetadata(
        num_patterns_per_array=[count],
        pattern_dtype=patterns.dtype,
        detector_extent=ImageExtent(columns, rows),
        detector_distance_m=float(arrays["distance"]),
        detector_pixel_geometry=detector_of(arrays),
        photon_energy_eV=energy_eV_to_wavelength_m(1.0) / float(arrays["wavelength"]),
    )
    array = SimpleDiffractionArray(label="counterpart", indexes=arrays["index"], patterns=patterns)
    tree = DiffractionDatasetLayoutNode.create_root()
    return SimpleDiffractionDataset(metadata, tree, [array], arrays["bad_pixels"])


def input_of(arrays: Arrays) -> ReconstructInput:
    """Return the input of a reconstruction, which training files are written of."""
    return ReconstructInput(arrays["patterns"], arrays["bad_pixels"], product_of(arrays))


WRITERS = {
    "ptychodus-product": lambda path, arrays: save_product(path, product_of(arrays)),
    "ptychodus-product-npz": lambda path, arrays: NPZProductFileIO().write(path, product_of(arrays)),
    "ptychodus-diffraction": lambda path, arrays: save_diffraction_data(path, assembled_of(arrays)),
    "ptychodus-diffraction-npz": lambda path, arrays: NPZDiffractionFileIO().write(path, dataset_of(arrays)),
    "ptychodus-training": lambda path, arrays: save_training_data(
        path, input_of(arrays), inpaint_bad_pixels=False
    ),
    "ptychopinn": lambda path, arrays: save_ptychopinn_training_data(
        path, input_of(arrays), inpaint_bad_pixels=False
    ),
    "cxi": lambda path, arrays: CXIDiffractionFileWriter().write(path, dataset_of(arrays)),
    "cxi-product": lambda path, arrays: CXIProductFileIO().write(path, product_of(arrays)),
}


def main(action: str, name: str, source: str, target: str) -> None:
    """Read or write one file."""
    if action == "read":
        np.savez(target, **READERS[name](Path(source)))
    else:
        with np.load(source) as archive:
            WRITERS[name](Path(target), dict(archive))


if __name__ == "__main__":
    for start in range(1, len(sys.argv), 4):
        main(*sys.argv[start : start + 4])
