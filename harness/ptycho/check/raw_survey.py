"""What can be measured in a raw scan, of patterns and coordinates alone, whether or not anything is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.core.domain.panels import Table
from harness.ptycho.check.raw import Light, likeness_of, neighbours_of, points_of
from harness.ptycho.scan.contract import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TITLE = "What patterns and positions show by themselves"

SIGNIFICANT = 4.0
"""By how many standard errors neighbours are more alike, if the order is said to fit: in 52 scans whose
patterns were shuffled, the largest was 1.9."""


def raw_table(arrays: Mapping[str, np.ndarray]) -> Table | None:
    """Return a table of the dose, the light's centre, dead pixels, the scan's extent and its order.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        A dataset under the contract's keys, valid or not.

    Returns
    -------
    Table or None
        None if there is nothing that can be measured.

    Examples
    --------
    >>> from harness.ptycho.scan.simulate import simulate
    >>> arrays = simulate(positions=25, detector=32, step=6.0, photons=1e5).arrays()
    >>> for row in raw_table({key: arrays[key] for key in ("diffraction", "xcoords", "ycoords")}).rows[1:3]:
    ...     print(row)
    ('centre of the light', 'row 16.0, column 16.2 of 32 x 32')
    ('dead pixels', 'none')
    """
    points, light = points_of(arrays), Light.of(arrays)
    rows = [
        *(_of_light(light) if light is not None else ()),
        *(_of_scan(points) if points is not None else ()),
    ]
    if light is not None and points is not None and len(points) == len(light.stack):
        rows += _of_order(points, light)
    return Table(TITLE, ("what", "found"), tuple(rows)) if rows else None


def _of_light(light: Light) -> Iterator[tuple[str, str]]:
    photon = light.photon()
    yield "photons in a pattern", _dose(light.energy, photon)
    total = light.mean.sum()
    row, column = (float((np.indices(light.mean.shape)[axis] * light.mean).sum() / total) for axis in (0, 1))
    height, width = light.mean.shape
    yield "centre of the light", f"row {row:.1f}, column {column:.1f} of {height} x {width}"
    if photon is not None:
        dead = len(light.dead_pixels())
        yield "dead pixels", counted(dead, "pixel") if dead else "none"


def _dose(energy: np.ndarray, photon: float | None) -> str:
    if photon is None:
        return "not known: the values are not counts or their roots"
    low, middle, high = np.quantile(energy / photon, (0, 0.5, 1))
    return f"{middle:.4g} (median; {low:.4g} to {high:.4g})"


def _of_scan(points: np.ndarray) -> Iterator[tuple[str, str]]:
    width, height = np.ptp(points, axis=0)
    yield "positions", f"{len(points)} over {width:.4g} x {height:.4g} pixels"
    yield "distance of neighbours", f"{np.median(neighbours_of(points).distance):.4g} pixels (median)"


def _of_order(points: np.ndarray, light: Light) -> Iterator[tuple[str, str]]:
    alike = likeness_of(points, neighbours_of(points), light)
    if alike.significance < SIGNIFICANT:
        yield "order", "not known: neighbours' patterns are not more alike than distant ones"
        return
    yield "order", f"fits: neighbours' patterns differ by {alike.share:.0%} of what distant ones do"
