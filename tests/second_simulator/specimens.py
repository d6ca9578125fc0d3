"""Scans of the second simulator as fixtures: one to inject faults into, and three hundred sound ones."""

from __future__ import annotations

from functools import partial

from harness.core.domain.interface import Specimen
from harness.core.fixtures.fixture import Fixture, make_fixture
from harness.core.fixtures.manifest import Generator, Source
from second_simulator.sound import UNUSUAL, Variant, drawn_variant, make_scan

SOUND = 300
"""Seeds of sound scans, from 0 on, beside the unusual ones."""


def annular(*, positions: int = 36, detector: int = 48, photons: float = 1e6, seed: int = 14) -> Fixture:
    """Return the scan of Voronoi cells, on a jittered raster, by a probe with a central stop.

    Parameters
    ----------
    positions, detector : int
        Number of patterns; detector pixels on each side.
    photons : float
        Mean number of photons per pattern.
    seed : int
        Seeds object, places and noise.
    """
    variant = Variant("voronoi", "jittered", (detector, detector), positions, photons, index="ordered")
    recorded = {"positions": positions, "detector": detector, "photons": photons, "seed": seed}
    return _fixture("annular_v1", variant, seed, Generator(f"{__name__}:annular", 1, recorded))


def sound(*, seed: int, unusual: str = "") -> Fixture:
    """Return the sound scan that *seed* draws, or the one of an *unusual* kind."""
    variant = UNUSUAL[unusual] if unusual else drawn_variant(seed)
    recorded = {"seed": seed, "unusual": unusual}
    return _fixture(f"sound_{seed:03d}", variant, seed, Generator(f"{__name__}:sound", 1, recorded))


def _fixture(name: str, variant: Variant, seed: int, generator: Generator) -> Fixture:
    source = Source("simulated", "none")
    return make_fixture(name, make_scan(variant, seed), generator=generator, source=source)


SPECIMENS = (
    *(
        Specimen(f"second simulator, {name}", partial(sound, seed=seed, unusual=name), checks_only=True)
        for seed, name in enumerate(UNUSUAL)
    ),
    *(
        Specimen(
            f"second simulator, seed {seed}: {drawn_variant(seed).name}",
            partial(sound, seed=seed),
            checks_only=True,
        )
        for seed in range(SOUND)
    ),
)
"""Sound scans of every kind, to measure false alarms of the checks."""
