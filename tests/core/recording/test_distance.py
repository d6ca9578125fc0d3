"""How far apart two versions are, in tolerances: known distances, and pairs that no tolerance measures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.core.baselines.baseline import Metric, encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.errors import UnreadableError
from harness.core.fixtures.compare import compare_arrays
from harness.core.recording.distance import (
    array_distance,
    as_number,
    is_measured,
    measure_distance,
    metric_distance,
)
from harness.core.registry.history import Distance
from harness.core.storage.npz import write_archive

MEASURED = (0.5, 0.5)
"""Samples behind a tolerance that calibration has found."""


def archive(path, **arrays):
    write_archive(path, arrays)
    return path


def baseline(path, **metrics: Metric):
    empty = provisional_baseline({})
    path.write_bytes(encode_baseline(type(empty)(1, metrics, {}, empty.certificate)))
    return path


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(("tolerances", "accepted"), [(0.9, True), (1.1, False)])
def test_a_tolerance_is_where_the_comparison_ends(dtype, tolerances, accepted):
    """Both start from 0; one tolerance is the limit of the distance and of the comparison."""
    atol = {"float16": 1e-3, "float32": 1.3e-6, "complex64": 1.3e-6}.get(dtype, 2.0**-48)
    older, newer = np.array([0, 0, 1], dtype), np.array([0, tolerances * atol, 1], dtype)
    assert array_distance(older, newer) == pytest.approx(tolerances, rel=0.01)  # float16 is that coarse
    assert compare_arrays("a", older, newer).accepted is accepted


def test_the_relative_part_of_a_tolerance_is_of_the_older_value():
    older, newer = np.array([1.0, -1.0]), np.array([1.0, -5.0])
    assert array_distance(older, newer) == pytest.approx(4 / (2.0**-48 + 1e-7), rel=1e-9)
    assert array_distance(newer, older) == pytest.approx(4 / (5 * 2.0**-48 + 5e-7), rel=1e-9)


def test_the_largest_element_counts_wherever_it_is(monkeypatch):
    """In the last of several blocks, too."""
    monkeypatch.setattr("harness.core.fixtures.blocks._BLOCK_ELEMENTS", 4)
    older = np.full((5, 3), 0.25)
    for index in np.ndindex(older.shape):
        newer = older.copy()
        newer[index] += 0.75e-7
        assert array_distance(older, newer) == pytest.approx(3, rel=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        np.array([np.nan, np.inf, -np.inf, 1.0]),
        np.array([complex(np.nan, 1), 1j]),
        np.arange(4),
        np.array(["a", "b"]),
        np.array(["2020-01-01", "NaT"], "M8[D]"),
        np.array([True, False]),
        np.array(7.0),
        np.zeros((0, 3)),
    ],
    ids=lambda array: array.dtype.name,
)
def test_equal_arrays_are_at_no_distance(values):
    assert array_distance(values, values.copy()) == 0


def test_the_other_zero_and_the_other_byte_order_are_no_distance():
    assert array_distance(np.zeros(2), -np.zeros(2)) == 0
    assert array_distance(np.arange(3.0), np.arange(3.0).astype(">f8")) == 0


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (None, np.zeros(2)),
        (np.zeros(2), None),
        (np.zeros(2), np.zeros(3)),
        (np.zeros(2), np.zeros(2, "float32")),
        (np.array([1, 2]), np.array([1, 3])),
        (np.array(["a"]), np.array(["b"])),
        (np.array([True]), np.array([False])),
        (np.array([1.0]), np.array([np.nan])),
        (np.array([np.nan]), np.array([1.0])),
        (np.array([np.inf]), np.array([-np.inf])),
        (np.array([np.inf]), np.array([1.0])),
        (np.array([1j]), np.array([complex(0, np.inf)])),
    ],
)
def test_what_no_tolerance_measures_is_at_infinity(older, newer):
    assert array_distance(older, newer) == math.inf


def test_distances_do_not_overflow():
    """From one end of the floats to the other there is a finite number of tolerances."""
    most = np.finfo("f8").max
    expected = 2 / (1e-7 + 2.0**-48)
    assert array_distance(np.array([most]), np.array([-most])) == pytest.approx(expected, rel=1e-9)


def test_a_metric_is_measured_in_tolerances_of_the_older_baseline():
    """A tolerance that was widened on the way does not make the way shorter."""
    assert metric_distance(Metric(0.5, 0.25, MEASURED), Metric(1.5, 100.0, MEASURED)) == 4
    assert metric_distance(Metric(0.5, 0.25, MEASURED), Metric(-0.5, 0.25, MEASURED)) == 4


def test_a_guessed_tolerance_gives_way_to_a_measured_one():
    """The first run of all has a single sample: what calibration says later is the unit."""
    guess, measured = Metric(0.5, 1e-6, (0.5,)), Metric(1.5, 0.25, MEASURED)
    assert metric_distance(guess, measured) == 4
    assert metric_distance(guess, Metric(1.5, 0.25)) == 4
    assert metric_distance(guess, Metric(1.5, 0.25, (1.5,))) == pytest.approx(1e6)


@pytest.mark.parametrize(
    ("older", "newer", "distance"),
    [
        (Metric(0.5, 0.0), Metric(0.5, 0.0), 0),
        (Metric(0.5, 0.0), Metric(0.5000001, 0.0), math.inf),
        (None, Metric(0.5, 0.1), math.inf),
        (Metric(0.5, 0.1), None, math.inf),
        (Metric(1e308, 1e-9), Metric(-1e308, 1e-9), math.inf),
    ],
)
def test_a_metric_without_a_tolerance_or_a_counterpart_is_the_same_or_at_infinity(older, newer, distance):
    assert metric_distance(older, newer) == distance


def test_a_file_is_as_far_as_its_farthest_array(tmp_path):
    older = archive(tmp_path / "a.npz", near=np.ones(2), far=np.ones(2), same=np.arange(3))
    tolerance = 1e-7 + 2.0**-48
    near, far = np.full(2, 1 + tolerance), np.full(2, 1 + 2 * tolerance)
    newer = archive(tmp_path / "b.npz", near=near, far=far, same=np.arange(3))
    assert measure_distance("fixture", older, newer) == Distance(2.0, "far")
    assert measure_distance("fixture", older, older) == Distance(0.0, "")


def test_a_baseline_is_as_far_as_its_farthest_metric(tmp_path):
    older = baseline(tmp_path / "a.json", mae=Metric(0.5, 0.5), ssim=Metric(0.5, 0.125))
    newer = baseline(tmp_path / "b.json", mae=Metric(1.0, 0.5), ssim=Metric(0.75, 0.125))
    assert measure_distance("baseline", older, newer) == Distance(2.0, "ssim")
    assert measure_distance("baseline", older, older) == Distance(0.0, "")


@pytest.mark.parametrize("arrays", [{"a": np.arange(2)}, {"a": np.zeros(2), "b": np.zeros(2)}, {}])
def test_what_cannot_be_compared_is_named_and_has_no_number(tmp_path, arrays):
    older, newer = archive(tmp_path / "a.npz", a=np.zeros(2)), archive(tmp_path / "b.npz", **arrays)
    assert measure_distance("fixture", older, newer) == Distance(None, "b" if "b" in arrays else "a")


def test_a_file_that_cannot_be_read_has_no_distance(tmp_path):
    older = archive(tmp_path / "a.npz", a=np.zeros(2))
    (tmp_path / "b.npz").write_bytes(b"PK")
    with pytest.raises(UnreadableError):
        measure_distance("fixture", older, tmp_path / "b.npz")


def test_the_last_bits_of_a_sum_do_not_show():
    """Five steps of 0.4 are two tolerances, and a limit of two lets them pass."""
    assert 0.1 + 0.2 != 0.3
    assert as_number(0.1 + 0.2) == 0.3
    assert as_number(1.23456789e-9) == 1.23457e-9
    assert as_number(math.inf) is None


def test_manifests_results_and_other_files_have_no_tolerances():
    kinds = ("fixture", "manifest", "baseline", "result", "file")
    assert [kind for kind in kinds if is_measured(kind)] == ["fixture", "baseline"]
