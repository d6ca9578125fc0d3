"""Every known mistake is named on data that it made, and none on valid data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.consistency import check
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.select import stratified
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module", params=[2e5, "star"])
def valid(request):
    """64 positions at 2 x 10^5 photons, and 64 measured ones, under the contract's keys."""
    if request.param == "star":
        star = request.getfixturevalue("star")
        return star.take(stratified(star.x, star.y, 64)).arrays()
    return simulate(photons=request.param).arrays()


def coordinates(change):
    def broken(a):
        x, y = change(a["xcoords"], a["ycoords"], *a["objectGuess"].shape)
        return {**a, "xcoords": x, "ycoords": y}

    return broken


def patterns(change):
    return lambda a: {**a, "diffraction": change(a["diffraction"])}


MISTAKES = {
    "upside down": (patterns(lambda d: np.roll(d[:, ::-1], 1, axis=1)), "detector rows flipped"),
    "right to left": (patterns(lambda d: np.roll(d[:, :, ::-1], 1, axis=2)), "detector columns flipped"),
    "roots of roots": (patterns(np.sqrt), "the square root taken twice"),
    "cut": (patterns(lambda d: np.minimum(d, 0.4 * d.max())), "saturated bright pixels"),
    "x mirrored": (coordinates(lambda x, y, _, m: (m - x, y)), "x increasing from right to left"),
    "y mirrored": (coordinates(lambda x, y, m, _: (x, m - y)), "y increasing upwards"),
    "both mirrored": (coordinates(lambda x, y, m, n: (n - x, m - y)), "both coordinate axes reversed"),
    "from the middle": (
        coordinates(lambda x, y, m, n: (x - n / 2, y - m / 2)),
        "measured from the object's centre",
    ),
    "too large": (coordinates(lambda x, y, *_: (x + 32, y + 32)), "coordinates too large by half a detector"),
    "conjugated probe": (lambda a: {**a, "probeGuess": a["probeGuess"].conj()}, "a conjugated probe"),
    "conjugated object": (lambda a: {**a, "objectGuess": a["objectGuess"].conj()}, "a conjugated object"),
    "transposed object": (lambda a: {**a, "objectGuess": a["objectGuess"].T}, "a transposed object"),
    "probe's corner": (
        lambda a: {**a, "probeGuess": np.fft.ifftshift(a["probeGuess"])},
        "a probe centred at the corner",
    ),
    "shifted by 1": (
        patterns(lambda d: np.roll(d, 1, axis=0)),
        "patterns shifted by 1 position in scan order",
    ),
    "shifted by -3": (patterns(lambda d: np.roll(d, -3, axis=0)), "patterns shifted by -3 positions"),
    "reversed": (patterns(lambda d: d[::-1]), "patterns in reversed scan order"),
    "shuffled": (
        patterns(lambda d: d[np.random.default_rng(0).permutation(64)]),
        "patterns in a different order",
    ),
    "scaled by 0.5": (coordinates(lambda x, y, *_: (0.5 * x, 0.5 * y)), "coordinates scaled by 0."),
    "scaled by 1.3": (coordinates(lambda x, y, *_: (1.3 * x, 1.3 * y)), "coordinates scaled by 1."),
    "scaled by 0.98": (coordinates(lambda x, y, *_: (0.98 * x, 0.98 * y)), "coordinates scaled by 0.98"),
    "9, -7 px off": (coordinates(lambda x, y, *_: (x + 9, y - 7)), "coordinates off by (+"),
    "1 px off": (coordinates(lambda x, y, *_: (x, y - 1)), "coordinates off by ("),
    "rounded (P19)": (coordinates(lambda x, y, *_: (np.rint(x), np.rint(y))), "coordinates rounded to whole"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_residuals(valid, mistake):
    """The finding names the mistake; its remedy says what to do, and the residual before and after."""
    break_it, named = MISTAKES[mistake]
    (finding,) = check(break_it(valid)).findings
    assert named in finding.found
    before, after = finding.remedy.rsplit("Residual: ", 1)[1].split(" as stored, ")
    assert before == "not computable" or float(after.split()[0]) < float(before)


def test_the_remedy_of_a_shift_undoes_it(valid):
    """np.roll by what the remedy says gives the valid data back."""
    (finding,) = check(patterns(lambda d: np.roll(d, 5, axis=0))(valid)).findings
    assert "np.roll(diffraction, -5, axis=0)" in finding.remedy


VALID_SCANS = [
    (seed, photons, detector, step)
    for seed, (photons, detector, step) in enumerate(
        [
            (1e4, 32, 3), (1e4, 64, 12), (1e4, 64, 3), (1e4, 128, 24), (1e5, 32, 6), (1e5, 64, 20),
            (1e5, 64, 6), (2e5, 128, 12), (2e5, 64, 2), (2e5, 32, 10), (1e6, 128, 40), (1e6, 32, 2),
            (1e6, 64, 24), (1e7, 64, 12), (1e7, 32, 6), (1e7, 128, 20), (None, 32, 6), (None, 64, 3),
            (None, 64, 20), (None, 128, 24),
        ]
    )
]  # fmt: skip


@pytest.mark.parametrize(("seed", "photons", "detector", "step"), VALID_SCANS)
def test_valid_scans_are_accepted(seed, photons, detector, step):
    """20 scans that differ in seed, dose, detector and step, 16 to 64 positions."""
    scan = simulate(
        seed=seed, photons=photons, detector=detector, step=step, positions=(16, 36, 64)[seed % 3]
    )
    assert check(scan.arrays()).findings == ()


def test_whole_pixel_positions_are_accepted_if_the_patterns_were_recorded_there():
    """They are not reported as rounded, even at the lowest dose."""
    for photons in (1e3, 1e6):
        scan = simulate(photons=None)
        whole = replace(scan, x=np.rint(scan.x), y=np.rint(scan.y))
        clean = Dataset(scan.diffraction, scan.probe, scan.object, whole.x, whole.y).predict()
        counts = np.random.default_rng(1).poisson(clean**2 * photons / np.mean(np.sum(clean**2, axis=(1, 2))))
        assert check({**whole.arrays(), "diffraction": np.sqrt(counts)}).findings == ()
