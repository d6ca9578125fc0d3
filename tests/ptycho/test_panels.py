"""Figures of ptychography show what the metrics are computed from, and nothing for other golden files."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("skimage", reason="scikit-image is not installed: the extra `ptycho` brings it")

from harness.core.domain.catalogue import find_catalogue
from harness.core.domain.panels import Image, Lines, Points, Table
from harness.ptycho.check.budget import TABLE_TITLE
from harness.ptycho.panels import controls_table, pattern_residuals, reconstruction, scan
from harness.ptycho.scan.forward import residual
from harness.ptycho.scan.simulate import simulate

BASELINE = {
    "metrics": {"ssim": {"value": 0.9}, "mae": {"value": 0.1}, "change": {"value": 1.0}},
    "controls": {
        "flat": {"ssim": {"value": 0.1, "margin": 0.4}, "mae": {"value": 0.5, "margin": -0.2}},
        "untrained": {"ssim": {"value": 0.8, "margin": 0.05}},
    },
}


@pytest.fixture(scope="module")
def fixture():
    return simulate(positions=16, detector=32, step=6.0, photons=1e5).arrays()


@pytest.fixture(scope="module")
def result(fixture):
    """A reconstruction that is the truth but for noise in its phase."""
    noise = np.random.default_rng(0).normal(0, 0.05, fixture["objectGuess"].shape)
    obj = fixture["objectGuess"] * np.exp(1j * noise)
    return {"object": obj.astype("complex64"), "probe": fixture["probeGuess"]}


def by_title(panels):
    return {panel.title: panel for panel in panels}


def test_a_scan_shows_positions_patterns_and_residuals(fixture):
    panels = by_title(scan(fixture, {}, {}))
    positions = panels["scan positions over the object"]
    assert isinstance(positions, Points)
    assert np.array_equal(positions.x, fixture["xcoords"])
    assert np.array_equal(positions.over.values, np.abs(fixture["objectGuess"]))
    patterns = [panel for title, panel in panels.items() if title.startswith("pattern ")]
    assert len(patterns) == 3
    assert {panel.scale for panel in patterns} == {"log"}
    assert len({panel.limits for panel in patterns}) == 1
    lines = panels["residual of each pattern"]
    (series,) = lines.series.values()
    assert np.array_equal(series[1], positions.values)
    assert lines.threshold > 0  # photon noise alone
    assert dict(panels["forward residual"].rows)["with permuted coordinates"] != "0"


def test_the_best_and_the_worst_pattern_are_shown(fixture):
    panels = scan(fixture, {}, {})
    each = next(panel for panel in panels if isinstance(panel, Points)).values
    shown = [
        int(panel.title.split()[1].rstrip(","))
        for panel in panels
        if isinstance(panel, Image) and panel.title.startswith("pattern ")
    ]
    assert shown[0] == each.argmin()
    assert shown[-1] == each.argmax()


def test_a_moved_position_stands_out(fixture):
    """The broken variant: one position 3 pixels off has the largest residual by far."""
    broken = dict(fixture) | {"xcoords": fixture["xcoords"].copy()}
    broken["xcoords"][5] += 3 if broken["xcoords"][5] < 64 else -3
    each = next(panel for panel in scan(broken, {}, {}) if isinstance(panel, Points)).values
    assert each.argmax() == 5
    assert each[5] > 2 * np.median(each)


def test_what_the_excess_comes_from_is_shown_where_there_is_one(fixture):
    """A sound scan has no such table; one with shifted coordinates has a row for each part."""
    assert TABLE_TITLE not in by_title(scan(fixture, {}, {}))
    table = by_title(scan({**fixture, "xcoords": fixture["xcoords"] + 1}, {}, {}))[TABLE_TITLE]
    assert isinstance(table, Table)
    assert {row[0] for row in table.rows} >= {"position", "probe", "object"}


def test_residuals_of_patterns_add_up_to_that_of_the_scan():
    rng = np.random.default_rng(0)
    measured, predicted = rng.random((5, 4, 4)), rng.random((5, 4, 4))
    energy = (measured**2).sum(axis=(1, 2))
    each = pattern_residuals(predicted, measured)
    whole = np.sqrt((each**2 * energy).sum() / energy.sum())
    assert whole == pytest.approx(residual(predicted, measured))
    assert pattern_residuals(np.zeros((2, 3, 3)), np.zeros((2, 3, 3))).tolist() == [0.5**0.5] * 2


def test_a_reconstruction_is_shown_beside_the_truth_on_one_scale(fixture, result):
    panels = by_title(reconstruction(result, BASELINE, {"minimal": fixture}))
    for name in ("amplitude", "phase"):
        truth, found = panels[f"truth, {name}"], panels[f"reconstruction, {name}"]
        error = panels[f"reconstruction - truth, {name}"]
        assert truth.limits == found.limits
        assert error.symmetric
        assert np.allclose(error.values, found.values - truth.values)
        assert truth.mask.any()
    assert (
        panels["reconstruction - truth, phase"].limits[1]
        > panels["reconstruction - truth, amplitude"].limits[1]
    )


def test_a_global_factor_is_aligned_away(fixture, result):
    turned = dict(result) | {"object": result["object"] * 3j}
    panels = by_title(reconstruction(turned, BASELINE, {"minimal": fixture}))
    error = panels["reconstruction - truth, amplitude"]
    assert np.abs(error.values[error.mask]).max() < 0.05


def test_the_frc_has_its_threshold(fixture, result):
    panels = by_title(reconstruction(result, BASELINE, {"minimal": fixture}))
    ring = panels["Fourier ring correlation"]
    assert isinstance(ring, Lines)
    assert set(ring.series) == {"reconstruction and truth", "1/2-bit threshold"}
    assert "cycles per pixel" in ring.note


def test_residuals_stand_beside_those_of_the_stored_arrays(fixture, result):
    panels = by_title(reconstruction(result, BASELINE, {"minimal": fixture}))
    series = panels["residual of each pattern"].series
    stored, found = (series[name][1] for name in ("stored object and probe", "reconstruction"))
    assert found.mean() > stored.mean()


def test_the_controls_have_their_margins():
    table = controls_table(BASELINE)
    assert table.rows == (
        ("mae", "0.1", "flat", "0.5", "-0.4", "-0.2"),
        ("ssim", "0.9", "flat", "0.1", "0.8", "0.4"),
        ("ssim", "0.9", "untrained", "0.8", "0.1", "0.05"),
    )


def test_a_loss_is_shown_where_there_is_one_and_its_absence_is_said(fixture, result):
    without = by_title(reconstruction(result, BASELINE, {}))
    assert list(without) == ["controls"]
    assert "no loss curve" in without["controls"].note
    losses = dict(result) | {"loss": np.array([3.0, 1.0, 0.5])}
    panels = by_title(reconstruction(losses, BASELINE, {}))
    assert panels["loss"].log_y
    assert panels["controls"].note == ""


@pytest.mark.parametrize(
    "arrays",
    [{}, {"image": np.zeros((3, 3))}, {"object": np.zeros(3)}, {"diffraction": np.array(["a"])}],
)
def test_other_golden_files_have_no_panels(arrays):
    assert scan(arrays, {}, {}) == ()
    assert reconstruction(arrays, {}, {}) == ()


@pytest.mark.parametrize("shape", [(32, 32), (16, 32, 32)])
def test_a_mask_is_shown_and_what_is_behind_it_is_not(fixture, shape):
    """Pixels that do not count are dimmed in the patterns, and have no part in residuals and colours."""
    mask = np.random.default_rng(0).random(shape) > 0.1
    spoiled = np.where(mask, fixture["diffraction"], 65535.0)
    panels = by_title(scan({**fixture, "diffraction": spoiled, "mask": mask}, {}, {}))
    shown = panels["mask"]
    np.testing.assert_allclose(shown.values, mask if mask.ndim == 2 else mask.mean(axis=0))
    assert f"{np.sum(~mask)} of {mask.size} pixels do not count" in shown.note
    title, pattern = next(item for item in panels.items() if item[0].startswith("pattern "))
    number = int(title.split()[1].rstrip(","))
    np.testing.assert_array_equal(pattern.mask, mask if mask.ndim == 2 else mask[number])
    assert pattern.limits[1] < 1e3
    assert float(dict(panels["forward residual"].rows)["as stored"]) < 0.2
    assert "mask" not in by_title(scan(fixture, {}, {}))


def test_a_scan_that_breaks_the_contract_has_no_panels(fixture):
    """A position outside the object: there is no forward model to show."""
    assert scan(dict(fixture) | {"xcoords": fixture["xcoords"] + 1e4}, {}, {}) == ()
    broken = dict(fixture) | {"diffraction": np.full_like(fixture["diffraction"], np.nan)}
    assert scan(broken, {}, {}) == ()


def test_an_object_of_another_size_has_controls_alone(fixture, result):
    small = dict(result) | {"object": result["object"][:9, :9]}
    assert [type(panel) for panel in reconstruction(small, BASELINE, {"minimal": fixture})] == [Table]


def test_the_domain_declares_them_and_torch_is_not_imported():
    references = find_catalogue().load_panels()
    assert references["harness.ptycho.panels:scan"] is scan
    assert references["harness.ptycho.panels:reconstruction"] is reconstruction
    code = "import sys, harness.ptycho.panels\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
