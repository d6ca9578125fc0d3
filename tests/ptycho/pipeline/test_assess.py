"""Metrics of what the stages wrote, and the check that training updated object and probe."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.io

from harness.core.errors import RefusedError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.pipeline.assess import (
    BETTER,
    SMALLEST_CHANGE,
    assess,
    decisive_metrics,
    probe_error,
    relative_change,
    remeasured,
    require_updated,
    write_comparison,
    write_measured,
)
from harness.ptycho.pipeline.child_process import CONTROLS_FILE, RECONSTRUCTION_FILE


@pytest.fixture
def output(small, tmp_path):
    """An output folder whose reconstruction is the ground truth, and whose start is flat."""
    data = read_archive(small)
    obj, probe = data["objectGuess"], data["probeGuess"]
    flat = np.full_like(obj, np.abs(obj).mean())
    write_archive(tmp_path / RECONSTRUCTION_FILE, {"object": obj, "probe": probe})
    write_archive(
        tmp_path / CONTROLS_FILE,
        {"flat": flat, "before": flat, "after": obj, "probe": probe * np.float32(1.1)},
    )
    return tmp_path


def test_a_perfect_reconstruction(small, output):
    """Metrics of the truth are perfect, and better than those of the flat control in every figure."""
    found = assess(small, output)
    assert found.metrics["aligned_amplitude_ssim"] == pytest.approx(1, abs=1e-6)
    assert found.metrics["probe_error"] == pytest.approx(0, abs=1e-6)
    assert found.metrics["probe_change"] == pytest.approx(0.1 / 1.1, rel=1e-4)
    assert set(found.controls) == {"flat"}
    flat = found.controls["flat"]
    assert flat.keys() == found.metrics.keys() >= BETTER.keys()
    for name in BETTER.keys() - {"probe_error"}:  # the same probe up to a factor
        sign = 1 if BETTER[name] == "higher" else -1
        assert sign * found.metrics[name] > sign * flat[name]


def test_metrics_are_computed_again_from_one_archive(small, output):
    """The fixture and the archive that a baseline keeps give the same metrics to the last bit."""
    archive = read_archive(write_measured(output, output / "measured.npz"))
    assert remeasured(read_archive(small), archive) == assess(small, output).metrics


def test_the_picture_shows_each_object(small, output):
    """One column for each object: with the untrained network's, the picture is wider."""
    write_comparison(small, output, output / "two.png")
    controls = read_archive(output / CONTROLS_FILE)
    write_archive(output / CONTROLS_FILE, {**controls, "untrained": controls["after"]})
    write_comparison(small, output, output / "three.png")
    two, three = (skimage.io.imread(output / f"{name}.png").shape[1] for name in ("two", "three"))
    assert three > two > 0


def test_a_reconstruction_that_did_not_change_is_refused(small, output):
    """No metrics are returned if the object after training is the one before."""
    controls = read_archive(output / CONTROLS_FILE)
    write_archive(output / CONTROLS_FILE, {**controls, "after": controls["before"]})
    with pytest.raises(RefusedError, match="training did not update the object"):
        assess(small, output)


def test_relative_change():
    """A change is relative to the start, not to the end."""
    assert relative_change(np.array([3.0, 4.5]), np.array([3.0, 4.0])) == pytest.approx(0.1)


def test_probe_error_ignores_a_complex_factor():
    """A probe is known only up to a factor; any other difference counts."""
    stored = np.array([[1 + 1j, 2], [3j, 4]])
    assert probe_error(stored * 2j, stored) == pytest.approx(0, abs=1e-12)
    assert probe_error(stored.T, stored) > 0.1


@pytest.mark.parametrize("what", ["object", "probe"])
def test_the_smallest_change(what):
    """Just above the threshold passes; the threshold, zero and NaN are refused."""
    changes = {"object_change": 1.0, "probe_change": 1.0}
    require_updated({**changes, f"{what}_change": SMALLEST_CHANGE * 1.01})
    for unchanged in (SMALLEST_CHANGE, 0.0, float("nan")):
        with pytest.raises(RefusedError, match=f"did not update the {what}"):
            require_updated({**changes, f"{what}_change": unchanged})


@pytest.mark.parametrize(
    ("amplitude", "phase", "parts"),
    [
        (1, 0.1, {"aligned_phase_mae"}),
        (1, 5.0, {"aligned_phase_mae"}),
        (0.2, 0, {"aligned_amplitude_mae"}),
        (0.5, 0.5, {"aligned_amplitude_mae", "aligned_phase_mae"}),
        (1, 0, set()),
    ],
)
def test_a_flat_part_of_an_object_does_not_decide(amplitude, phase, parts):
    """A transparent object's amplitude is flat, so no reconstruction has a better one than a flat object."""
    ramp = np.linspace(0, 1, 100)
    found = decisive_metrics((1 - (1 - amplitude) * ramp[::-1]) * np.exp(1j * phase * ramp))
    assert set(found) == {"aligned_correlation", "aligned_frc_mean", "diffraction_error"} | parts
    assert set(found) <= set(BETTER)


def test_the_decisive_metrics_are_those_of_the_illuminated_object(small, output):
    """Simulated objects have amplitude and phase."""
    found = assess(small, output)
    assert len(found.decisive) == 5
    assert set(found.decisive) <= found.metrics.keys()
