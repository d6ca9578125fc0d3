"""Twenty valid scans that vary everything an experiment may vary, to measure the false-alarm rate."""

from __future__ import annotations

from functools import partial

from harness.core.domain.interface import Specimen
from harness.ptycho.fixture import minimal

PIPELINES = ("network", "iterative")
TOO_FEW_TO_LEARN = 16
"""Positions from which the network learns nothing: it does not beat its own untrained weights."""

SEED = 100
"""Seed of the first scan; each next one adds 1. It determines object, positions and photon noise."""

_SCANS = (
    # detector, step (object pixels), photons per pattern, positions, beam (share of the detector)
    (32, 6.0, 1e4, 64, 0.25),
    (32, 6.0, 1e5, 64, 0.25),
    (32, 5.0, 1e6, 100, 0.22),
    (32, 4.0, 1e7, 100, 0.25),
    (32, 6.0, None, 64, 0.28),
    (64, 12.0, 1e4, 64, 0.25),
    (64, 10.0, 3e4, 64, 0.25),
    (64, 8.0, 1e5, 81, 0.20),
    (64, 12.0, 1e5, 64, 0.28),
    (64, 14.0, 3e5, 64, 0.28),
    (64, 12.0, 1e6, 36, 0.25),
    (64, 9.0, 1e6, 49, 0.22),
    (64, 10.0, 1e7, 64, 0.20),
    (64, 13.0, 1e7, 128, 0.25),
    (64, 12.0, None, 16, 0.25),
    (128, 24.0, 1e4, 36, 0.25),
    (128, 20.0, 1e5, 49, 0.25),
    (128, 18.0, 1e6, 36, 0.22),
    (128, 24.0, 1e7, 49, 0.28),
    (128, 22.0, None, 36, 0.20),
)


def _specimen(number: int) -> Specimen:
    detector, step, photons, positions, beam = _SCANS[number]
    name = f"scan_{number:02d}"
    make = partial(
        minimal,
        positions=positions, detector=detector, step=step, photons=photons, beam=beam,
        seed=SEED + number, name=name,
    )  # fmt: skip
    return Specimen(name, make, PIPELINES if positions > TOO_FEW_TO_LEARN else ("iterative",))


SPECIMENS = tuple(_specimen(number) for number in range(len(_SCANS)))
"""16 to 128 positions, 32 to 128 detector pixels, 10^4 to 10^7 photons per pattern and noise-free."""
