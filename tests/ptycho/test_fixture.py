"""Generators give the same bytes each time, refuse bad scans, and record everything."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.core.fixtures.fixture import write_fixture
from harness.core.fixtures.manifest import encode_manifest
from harness.ptycho.check.consistency import ConsistencyError, check
from harness.ptycho.fixture import _require_coverage, from_scan, minimal
from harness.ptycho.scan import contract
from harness.ptycho.scan.contract import ContractError
from harness.ptycho.scan.simulate import simulate


def test_minimal_has_the_promised_size(minimal_fixture):
    """64 positions of 64 x 64 pixels and an object of at least 128; contract and physics accept it."""
    arrays = minimal_fixture.arrays
    assert sorted(arrays) == [
        "diffraction", "objectGuess", "probeGuess", "scan_index", "xcoords", "ycoords",
    ]  # fmt: skip
    assert arrays["diffraction"].shape == (64, 64, 64)
    assert min(arrays["objectGuess"].shape) >= 128
    assert contract.violations(arrays) == ()
    assert check(arrays).findings == ()


def test_the_manifest_says_how_it_was_made(minimal_fixture):
    """Call, version, parameters, source, steps and checks; the call can be repeated from them."""
    manifest = minimal_fixture.manifest
    assert manifest.name == "minimal_v1"
    assert manifest.source.name == "simulated"
    assert manifest.generator.call == "harness.ptycho.fixture:minimal"
    assert manifest.generator.version == 1
    assert minimal(**manifest.generator.parameters).manifest == manifest
    assert set(manifest.checks) == {"coverage_x", "coverage_y", "groups", "forward_residual"}
    assert "diffraction, probeGuess: scaled by 2**-4" in manifest.transformations


def test_the_same_parameters_give_the_same_bytes(minimal_fixture):
    """Arrays and manifest, to the last byte."""
    assert encode_manifest(minimal().manifest) == encode_manifest(minimal_fixture.manifest)


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"photons": 1e5}, {"step": 11.0}, {"jitter": 0.1}, {"positions": 49}]
)
def test_no_recorded_parameter_is_inert(minimal_fixture, change):
    """Fault F11: each parameter changes the data, as well as the record."""
    other = minimal(**change)
    assert other.manifest.arrays["diffraction"] != minimal_fixture.manifest.arrays["diffraction"]
    assert other.manifest.source.digest != minimal_fixture.manifest.source.digest


def test_the_file_is_small_enough_to_keep_in_git(minimal_fixture, tmp_path):
    """Two files, below 1.5 MB together."""
    paths = write_fixture(minimal_fixture, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["minimal_v1.json", "minimal_v1.npz"]
    assert sum(p.stat().st_size for p in paths) < 1.5e6


def test_checks_are_rounded(minimal_fixture):
    """Three significant digits: the last bits of a residual are a machine's own."""
    for value in minimal_fixture.manifest.checks.values():
        assert float(f"{value:.3g}") == value


def test_noise_free_data_reach_the_rounding_floor():
    """The physics of the stored, rounded arrays explains them to float32 precision."""
    assert minimal(photons=None).manifest.checks["forward_residual"] < 1e-7


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"positions": 15}, ContractError),
        ({"positions": 1}, ContractError),
        ({"photons": 3.0}, ConsistencyError),
    ],
)
def test_an_unacceptable_fixture_is_refused(parameters, error):
    """Too few positions break the contract; a dose that shows nothing is not explained."""
    with pytest.raises(error) as refusal:
        minimal(**parameters)
    assert refusal.value.findings


def test_a_measured_scan_becomes_a_fixture(star_path):
    """64 of 516 positions over more than half of each range, scaled, and explained as before."""
    fixture = from_scan(source=star_path)
    checks = fixture.manifest.checks
    assert fixture.name == "siemens_star_516_64"
    assert checks["coverage_x"] > 0.5
    assert checks["coverage_y"] > 0.5
    assert checks["groups"] >= 2
    assert checks["forward_residual"] == pytest.approx(0.102, abs=0.005)
    assert contract.violations(fixture.arrays) == ()
    assert fixture.manifest.transformations == (
        "positions: 64 of 516, stratified in space",
        "diffraction, probeGuess: scaled by 2**-2",
    )


def test_every_array_is_taken_by_scan_index(star_path, star):
    """Fault F01 cannot be made: patterns and coordinates are the source's at one and the same index."""
    arrays = from_scan(source=star_path, positions=32).arrays
    index = arrays["scan_index"]
    np.testing.assert_array_equal(arrays["xcoords"], star.x[index])
    np.testing.assert_array_equal(arrays["ycoords"], star.y[index])
    np.testing.assert_array_equal(arrays["diffraction"] * 4, star.diffraction[index])


def test_no_folder_is_in_the_manifest(write, tmp_path):
    """The file's name, never its path; and the name of the fixture comes from it."""
    fixture = from_scan(source=write(simulate(positions=100).arrays(), "my scan.npz"))
    text = encode_manifest(fixture.manifest).decode()
    assert str(tmp_path) not in text
    assert json.loads(text)["source"]["name"] == "my scan.npz"
    assert fixture.name == "my_scan_64"


def test_a_crop_is_recorded_and_explained(write):
    """A cropped fixture keeps the contract with coordinates scaled to match."""
    path = write(simulate(positions=400, step=10.0).arrays())
    fixture = from_scan(source=path, crop=2)
    assert fixture.arrays["diffraction"].shape == (64, 32, 32)
    assert fixture.arrays["xcoords"].max() < fixture.arrays["objectGuess"].shape[1]
    assert "detector: cropped by 2 to 32 x 32" in " ".join(fixture.manifest.transformations)
    assert fixture.manifest.generator.parameters["crop"] == 2


@pytest.mark.parametrize("change", ["swap", "intensity", "shuffle", "corner"])
def test_a_source_that_its_physics_does_not_explain_is_refused(write, change):
    """Faults of the source do not become fixtures."""
    arrays = simulate(positions=100).arrays()
    stack = arrays["diffraction"]
    arrays |= {
        "swap": {"xcoords": arrays["ycoords"], "ycoords": arrays["xcoords"]},
        "intensity": {"diffraction": stack**2},
        "shuffle": {"diffraction": stack[np.random.default_rng(0).permutation(100)]},
        "corner": {"diffraction": np.fft.ifftshift(stack, axes=(1, 2))},
    }[change]
    with pytest.raises(ConsistencyError):
        from_scan(source=write(arrays))


@pytest.mark.parametrize("each", [False, True])
def test_a_mask_goes_with_its_patterns_into_the_fixture(write, each):
    """Selected, bool, with 0 behind it, and explained by the physics; what was done is recorded."""
    arrays = simulate(positions=36, detector=32, step=6.0).arrays()
    mask = np.random.default_rng(0).random(arrays["diffraction"].shape[0 if each else 1 :]) > 0.1
    garbage = np.resize([np.nan, 65535, -1], arrays["diffraction"].shape)
    stack = np.where(mask, arrays["diffraction"], garbage)
    path = write({**arrays, "diffraction": stack, "bad_pixels": ~mask, "scan_index": np.zeros(36, int)})
    made = from_scan(source=path, positions=25)
    index = made.arrays["scan_index"]
    np.testing.assert_array_equal(made.arrays["mask"], mask[index] if each else mask)
    assert made.arrays["mask"].dtype == bool
    assert (made.arrays["diffraction"][~np.broadcast_to(made.arrays["mask"], (25, 32, 32))] == 0).all()
    notes = made.manifest.transformations
    assert {"bad_pixels: inverted and renamed to mask", "scan_index: left out, 0 for every position"} <= set(
        notes
    )
    assert any("values set to 0 where mask is False" in note for note in notes)


def test_negative_amplitudes_of_a_source_are_refused(write):
    """The contract's refusal names the key and the minimum."""
    arrays = simulate(positions=100).arrays()
    arrays["diffraction"][:, 3, 3] = -1
    with pytest.raises(ContractError, match=r"scan_64, made from scan\.npz: .*at least 0"):
        from_scan(source=write(arrays))


def test_a_strip_is_refused_for_its_coverage():
    """Coverage just above one half is accepted, exactly one half is refused."""
    _require_coverage("x", {"coverage_x": 0.501, "coverage_y": 0.501})
    with pytest.raises(RefusedError, match="coverage_y"):
        _require_coverage("x", {"coverage_x": 0.501, "coverage_y": 0.5})
