"""Sound scans: datasets that meet the contract, with the right physics, from the whole product of kinds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from second_simulator.objects import OBJECTS
from second_simulator.physics import intensities
from second_simulator.probes import Optics, modes, probe
from second_simulator.routes import ROUTES

Arrays = dict[str, np.ndarray]

MARGIN = 12
"""Object pixels around the outermost patch: mistaken positions can still be computed."""

SMALLEST_OBJECT = 128
DOSES = (50.0, 200.0, 1e3, 3e3, 1e4, 1e5, 1e6, 1e7, None)
"""Photons per pattern that are drawn; None is noise-free."""

SIZES = ((32, 32), (48, 48), (64, 64), (96, 96), (128, 128), (48, 64), (45, 45))
"""Detector rows and columns that are drawn."""

MOST_POSITIONS = {32: 300, 45: 200, 48: 200, 64: 121, 96: 64, 128: 49}
"""By the longer side of the detector, so that a scan takes seconds."""

SHARE = 0.01
"""Light in the probe's other modes, and the spread of the beam current, where a sound scan has them."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One kind of scan; with a seed, it is one scan.

    Attributes
    ----------
    obj, route : str
        Keys of ``OBJECTS`` and ``ROUTES``.
    shape : (int, int)
        Detector rows and columns.
    positions : int
    photons : float or None
        Mean number of photons per pattern; None is noise-free.
    overlap : float
        How far neighbouring beams overlap, as a share of the beam's diameter.
    whole : bool
        Whether every patch begins on a whole pixel.
    incoherent : float
        Share of the light in modes beside the one that is stored.
    flicker : float
        Spread (standard deviation) of the beam current from pattern to pattern, as a share.
    index : {"absent", "ordered", "chosen", "zeros"}
        What ``scan_index`` holds.
    mask : {"", "gaps", "stop", "patterns"}
        Rows and columns between modules, a beam stop, or other pixels in each pattern that do not count.
    optics : Optics
    """

    obj: str = "voronoi"
    route: str = "jittered"
    shape: tuple[int, int] = (48, 48)
    positions: int = 36
    photons: float | None = 1e6
    overlap: float = 0.7
    whole: bool = False
    incoherent: float = 0.0
    flicker: float = 0.0
    index: Literal["absent", "ordered", "chosen", "zeros"] = "absent"
    mask: Literal["", "gaps", "stop", "patterns"] = ""
    optics: Optics = field(default_factory=Optics)

    @property
    def name(self) -> str:
        """The kind in a few words, for tables and test names."""
        dose = "noise-free" if self.photons is None else f"{self.photons:.0e}".replace("e+0", "e")
        parts = [self.obj, self.route, f"{self.shape[0]}x{self.shape[1]}", f"n{self.positions}", dose]
        parts += ["whole"] * self.whole + ["modes"] * bool(self.incoherent) + ["flicker"] * bool(self.flicker)
        parts += [f"mask-{self.mask}"] * bool(self.mask) + ["zeros"] * (self.index == "zeros")
        return "-".join(parts)


UNUSUAL = {
    "small particle in vacuum": Variant("particle", "fermat", (64, 64), 100),
    "small particle, raster": Variant("particle", "raster", (48, 48), 121, 1e4),
    "whole pixels, 300 photons": Variant("voronoi", "raster", (64, 64), 64, 300.0, whole=True),
    "whole pixels, 1000 photons": Variant("spokes", "raster", (48, 48), 81, 1e3, whole=True),
    "whole pixels, 3000 photons": Variant("strong_phase", "raster", (64, 64), 49, 3e3, whole=True),
    "index all zeros": Variant("voronoi", "fermat", index="zeros"),
    "every place twice": Variant("voronoi", "twice", positions=72),
    "every place twice, noise-free": Variant("spokes", "twice", positions=50, photons=None),
    "50 photons": Variant("voronoi", "fermat", (64, 64), 64, 50.0),
    "100 photons": Variant("strong_phase", "jittered", (48, 48), 100, 100.0),
    "200 photons": Variant("weak_phase", "snake", (64, 64), 64, 200.0),
    "gaps": Variant("voronoi", "fermat", (64, 64), 64, 1e5, mask="gaps"),
    "beam stop": Variant("spokes", "snake", (64, 64), 64, mask="stop"),
    "a mask for each pattern": Variant("strong_phase", "jittered", mask="patterns"),
}
"""Sound scans that are easily taken for faulty ones, by name."""


def drawn_variant(seed: int) -> Variant:
    """Return the kind of scan that *seed* draws from the whole product."""
    rng = np.random.default_rng([seed, 1])
    shape = SIZES[rng.integers(len(SIZES))]
    route = str(rng.choice(list(ROUTES)))
    least, most = 25, MOST_POSITIONS[max(shape)]
    return Variant(
        obj=str(rng.choice(list(OBJECTS))),
        route=route,
        shape=shape,
        positions=int(np.exp(rng.uniform(np.log(least), np.log(most)))),
        photons=DOSES[rng.integers(len(DOSES))],
        overlap=float(rng.uniform(0.6, 0.8)),
        whole=bool(route in ("raster", "snake") and rng.uniform() < 0.4),
        incoherent=SHARE * float(rng.uniform() < 0.2),
        flicker=SHARE * float(rng.uniform() < 0.25),
        index=("absent", "ordered", "chosen", "zeros")[rng.choice(4, p=[0.4, 0.3, 0.2, 0.1])],
        mask=("", "gaps", "stop", "patterns")[rng.choice(4, p=[0.7, 0.1, 0.1, 0.1])],
        optics=Optics(
            outer=float(rng.uniform(0.11, 0.17)),
            stop=float(rng.choice([0.0, 0.25, 0.4])),
            beam=float(rng.uniform(0.17, 0.25)),
            astigmatism=float(rng.uniform(-0.25, 0.25)),
            axis=float(rng.uniform(0, np.pi)),
        ),
    )


def sound_scan(seed: int) -> Arrays:
    """Return one sound scan under the contract's keys, of the kind that *seed* draws."""
    return make_scan(drawn_variant(seed), seed)


def make_scan(variant: Variant, seed: int) -> Arrays:
    """Return the scan of a *variant*; the same *seed* gives the same object and places at every dose."""
    object_rng, route_rng, noise_rng, mask_rng = (np.random.default_rng([seed, k]) for k in range(2, 6))
    x, y, extent = _places(variant, route_rng)
    obj = OBJECTS[variant.obj](object_rng, extent).astype(np.complex64)
    lit = modes(probe(variant.optics, variant.shape), variant.incoherent)
    clean = intensities(lit, obj.astype(np.complex128), x, y)
    clean *= 1 + variant.flicker * noise_rng.standard_normal((len(x), 1, 1))
    counts, brightness = exposed(clean, variant.photons, noise_rng)
    # Any scale below the contract's limit will do, as long as probe and patterns share it.
    scale = noise_rng.uniform(0.5, 9.0) / np.sqrt(counts.max())
    mask = _mask(variant, counts.shape, mask_rng)
    if mask is not None:
        counts = np.where(mask, counts, _unread(variant, counts))
    return {
        "diffraction": (np.sqrt(counts) * scale).astype(np.float32),
        "objectGuess": obj,
        "probeGuess": (lit[0] * np.sqrt(brightness) * scale).astype(np.complex64),
        "xcoords": x,
        "ycoords": y,
        **_index(variant, mask_rng),
        **({} if mask is None else {"mask": mask}),
    }


def exposed(clean: np.ndarray, photons: float | None, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return counts with Poisson noise, and the factor from light to expected counts."""
    brightness = (photons or 1e6) / float(clean.sum(axis=(1, 2)).mean())
    expected = clean * brightness
    return (expected if photons is None else rng.poisson(expected).astype(np.float64)), brightness


def other_dose(variant: Variant, photons: float | None) -> Variant:
    """Return *variant* at another dose."""
    return replace(variant, photons=photons)


def _places(variant: Variant, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Return patch centres, and the size of an object that holds them with a margin."""
    step = (1 - variant.overlap) * 2 * variant.optics.beam * min(variant.shape)
    offset = ROUTES[variant.route](rng, variant.positions, np.rint(step) if variant.whole else step)
    offset -= (offset.max(axis=1, keepdims=True) + offset.min(axis=1, keepdims=True)) / 2
    width, height = (
        max(SMALLEST_OBJECT, 2 * int(np.ceil(float(np.ptp(along)) / 2)) + side + side % 2 + 2 * MARGIN)
        for along, side in zip(offset, reversed(variant.shape), strict=True)
    )
    x, y = width / 2 + offset[0], height / 2 + offset[1]
    if variant.whole:
        x, y = (np.rint(c - n / 2) + n / 2 for c, n in ((x, variant.shape[1]), (y, variant.shape[0])))
    return x, y, (height, width)


def _index(variant: Variant, rng: np.random.Generator) -> Arrays:
    count = variant.positions
    chosen = np.sort(rng.choice(4 * count, count, replace=False))
    kinds = {"ordered": np.arange(count), "chosen": chosen, "zeros": np.zeros(count, dtype=np.int64)}
    return {"scan_index": kinds[variant.index].astype(np.int64)} if variant.index in kinds else {}


def _mask(variant: Variant, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray | None:
    """Return True where a pixel counts, (H, W) or (N, H, W) bool; None without a mask."""
    height, width = shape[1:]
    if variant.mask == "patterns":
        return rng.uniform(size=shape) > 0.03
    counts = np.ones((height, width), dtype=bool)
    if variant.mask == "gaps":
        counts[height // 3 : height // 3 + 2] = counts[:, 2 * width // 3 : 2 * width // 3 + 3] = False
    elif variant.mask == "stop":
        row, column = np.indices((height, width))
        counts = np.hypot(row - height // 2, column - width // 2) > 2.5
    return counts if variant.mask else None


def _unread(variant: Variant, counts: np.ndarray) -> float:
    """Return what pixels hold that do not count: nothing, or as much as the brightest one if it was hit."""
    return float(counts.max()) if variant.mask == "patterns" else 0.0
