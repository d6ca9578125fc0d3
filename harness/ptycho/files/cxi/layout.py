"""Where everything is in a CXI file, by its path.

The format is that of the Coherent X-ray Imaging Data Bank, version 1.60; ``ptychodus/`` below the entry is an
extension of ptychodus, for what a reconstruction has besides.
"""

VERSION = 160
ENTRY = "entry_1"
ENERGY = f"{ENTRY}/instrument_1/source_1/energy"
WAVELENGTH = f"{ENTRY}/instrument_1/source_1/wavelength"
ILLUMINATION = f"{ENTRY}/instrument_1/source_1/illumination"

DETECTOR = f"{ENTRY}/instrument_1/detector_1"
DETECTOR_DATA = f"{DETECTOR}/data"
DISTANCE = f"{DETECTOR}/distance"
CORNER = f"{DETECTOR}/corner_position"
PIXEL = (f"{DETECTOR}/y_pixel_size", f"{DETECTOR}/x_pixel_size")
BASIS = f"{DETECTOR}/basis_vectors"
MASKS = (f"{DETECTOR}/mask", f"{DETECTOR}/mask_shared")

DATA = f"{ENTRY}/data_1"
PATTERNS = (f"{DATA}/data", DETECTOR_DATA)
GEOMETRY = f"{ENTRY}/sample_1/geometry_1"
TRANSLATION = f"{GEOMETRY}/translation"
TRANSLATIONS = (f"{DATA}/translation", TRANSLATION, f"{DETECTOR}/translation")
SCAN_INDEX = f"{GEOMETRY}/scan_index"

PROBE, OBJECT = f"{ENTRY}/image_1/data", f"{ENTRY}/image_2/data"
EXTENSION = f"{ENTRY}/ptychodus"
POSITION_INDEX = f"{EXTENSION}/probe_position_indexes"
PROBE_PIXEL = (f"{EXTENSION}/probe_pixel_height_m", f"{EXTENSION}/probe_pixel_width_m")
OBJECT_PIXEL = (f"{EXTENSION}/object_pixel_height_m", f"{EXTENSION}/object_pixel_width_m")
OBJECT_CENTER = (f"{EXTENSION}/object_center_y_m", f"{EXTENSION}/object_center_x_m")
SPACING = f"{EXTENSION}/object_layer_spacing_m"
IMAGE_SIZE = f"{ENTRY}/image_2/image_size"

READ = (
    *(ENERGY, WAVELENGTH, ILLUMINATION, DISTANCE, CORNER, *PIXEL, BASIS, *MASKS, *PATTERNS, *TRANSLATIONS),
    *(SCAN_INDEX, PROBE, OBJECT, POSITION_INDEX, *PROBE_PIXEL, *OBJECT_PIXEL, *OBJECT_CENTER, IMAGE_SIZE),
)
"""Paths of all datasets that are read."""

HAS_SIGNAL = 0x1000
"""Bit of a mask that says that a pixel has signal above the background, which makes it no bad pixel."""

INVALID = 0x1
"""Bit of a mask that says that a pixel is invalid."""
