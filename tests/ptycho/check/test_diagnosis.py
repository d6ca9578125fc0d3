"""The usual suspects are named, each by the data that it made; honest data answer to none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.consistency import check
from harness.ptycho.check.position_fit import Frame, fit
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.select import stratified
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module", params=[2e5, "star"])
def honest(request):
    """64 positions at 2 x 10^5 photons, and 64 measured ones: contract keys, free to be replaced."""
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


SUSPECTS = {
    "upside down": (patterns(lambda d: np.roll(d[:, ::-1], 1, axis=1)), "detector rows upside down"),
    "right to left": (patterns(lambda d: np.roll(d[:, :, ::-1], 1, axis=2)), "detector columns from right"),
    "roots of roots": (patterns(np.sqrt), "the square root taken twice"),
    "cut": (patterns(lambda d: np.minimum(d, 0.4 * d.max())), "saturated bright pixels"),
    "x mirrored": (coordinates(lambda x, y, _, m: (m - x, y)), "x running from right to left"),
    "y mirrored": (coordinates(lambda x, y, m, _: (x, m - y)), "y running upwards"),
    "both mirrored": (coordinates(lambda x, y, m, n: (n - x, m - y)), "both coordinates running backwards"),
    "from the middle": (coordinates(lambda x, y, m, n: (x - n / 2, y - m / 2)), "count from the object's"),
    "too large": (coordinates(lambda x, y, *_: (x + 32, y + 32)), "coordinates half a detector too large"),
    "conjugated probe": (lambda a: {**a, "probeGuess": a["probeGuess"].conj()}, "a conjugated probe"),
    "conjugated object": (lambda a: {**a, "objectGuess": a["objectGuess"].conj()}, "a conjugated object"),
    "transposed object": (lambda a: {**a, "objectGuess": a["objectGuess"].T}, "a transposed object"),
    "probe's corner": (
        lambda a: {**a, "probeGuess": np.fft.ifftshift(a["probeGuess"])},
        "a probe with its middle at the corner",
    ),
    "shifted by 1": (patterns(lambda d: np.roll(d, 1, axis=0)), "patterns shifted by 1 place in scan order"),
    "shifted by -3": (patterns(lambda d: np.roll(d, -3, axis=0)), "patterns shifted by -3 places"),
    "reversed": (patterns(lambda d: d[::-1]), "patterns in reversed scan order"),
    "dealt": (patterns(lambda d: d[np.random.default_rng(0).permutation(64)]), "patterns in another order"),
    "scaled by 0.5": (coordinates(lambda x, y, *_: (0.5 * x, 0.5 * y)), "coordinates scaled by 0."),
    "scaled by 1.3": (coordinates(lambda x, y, *_: (1.3 * x, 1.3 * y)), "coordinates scaled by 1."),
    "scaled by 0.98": (coordinates(lambda x, y, *_: (0.98 * x, 0.98 * y)), "coordinates scaled by 0.98"),
    "frame 9, -7 px off": (coordinates(lambda x, y, *_: (x + 9, y - 7)), "a frame off by (+"),
    "frame 1 px off": (coordinates(lambda x, y, *_: (x, y - 1)), "a frame off by ("),
    "rounded (P19)": (coordinates(lambda x, y, *_: (np.rint(x), np.rint(y))), "coordinates rounded to whole"),
}


@pytest.mark.parametrize("suspect", SUSPECTS)
def test_a_suspect_is_named_with_its_residuals(honest, suspect):
    """The finding names the mistake; its remedy says what to do, and the residual before and after."""
    break_it, named = SUSPECTS[suspect]
    (finding,) = check(break_it(honest)).findings
    assert named in finding.found
    before, after = finding.remedy.rsplit("Residual ", 1)[1].split(" as stored, ")
    assert before == "not computable" or float(after.split()[0]) < float(before)


def test_the_remedy_of_a_shift_mends_it(honest):
    """np.roll by what the remedy says gives the honest data back."""
    (finding,) = check(patterns(lambda d: np.roll(d, 5, axis=0))(honest)).findings
    assert "np.roll(diffraction, -5, axis=0)" in finding.remedy


HONEST = [
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


@pytest.mark.parametrize(("seed", "photons", "detector", "step"), HONEST)
def test_honest_scans_raise_no_alarm(seed, photons, detector, step):
    """20 scans that differ in seed, dose, detector and step, 16 to 64 positions."""
    scan = simulate(
        seed=seed, photons=photons, detector=detector, step=step, positions=(16, 36, 64)[seed % 3]
    )
    assert check(scan.arrays()).findings == ()


def test_whole_pixel_positions_are_honest_where_the_patterns_are_of_them():
    """Coordinates that are whole because the scan was are no rounding, at the darkest dose either."""
    for photons in (1e3, 1e6):
        scan = simulate(photons=None)
        whole = replace(scan, x=np.rint(scan.x), y=np.rint(scan.y))
        clean = Dataset(scan.diffraction, scan.probe, scan.object, whole.x, whole.y).predict()
        counts = np.random.default_rng(1).poisson(clean**2 * photons / np.mean(np.sum(clean**2, axis=(1, 2))))
        assert check({**whole.arrays(), "diffraction": np.sqrt(counts)}).findings == ()


@pytest.mark.parametrize("positions", [16, 64])
def test_a_frame_is_fitted_to_a_tenth_of_a_pixel(positions):
    """Offset, scale and turn at 10^4 photons per pattern."""
    scan = simulate(photons=1e4, positions=positions)
    data = Dataset(scan.diffraction, scan.probe, scan.object, scan.x, scan.y)
    wrong = Frame(1.01 * np.exp(0.01j), complex(-0.4, 0.7))
    found = wrong.then(fit(wrong.move(data), rigid=False))
    assert found.largest(data) < 0.2
    assert abs(fit(Frame(offset=3j).move(data), rigid=True).offset + 3j) < 0.1
