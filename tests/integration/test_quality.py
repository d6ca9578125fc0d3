"""Golden values of everything that judges a reconstruction, on inputs without any symmetry.

Baselines of pipelines hold each metric within what perturbations move it by. A constant or an order of
arguments may change a metric by less than that; here it shows in the last digits.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

pytest.importorskip("scipy", reason="metrics need scipy")
pytest.importorskip("skimage", reason="metrics need scikit-image")

from harness.ptycho.pipeline import assess, halves
from harness.ptycho.quality import align, metrics, picture
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module")
def scan():
    """A scan of 4 x 5 positions, whose object has sides of different lengths."""
    return simulate(positions=20, detector=32, step=7.0, photons=1e4, seed=5)


@pytest.fixture(scope="module")
def found(scan):
    """A reconstruction that is shifted, tilted, scaled, blurred and noisy."""
    obj, rng = scan.object, np.random.default_rng(7)
    rows, columns = np.indices(obj.shape)
    wave = np.exp(2j * np.pi * (0.0021 * rows - 0.0013 * columns))
    blurred = 0.6 * obj + 0.3 * np.roll(obj, 1, axis=0) + 0.1 * np.roll(obj, 1, axis=1)
    noise = rng.standard_normal((2, *obj.shape))
    return (1.3 - 0.4j) * wave * (blurred + 0.05 * (noise[0] + 1j * noise[1]))


@pytest.fixture(scope="module")
def mask(scan):
    return metrics.illuminated(scan.probe, scan.x, scan.y, scan.object.shape)


def test_object_metrics(arrays_regression, scan, found):
    """Reconstruction and truth are not interchangeable, so both orders are recorded."""
    where = {"probe": scan.probe, "x": scan.x, "y": scan.y}
    arrays_regression.check({
        "forward": metrics.object_metrics(found, scan.object, **where),
        "exchanged": metrics.object_metrics(scan.object, found, **where),
        "without_structure": metrics.object_metrics(np.ones_like(found), scan.object, **where),
        "unaligned_phase": [phase[::4, ::4] for phase in metrics.phases(found, scan.object, found != 0)],
        "diffraction_error": metrics.diffraction_error(
            scan.diffraction, obj=found, **where,
        ),
        "masked_diffraction_error": metrics.diffraction_error(
            scan.diffraction, obj=found, **where, mask=scan.diffraction > 2,
        ),
        "illumination": metrics.illumination(scan.probe, scan.x, scan.y, found.shape)[::2, ::2],
    })  # fmt: skip


def test_ring_correlation(arrays_regression, scan, found, mask):
    """The curve, its threshold, and where the two cross, of objects that differ more and more."""
    noise = np.random.default_rng(3).standard_normal((2, *found.shape))
    worse = scan.object + 0.4 * (noise[0] + 1j * noise[1])
    truth = scan.object + 0.02 * (noise[1] - 1j * noise[0])  # or its finest rings are rounding errors
    arrays_regression.check({
        "near": asdict(metrics.frc(found, truth, mask)),
        "far": asdict(metrics.frc(worse, truth, mask)),
        "whole": asdict(metrics.frc(worse, truth, np.ones_like(mask))),
        "threshold": metrics.half_bit(np.array([0.5, 1.0, 2.0, 8.0, 50.0, 1000.0])),
    })  # fmt: skip


def test_alignment(arrays_regression, scan, found, mask):
    """Factor, ramp and shift; of images shifted a little, more, and too far."""
    images = {
        "near": found,
        "shifted": align.Alignment(np.array([0.35, -0.6]), np.array([0.004, -0.003]), 0.8j).apply(
            scan.object
        ),
        "far": np.roll(scan.object, (2, 3), axis=(0, 1)),
    }
    fits = {name: align.find_alignment(image, scan.object, mask) for name, image in images.items()}
    arrays_regression.check({
        name: {
            "shift": fit.shift, "ramp": fit.ramp, "factor": fit.factor,
            "sum": fit.apply(images[name]).sum(),
        }
        for name, fit in fits.items()
    })  # fmt: skip


def test_probe_and_changes(arrays_regression, scan):
    """Distances of probes and objects, which depend on which of the two comes first."""
    other = scan.probe * (2 - 1j) + 0.1 * np.roll(scan.probe, 2, axis=1)
    arrays_regression.check({
        "probe_error": assess.probe_error(other, scan.probe),
        "exchanged": assess.probe_error(scan.probe, other),
        "change": assess.relative_change(other, scan.probe),
        "change_exchanged": assess.relative_change(scan.probe, other),
    })  # fmt: skip


def test_decisive_metrics():
    """From which share of an object's contrast its amplitude and its phase decide."""
    ramp = np.linspace(-1, 1, 101)
    kinds = {
        share: assess.decisive_metrics(
            (1 + np.sqrt(share) * ramp) * np.exp(1j * np.sqrt(1 - share) * ramp / 9)
        )
        for share in (1e-4, 1.1e-4, 1.3e-4, 0.01, 0.5, 0.999, 0.9999, 1.0)
    }
    assert {share: names[len(assess.DECISIVE) :] for share, names in kinds.items()} == {
        1e-4: ("aligned_phase_mae",),
        1.1e-4: ("aligned_phase_mae",),
        1.3e-4: ("aligned_amplitude_mae", "aligned_phase_mae"),
        0.01: ("aligned_amplitude_mae", "aligned_phase_mae"),
        0.5: ("aligned_amplitude_mae", "aligned_phase_mae"),
        0.999: ("aligned_amplitude_mae",),
        0.9999: ("aligned_amplitude_mae",),
        1.0: ("aligned_amplitude_mae",),
    }


def test_halves(arrays_regression, scan, found):
    """Two halves of a scan: which positions, and how their reconstructions are compared."""
    data = {
        "diffraction": scan.diffraction, "objectGuess": scan.object, "probeGuess": scan.probe,
        "xcoords": scan.x, "ycoords": scan.y, "mask": scan.diffraction < 40,
    }  # fmt: skip
    split = halves.split_positions(scan.x, scan.y)
    parts = [halves._half(data, index) for index in split]
    ones = [{"object": found, "probe": scan.probe}, {"object": scan.object, "probe": 1.1 * scan.probe}]
    flat = [{"object": np.ones_like(found), "probe": scan.probe}] * 2
    arrays_regression.check({
        "split": split,
        "kept": [{key: array.sum() for key, array in part.items()} for part in parts],
        "found": halves.compare_halves(parts, ones),
        "exchanged": halves.compare_halves(parts, ones[::-1]),
        "flat": halves.compare_halves(parts, flat),
    })  # fmt: skip


def test_picture(arrays_regression, scan, found, mask, tmp_path):
    """The grey levels of amplitude and phase, inside and outside of the mask, and the sheet's layout."""
    image = pytest.importorskip("PIL.Image", reason="pictures need Pillow")
    objects = {"stored": scan.object, "found": found}
    picture.write_picture(tmp_path / "object.png", objects, mask)
    with image.open(tmp_path / "object.png") as sheet:
        size = sheet.size
    arrays_regression.check({
        "amplitude": [panel[::3, ::3] for panel in picture._panels(objects, mask, "amplitude").values()],
        "phase": [panel[::3, ::3] for panel in picture._panels(objects, mask, "phase").values()],
        "size": size,
    })  # fmt: skip
