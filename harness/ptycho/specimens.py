"""Twenty sound scans that differ in all that an honest experiment may differ in."""

from __future__ import annotations

from functools import partial

from harness.core.domain.interface import Specimen
from harness.ptycho.fixture import minimal

PIPELINES = ("network", "iterative")
FEW = 16
"""The network learns nothing from so few positions (it does not beat its own untrained weights)."""

SEED = 100
"""The first scan's; the others count up. Object, positions and photon noise follow from it."""

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
    return Specimen(name, make, PIPELINES if positions > FEW else ("iterative",))


SPECIMENS = tuple(_specimen(number) for number in range(len(_SCANS)))
"""16 to 128 positions, 32 to 128 detector pixels, 10^4 to 10^7 photons per pattern and noise-free."""
