"""Golden values of a scan's physics, selection and resampling, on inputs without any symmetry.

The golden fixture pins one call of each with its defaults; here are other sizes, odd counts, masks and edges.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("scipy", reason="groups of neighbours need scipy")

from harness.ptycho.scan import forward, photons, resample, residual, select, simulate

if TYPE_CHECKING:
    from harness.ptycho.scan.scan import Scan


@pytest.fixture(scope="module")
def scan():
    """A scan of 3 x 5 positions, with a mask, start positions and patches of the truth."""
    return with_all_parts(simulate.simulate(positions=15, detector=32, step=5.5, photons=3e4, seed=9))


def with_all_parts(made: Scan) -> Scan:
    """Return a scan with what is optional, too."""
    mask = np.ones(made.probe.shape, dtype=bool)
    mask[3:6, 20:23] = False
    truth = forward.patches(made.object, made.x, made.y, made.probe.shape)
    return replace(made, mask=mask, x_start=made.x + 0.25, y_start=made.y - 0.5, truth=truth)


def test_forward_model(arrays_regression, scan):
    """Which pixels a position reads, which positions fit, and what reaches the detector."""
    centres = np.array([7.5, 8.0, 8.49, 8.5, 8.51, 9.999, 3.25, 23.5, 24.0, 24.5])
    predicted = forward.amplitude(scan.probe, scan.object, scan.x, scan.y)
    arrays_regression.check({
        "first_even": forward.first_pixels(centres, 16),
        "first_odd": forward.first_pixels(centres, 7),
        "inside": [forward.inside(centres, 16, 32), forward.inside(centres, 7, 27)],
        "patches": forward.patches(scan.object, scan.x, scan.y, (8, 12)),
        "far_field": forward.far_field(scan.probe[:10, :14]),
        "predicted": predicted[::5],
        "scale": forward.fitted_scale(1.7 * predicted, scan.diffraction),
        "masked_scale": forward.fitted_scale(1.7 * predicted, scan.diffraction, scan.mask),
        "residual": [forward.residual(predicted, scan.diffraction, mask) for mask in (None, scan.mask)],
        "exchanged": forward.residual(scan.diffraction, predicted),
        "squared_errors": residual.squared_errors(1.1 * predicted, scan.diffraction, scan.mask),
        "permuted": residual.permuted_residual(predicted[::-1], scan.diffraction),
    })  # fmt: skip


def test_photons(arrays_regression, scan):
    """The size of a photon in scaled data, and the misfit that photons leave."""
    unit, scaled = 0.37, 0.37 * scan.diffraction
    predicted = forward.amplitude(scan.probe, scan.object, scan.x, scan.y)
    arrays_regression.check({
        "quantum": photons.quantum(scaled),
        "usual_quantum": photons.usual_quantum(scaled),
        "saturated": photons.quantum(np.minimum(scaled, 0.2 * scaled.max()).astype(np.float32)),
        "per_pattern": photons.photons_per_pattern(scaled, unit),
        "residual": photons.photon_residual(unit * predicted, scaled, unit),
        "roots": photons.root_of_counts(np.array([0.0, 0.2, 0.9, 1.7, 3.0, 9.5, 20.0])),
    })  # fmt: skip


def test_selection(arrays_regression):
    """Even and odd counts, long sides, and groups of several sizes with positions that are visited twice."""
    rng = np.random.default_rng(8)
    row, column = np.divmod(np.arange(35), 7)
    x, y = column * 4.0 + rng.uniform(-1, 1, 35), row * 9.0 + rng.uniform(-1, 1, 35)
    twice_x, twice_y = np.append(x, x[[3, 3, 17]] + 2e-4), np.append(y, y[[3, 3, 17]])
    found: dict[str, Any] = {f"stratified_{n}": select.stratified(x, y, n) for n in (1, 2, 5, 8, 17, 35)}
    found |= {f"turned_{n}": select.stratified(y, x, n) for n in (3, 8)}
    found |= {f"groups_{size}": select.groups(twice_x, twice_y, size) for size in (2, 3, 4)}
    found["raster"] = select.groups(column * 1.0, row * 2.0, 4)
    found["coverage"] = [select.coverage(x[:9], x), select.coverage(x, x[:9]), select.coverage(x[:1], x[:1])]
    arrays_regression.check(found)


def test_resampling(arrays_regression):
    """A crop and a binning of the detector, with everything that changes with it."""
    scan = with_all_parts(
        simulate.simulate(positions=6, detector=64, step=9.5, photons=3e4, seed=9, beam=0.1)
    )
    found = {}
    for name, call in (("crop", resample.crop), ("bin", resample.bin_detector)):
        made = call(scan, 2)
        found[name] = {
            "diffraction": made.diffraction[:, ::3, ::3], "probe": made.probe[::2, ::2],
            "object": made.object[::5, ::5], "truth": made.truth[:, ::4, ::4], "mask": made.mask,
            "x": made.x, "y": made.y, "x_start": made.x_start, "y_start": made.y_start,
        }  # fmt: skip
    arrays_regression.check(found)


def test_simulation(arrays_regression):
    """Parts of a simulation with other parameters than the golden fixture's."""
    made = simulate.simulate(positions=7, detector=16, step=3.3, photons=None, jitter=0.4, seed=3, beam=0.2)
    x, y, shape = simulate.raster(np.random.default_rng(1), positions=11, detector=12, step=4.5, jitter=0.1)
    arrays_regression.check({
        "diffraction": made.diffraction[:, ::2, ::2], "object": made.object[::3, ::3], "probe": made.probe,
        "x": made.x, "y": made.y, "raster": [x, y], "shape": shape,
    })  # fmt: skip
