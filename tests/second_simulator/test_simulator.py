"""The second simulator: its physics in tiny cases, its scans, and that it shares no code with the package."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.ptycho.scan.forward import amplitude, residual
from second_simulator import UNUSUAL, Variant, drawn_variant, make_scan, sound_scan
from second_simulator.objects import OBJECTS
from second_simulator.physics import far_field, intensities, read_patch, sampling_matrix
from second_simulator.probes import Optics, modes, probe
from second_simulator.routes import ROUTES

FOLDER = Path(__file__).parent
ASKS_THE_PACKAGE = {FOLDER / "judgement.py", FOLDER / "specimens.py"}
SIMULATOR = sorted(set(FOLDER.rglob("*.py")) - set(FOLDER.glob("test_*.py")) - ASKS_THE_PACKAGE)


def imported(path: Path) -> set[str]:
    tree = ast.walk(ast.parse(path.read_text("utf-8")))
    froms = {node.module for node in tree if isinstance(node, ast.ImportFrom)}
    tree = ast.walk(ast.parse(path.read_text("utf-8")))
    return froms | {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}


@pytest.mark.parametrize("path", SIMULATOR, ids=lambda path: path.stem)
def test_it_shares_no_code_with_the_package(path):
    assert not [name for name in imported(path) if name.partition(".")[0] == "harness"]


def test_a_patch_is_centred_at_its_coordinate():
    """By hand: a single bright pixel at row 5, column 7; a patch of 4 x 4 has pixel (2, 2) at (x, y)."""
    obj = np.zeros((12, 12), dtype=complex)
    obj[5, 7] = 1
    patch = read_patch(obj, x=7.0, y=5.0, shape=(4, 4))
    assert np.argmax(abs(patch)) == 2 * 4 + 2
    assert abs(patch).sum() == pytest.approx(1)
    assert np.argmax(abs(read_patch(obj, x=6.0, y=5.0, shape=(4, 4)))) == 2 * 4 + 3


def test_between_pixels_a_wave_is_read_exactly():
    """A plane wave of 3 periods, read a third of a pixel on, at rows that begin at 1.25."""
    rows, columns = 16, 20
    wave = np.exp(2j * np.pi * (3 * np.arange(rows)[:, None] / rows + 2 * np.arange(columns) / columns))
    at = read_patch(wave, x=4 + 1 / 3, y=5.25, shape=(8, 6))
    row, column = 1.25 + np.arange(8)[:, None], 1 + 1 / 3 + np.arange(6)
    assert at == pytest.approx(np.exp(2j * np.pi * (3 * row / rows + 2 * column / columns)))


@pytest.mark.parametrize("length", [8, 9])
def test_a_whole_first_pixel_picks_elements(length):
    assert sampling_matrix(length, 3.0, 4) == pytest.approx(np.eye(length)[3:7])
    assert sampling_matrix(length, -1.0, 2) == pytest.approx(np.eye(length)[[-1, 0]])


@pytest.mark.parametrize("shape", [(8, 8), (9, 8), (7, 7)])
def test_energy_is_conserved_and_zero_frequency_is_at_the_centre(shape):
    wave = np.random.default_rng(0).standard_normal((*shape, 2)) @ [1, 1j]
    assert np.sum(abs(far_field(wave)) ** 2) == pytest.approx(np.sum(abs(wave) ** 2))
    centre = np.zeros(shape)
    centre[shape[0] // 2, shape[1] // 2] = np.sqrt(shape[0] * shape[1])
    assert abs(far_field(np.ones(shape))) == pytest.approx(centre, abs=1e-12)


def test_a_wave_that_rises_along_columns_goes_to_a_higher_column():
    ramp = np.exp(2j * np.pi * 2 * np.arange(8) / 8)[None, :] * np.ones((8, 1))
    assert np.unravel_index(np.argmax(abs(far_field(ramp))), (8, 8)) == (4, 6)


def test_the_detector_can_be_moved():
    lit = probe(Optics(), (32, 32))[None]
    flat, centre = np.ones((64, 64)), np.array([32.0])
    still = intensities(lit, flat, centre, centre)[0]
    moved = intensities(lit, flat, centre, centre, moved=(1.0, -2.0))[0]
    assert np.roll(still, (1, -2), (0, 1)) == pytest.approx(moved, abs=1e-9)


def test_modes_are_orthogonal_and_share_the_light():
    lit = modes(probe(Optics(), (32, 32)), 0.1).reshape(3, -1)
    assert np.sum(abs(lit) ** 2, axis=1) == pytest.approx([0.9, 0.05, 0.05])
    assert abs(np.vdot(lit[0], lit[1])) < 1e-9
    assert len(modes(probe(Optics(), (32, 32)), 0)) == 1


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_are_band_limited_and_differ_by_seed(name):
    obj = OBJECTS[name](np.random.default_rng(1), (128, 140))
    spectrum = abs(np.fft.fft2(obj))
    high = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(140)) >= 0.33
    assert spectrum[high].max() < 1e-9 * spectrum.max()
    assert not np.allclose(obj, OBJECTS[name](np.random.default_rng(2), (128, 140)))


@pytest.mark.parametrize("name", ROUTES)
def test_routes_have_as_many_places_as_asked(name):
    places = ROUTES[name](np.random.default_rng(1), 37, 5.0)
    assert places.shape == (2, 37)
    assert np.isfinite(places).all()


def test_a_snake_turns_and_twice_comes_back():
    x, y = ROUTES["snake"](np.random.default_rng(0), 9, 1.0)
    assert x.tolist() == [-1, 0, 1, 1, 0, -1, -1, 0, 1]
    assert y.tolist() == [-1, -1, -1, 0, 0, 0, 1, 1, 1]
    places = ROUTES["twice"](np.random.default_rng(0), 10, 1.0)
    assert np.array_equal(places[:, :5], places[:, 5:])


@pytest.mark.parametrize("name", UNUSUAL)
def test_arrays_have_the_dtypes_and_shapes_of_the_contract(name):
    variant = UNUSUAL[name]
    arrays = make_scan(variant, 0)
    n, (h, w) = variant.positions, variant.shape
    dtypes = {key: str(arrays[key].dtype) for key in arrays}
    assert arrays["diffraction"].shape == (n, h, w)
    assert arrays["probeGuess"].shape == (h, w)
    assert arrays["xcoords"].shape == arrays["ycoords"].shape == (n,)
    assert min(arrays["objectGuess"].shape) >= 128
    assert 0 <= arrays["diffraction"].min() <= arrays["diffraction"].max() < 10
    assert dtypes == {key: str(np.dtype(DTYPES[key])) for key in arrays}


DTYPES = {
    "diffraction": "float32",
    "objectGuess": "complex64",
    "probeGuess": "complex64",
    "xcoords": "float64",
    "ycoords": "float64",
    "scan_index": "int64",
    "mask": "bool",
}


def test_a_seed_decides_everything():
    one, again, other = sound_scan(4), sound_scan(4), sound_scan(5)
    assert one.keys() == again.keys()
    assert all(np.array_equal(one[key], again[key]) for key in one)
    assert one["diffraction"].shape != other["diffraction"].shape or not np.array_equal(
        one["diffraction"], other["diffraction"]
    )


def test_three_hundred_seeds_draw_from_every_kind():
    drawn = [drawn_variant(seed) for seed in range(300)]
    assert {v.obj for v in drawn} == OBJECTS.keys()
    assert {v.route for v in drawn} == ROUTES.keys()
    assert {v.photons for v in drawn} == {50.0, 200.0, 1e3, 3e3, 1e4, 1e5, 1e6, 1e7, None}
    assert {v.shape for v in drawn} >= {(32, 32), (64, 64), (128, 128), (48, 64), (45, 45)}
    assert min(v.positions for v in drawn) >= 25
    assert max(v.positions for v in drawn) > 250
    assert {v.mask for v in drawn} == {"", "gaps", "stop", "patterns"}
    assert {v.index for v in drawn} == {"absent", "ordered", "chosen", "zeros"}
    assert {bool(v.incoherent) for v in drawn} == {bool(v.flicker) for v in drawn} == {False, True}
    assert {v.whole for v in drawn} == {False, True}
    assert len({v.name for v in drawn}) > 290


def test_the_dose_is_the_one_asked_for():
    arrays = make_scan(Variant(photons=1e4), 3)
    light = arrays["diffraction"].astype(float) ** 2
    unit = light[light > 0].min()
    assert np.rint(light / unit) == pytest.approx(light / unit, rel=1e-5)
    assert (light / unit).sum(axis=(1, 2)).mean() == pytest.approx(1e4, rel=0.02)


def test_the_object_and_places_are_the_same_at_every_dose():
    bright, dim = make_scan(Variant(), 3), make_scan(replace(Variant(), photons=1e4), 3)
    assert np.array_equal(bright["objectGuess"], dim["objectGuess"])
    assert np.array_equal(bright["xcoords"], dim["xcoords"])


@pytest.mark.parametrize("obj", OBJECTS)
def test_on_whole_pixels_both_simulators_agree(obj):
    """Nothing is interpolated there, so the two methods must give the same numbers, up to rounding."""
    arrays = make_scan(Variant(obj, "raster", photons=None, whole=True), 1)
    predicted = amplitude(arrays["probeGuess"], arrays["objectGuess"], arrays["xcoords"], arrays["ycoords"])
    assert residual(predicted, arrays["diffraction"]) < 1e-6


@pytest.mark.parametrize("obj", OBJECTS)
def test_between_pixels_they_differ_by_less_than_the_noise_of_a_million_photons(obj):
    """The package shifts a window, which wraps around at its edges: at 64 x 64 pixels, 1.3 % at most."""
    arrays = make_scan(Variant(obj, "fermat", (64, 64), photons=None), 0)
    predicted = amplitude(arrays["probeGuess"], arrays["objectGuess"], arrays["xcoords"], arrays["ycoords"])
    assert residual(predicted, arrays["diffraction"]) < 0.014
