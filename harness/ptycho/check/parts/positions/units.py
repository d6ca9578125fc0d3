"""Coordinates in another unit: metres, micrometres, nanometres, or any number per object pixel.

Neither the unit nor the origin is known. But all patches lie inside the object, and a scan covers much of it;
so the number of pixels per unit is known within a factor of five, and is found by trying.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.parts.positions.fit import displacements
from harness.ptycho.check.parts.positions.models import Route, Term, fit
from harness.ptycho.check.parts.positions.search import few_patterns, misfits, score

if TYPE_CHECKING:
    from harness.ptycho.scan.residual import Dataset

SHARES = np.exp(np.linspace(np.log(0.2), 0.0, 61))
"""Sizes of the scan that are tried, as shares of the largest that fits into the object: 2.7 % apart."""

PIXELS = 0.02
"""A unit that differs from an object pixel by less is an object pixel, only with another origin."""

PATTERNS = 8
STEPS = 6
FOUND = 0.8
"""A unit is found where the misfit falls below this share of the usual one; its remedy is executed anyway."""

SURE = 0.35
"""Below this share, no other direction of the axes is tried."""

DIRECTIONS = tuple((swap, right, down) for swap in (False, True) for right in (1, -1) for down in (-1, 1))
NAMES = ((1e-12, 1e-7, "metres"), (1e-5, 0.5, "micrometres"), (0.5, 1e3, "nanometres"))


@dataclass(frozen=True, slots=True)
class Unit:
    """How stored coordinates become object pixels: ``factor * direction * stored + origin``.

    Attributes
    ----------
    factor : float
        Object pixels per unit.
    swap : bool
        Whether x and y are exchanged first.
    right, down : int
        1, or -1 where x or y is reversed.
    origin : (float, float)
        x and y of the stored zero, in object pixels.
    """

    factor: float
    swap: bool = False
    right: int = 1
    down: int = 1
    origin: tuple[float, float] = (0.0, 0.0)

    def correct(self, data: Dataset) -> Dataset:
        """Return *data* with coordinates in object pixels."""
        x, y = (data.y, data.x) if self.swap else (data.x, data.y)
        return replace(
            data,
            x=self.factor * self.right * x + self.origin[0],
            y=self.factor * self.down * y + self.origin[1],
        )

    @property
    def name(self) -> str:
        """What is wrong."""
        size = 1 / self.factor
        if self == Unit(1.0, origin=self.origin):
            return "coordinates whose origin is not the object's corner"
        unit = next((name for least, most, name in NAMES if least <= size < most), "another unit")
        turned = (
            [" swapped"] * self.swap + [" x reversed"] * (self.right < 0) + [" y reversed"] * (self.down < 0)
        )
        more = "".join(f",{word}" for word in turned)
        return f"coordinates in {unit} ({size:.4g} per object pixel) where object pixels are expected{more}"

    @property
    def remedy(self) -> str:
        """What corrects it."""
        if self == Unit(1.0, origin=self.origin):
            return f"Add {self.origin[0]:.2f} to xcoords and {self.origin[1]:.2f} to ycoords."
        x, y = ("ycoords", "xcoords") if self.swap else ("xcoords", "ycoords")
        return (
            f"Store {x} / {self.right / self.factor:.5g} + {self.origin[0]:.2f} as xcoords and "
            f"{y} / {self.down / self.factor:.5g} + {self.origin[1]:.2f} as ycoords."
        )


def fitted_unit(stored: Dataset) -> Unit | None:
    """Return the unit and origin that explain the patterns of *stored*; None if none does.

    Examples
    --------
    >>> from harness.ptycho.scan.residual import Dataset
    >>> from harness.ptycho.scan.simulate import simulate
    >>> scan = simulate(positions=16, detector=32, step=8, photons=None)
    >>> nanometres = [13 * (c - n / 2) for c, n in zip((scan.x, scan.y), scan.object.shape[::-1])]
    >>> stored = Dataset(scan.diffraction, scan.probe, scan.object, *nanometres)
    >>> f"{1 / fitted_unit(stored).factor:.2f}"
    '13.00'
    """
    few = few_patterns(stored, PATTERNS)
    best, least = None, FOUND
    for swap, right, down in sorted(DIRECTIONS, key=lambda one: (one[0], one[1] < 0 or one[2] < 0)):
        units = _possible(stored, swap=swap, right=right, down=down)
        ratio, unit = _best(few, units)
        if ratio < least:
            best, least = unit, ratio
        if least < SURE:
            break
    return None if best is None else _refined(best, stored)


def _best(few: Dataset, units: list[Unit]) -> tuple[float, Unit | None]:
    """Return the unit in which *few* patterns agree best, and its misfit as a share of the median one."""
    if not units:
        return np.inf, None
    places = [unit.correct(few) for unit in units]
    x, y = np.stack([place.x for place in places], axis=1), np.stack([place.y for place in places], axis=1)
    found = score(misfits(few, x, y))
    known = found[np.isfinite(found)]
    usual = float(np.median(known)) if known.size else 0.0
    return (float(known.min()) / usual if usual else np.inf), units[int(np.argmin(found))]


def _possible(stored: Dataset, *, swap: bool, right: int, down: int) -> list[Unit]:
    """Return the units whose scan fits into the object, with each origin that is in use."""
    (height, width), (rows, columns) = stored.probe.shape, stored.object.shape
    turned = Unit(1.0, swap, right, down).correct(stored)
    extents = [float(np.ptp(turned.x)), float(np.ptp(turned.y))]
    if min(extents) <= 0:
        return []
    largest = min((columns - width) / extents[0], (rows - height) / extents[1])
    middle = [(float(c.max()) + float(c.min())) / 2 for c in (turned.x, turned.y)]
    units = []
    for factor in largest * SHARES:
        origins = (
            (columns / 2, rows / 2),
            (columns / 2 - factor * middle[0], rows / 2 - factor * middle[1]),
            (0.0, 0.0),
            (width / 2, height / 2),
        )
        units += [Unit(factor, swap, right, down, origin) for origin in origins]
    return units


def _refined(unit: Unit, stored: Dataset) -> Unit:
    """Return *unit* with origin and factor fitted to the patterns; a factor that is nearly 1 is 1."""
    terms: tuple[Term, ...] = (Term("offset"), Term("scale"))
    if abs(unit.factor - 1) < PIXELS:
        unit, terms = replace(unit, factor=1.0), terms[:1]
    for _ in range(STEPS):
        now = unit.correct(stored)
        index = np.flatnonzero(now.inside)
        if len(index) < PATTERNS:
            break
        index = index[:: max(1, len(index) // 64)]
        route = Route.of(now.x, now.y)
        model = fit(displacements(now.take(index), None), route.take(index), terms)
        (dx, dy), stretch = model.values[0], float(sum(value[0] for value in model.values[1:]))
        u, v = route.middle
        origin = (
            (1 + stretch) * unit.origin[0] - stretch * u + dx,
            (1 + stretch) * unit.origin[1] - stretch * v + dy,
        )
        unit = replace(unit, factor=unit.factor * (1 + stretch), origin=origin)
    return unit
