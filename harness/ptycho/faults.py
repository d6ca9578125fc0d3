"""Faults of fixtures that really happened (F01 to F14), each as a small change of the arrays.

Each function takes a dataset under the contract's keys and returns another; the given one is not changed. F11
changes the generator instead of the arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.core.domain.interface import Fault
from harness.core.fixtures.fixture import Fixture
from harness.core.fixtures.manifest import Generator
from harness.ptycho.fixture import minimal
from harness.ptycho.scan.contract import FEWEST_POSITIONS
from harness.ptycho.scan.forward import amplitude
from harness.ptycho.scan.rules import FORWARD_KEYS, RULES, is_per_position
from harness.ptycho.scan.select import stratified

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.core.fixtures.manifest import Manifest

Arrays = dict[str, np.ndarray]

KEPT_ONE_IN = 4
"""Faults of selection keep one position in this many."""

PEAK = 600
"""Amplitude of the brightest pixel, in counts, that fault F04 squares: 600^2 is more than five times 2^16."""

COUNT_SCALE = 64.0
"""Factor from normalised amplitudes to those of counts, for fault F06."""

SECOND_MODE = 0.2
"""Power of the mode that fault F10 leaves out, as a share of the first mode's."""


def first_patterns(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F01: a fixture script selected the stack by a slice and the coordinates by a stratified index.

    Shapes, dtypes and the file's checksum were valid; the data were physically meaningless.
    """
    index = _spread(arrays)
    return {**_selected(arrays, index), "diffraction": arrays["diffraction"][: len(index)].copy()}


def positions_last(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F02: a legacy (H, W, N) stack was read as (N, H, W), because N was equal to H."""
    return {**arrays, "diffraction": np.ascontiguousarray(np.moveaxis(arrays["diffraction"], 0, -1))}


def swapped_coordinates(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F03: a reader read (row, column) pairs as (x, y)."""
    return {**arrays, "xcoords": arrays["ycoords"].copy(), "ycoords": arrays["xcoords"].copy()}


def overflowed_squares(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F04: uint16 counts were squared in their own dtype (300^2 became 24464), and the root was taken."""
    unit = arrays["diffraction"].max() / PEAK
    counts = np.rint(arrays["diffraction"] / unit).astype(np.uint16)
    return {**arrays, "diffraction": np.sqrt(counts * counts, dtype=np.float32) * np.float32(unit)}


def intensities(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F05: an exporter wrote intensity, which the detector counts, under the key of the amplitude."""
    squared = arrays["diffraction"] ** 2
    return {**arrays, "diffraction": squared * (arrays["diffraction"].max() / squared.max())}


def count_scale(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F06: amplitudes of raw counts, in the hundreds, were given to a model that expects normalised ones."""
    return {**arrays, "diffraction": arrays["diffraction"] * np.float32(COUNT_SCALE)}


def double_precision(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F07: a generator kept numpy's float64 and complex128; the contract has float32 and complex64."""
    wide = {"float32": np.float64, "complex64": np.complex128}
    return {key: a.astype(wide.get(_dtype(key), a.dtype)) for key, a in arrays.items()}


def pickled_metadata(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F08: a dictionary, which numpy pickles, was stored beside the arrays."""
    return {**arrays, "metadata": np.array({"photons": 1e9}, dtype=object)}


def top_left_coordinates(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F09: positions of the patches' first pixels were stored as those of their centres."""
    height, width = arrays["probeGuess"].shape
    return {**arrays, "xcoords": arrays["xcoords"] - width / 2, "ycoords": arrays["ycoords"] - height / 2}


def clipped_frame(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F09: the object was clipped 5 rows and 3 columns later, and the coordinates were not changed."""
    obj = arrays["objectGuess"]
    return {**arrays, "objectGuess": np.pad(obj, ((0, 5), (0, 3)), mode="edge")[5:, 3:].copy()}


def first_mode_only(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F10: data of a partly coherent beam were stored with the first mode of their probe alone.

    The second mode here is the first one multiplied by x; its light is added to the patterns.
    """
    probe, data = arrays["probeGuess"], arrays["diffraction"].astype(np.float64)
    second = probe * np.linspace(-1, 1, probe.shape[1])
    light = amplitude(second, arrays["objectGuess"], arrays["xcoords"], arrays["ycoords"]) ** 2
    added = data**2 + light * (SECOND_MODE * np.sum(data**2) / np.sum(light))
    return {**arrays, "diffraction": np.sqrt(added).astype(np.float32)}


def inert_photons(manifest: Manifest) -> Manifest:
    """F11: a generator recorded a photon number that its simulation did not use."""
    generator = msgspec.structs.replace(manifest.generator, call=f"{__name__}:same_photons")
    return msgspec.structs.replace(manifest, generator=generator)


def same_photons(  # noqa: PLR0913 - the parameters of an experiment
    *, positions: int, detector: int, step: float, photons: float | None, jitter: float, seed: int
) -> Fixture:
    """Return the fixture of the default photon number, with *photons* recorded as a parameter.

    Parameters as for :func:`harness.ptycho.fixture.minimal`.
    """
    made = minimal(positions=positions, detector=detector, step=step, jitter=jitter, seed=seed)
    recorded = {**made.manifest.generator.parameters, "photons": photons}
    generator = Generator(f"{__name__}:same_photons", 1, recorded)
    return Fixture(made.arrays, msgspec.structs.replace(made.manifest, generator=generator))


def illuminated_twice(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F12: exit waves (object times probe) were used as object patches and illuminated again."""
    probe = arrays["probeGuess"].astype(np.complex128)
    twice = amplitude(probe**2, arrays["objectGuess"], arrays["xcoords"], arrays["ycoords"])
    scaled = twice * (np.linalg.norm(arrays["diffraction"]) / np.linalg.norm(twice))
    truth = {"Y": (arrays["Y"] * probe).astype(np.complex64)} if "Y" in arrays else {}
    return {**arrays, **truth, "diffraction": scaled.astype(np.float32)}


def one_strip(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F13: the first positions of a raster were selected, which cover one strip of it."""
    return _selected(arrays, np.arange(_count(arrays)))


def zero_at_the_corner(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """F14: a stack was stored as the FFT returns it, without the shift of zero frequency to the centre."""
    return {**arrays, "diffraction": np.fft.ifftshift(arrays["diffraction"], axes=(1, 2))}


def _count(arrays: Mapping[str, np.ndarray]) -> int:
    return max(FEWEST_POSITIONS, len(arrays["xcoords"]) // KEPT_ONE_IN)


def _spread(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    return stratified(arrays["xcoords"], arrays["ycoords"], _count(arrays))


def _selected(arrays: Mapping[str, np.ndarray], index: np.ndarray) -> Arrays:
    return {key: a[index] if is_per_position(key, a) else a for key, a in arrays.items()}


def _dtype(key: str) -> str:
    return RULES[key].dtype if key in RULES else ""


def is_dataset(manifest: Manifest) -> bool:
    """Return whether a fixture is a ptychography dataset: it has the arrays that the forward model needs."""
    return set(FORWARD_KEYS) <= manifest.arrays.keys()


def _fault(number: str, title: str, inject: Callable[..., Arrays], unseen: str = "") -> Fault:
    return Fault(number, title, "fixture", inject, unseen=unseen, applies=is_dataset)


FAULTS = (
    _fault("F01", "first n patterns with the coordinates of n others", first_patterns),
    _fault("F02", "(H, W, N) stack stored as (N, H, W)", positions_last),
    _fault("F03", "x and y swapped", swapped_coordinates),
    _fault("F04", "uint16 counts squared in their own dtype", overflowed_squares),
    _fault("F05", "intensity stored where amplitude is expected", intensities),
    _fault("F06", "amplitudes of raw counts", count_scale),
    _fault("F07", "float64 and complex128 instead of float32 and complex64", double_precision),
    _fault("F08", "metadata stored as a pickled object", pickled_metadata),
    _fault("F09", "top-left coordinates where centres are expected", top_left_coordinates),
    _fault("F09b", "object clipped to another frame", clipped_frame),
    _fault("F10", "multi-mode probe cut to its first mode", first_mode_only),
    Fault(
        "F11",
        "recorded photon number without effect",
        "generator",
        inert_photons,
        unseen="the arrays are valid; only their dose contradicts the recorded number, "
        "and a second run with another number gives the same arrays",
        applies=lambda manifest: manifest.generator.call == f"{minimal.__module__}:{minimal.__name__}",
    ),
    _fault("F12", "patterns illuminated twice", illuminated_twice),
    _fault(
        "F13",
        "consecutive raster positions of one strip",
        one_strip,
        unseen="a strip is a valid scan of a smaller area; only the source's coordinates show more",
    ),
    _fault("F14", "zero frequency at the corner", zero_at_the_corner),
)
"""The faults of fixtures, in the catalogue's order."""
