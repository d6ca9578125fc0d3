"""What differs between a golden file and its successor, in lines that a reviewer reads."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.baselines.array_tolerances import encode_tolerances, merged, row_of
from harness.core.baselines.baseline import encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.baselines.platforms import Platform
from harness.core.baselines.samples import Deviation, Spread
from harness.core.fixtures.fixture import write_fixture
from harness.core.recording.differences import differences
from harness.core.storage.npz import write_archive


@pytest.fixture
def archives(tmp_path):
    """Write two archives and return their differences."""

    def compare(old, new) -> tuple[str, ...]:
        for name, arrays in (("old", old), ("new", new)):
            write_archive(tmp_path / f"{name}.npz", arrays)
        return differences("fixture", tmp_path / "old.npz", tmp_path / "new.npz")

    return compare


def test_changed_elements_are_counted_and_the_largest_change_is_located(archives):
    old = np.zeros((2, 3))
    new = old.copy()
    new[1, 2], new[0, 1] = 0.5, -0.25
    assert archives({"image": old}, {"image": new}) == (
        "image: 2 of 6 elements, largest difference 0.5 at [1, 2]",
    )


def test_a_change_of_one_bit_is_reported_although_a_tolerance_would_accept_it(archives):
    old = np.ones(3)
    (line,) = archives({"image": old}, {"image": np.nextafter(old, 2)})
    assert line.startswith("image: 3 of 3 elements")


def test_another_sign_of_zero_is_reported_although_it_is_equal(archives):
    """Its bytes and so its digest differ."""
    (line,) = archives({"image": np.zeros(3)}, {"image": np.array([0.0, -0.0, 0.0])})
    assert line.startswith("image: 1 of 3 elements, largest difference 0 at")


def test_shapes_and_dtypes_are_named(archives):
    old = {"shape": np.zeros(3), "dtype": np.zeros(2, "f4"), "same": np.zeros(1)}
    new = {"shape": np.zeros((3, 1)), "dtype": np.zeros(2, "f8"), "same": np.zeros(1)}
    assert sorted(archives(old, new)) == [
        "dtype: float32 (2,) -> float64 (2,)",
        "shape: float64 (3,) -> float64 (3, 1)",
    ]


def test_metrics_are_listed_with_both_values(tmp_path):
    for name, metrics in (
        ("old", {"mae": 0.25, "ssim": 1.0}),
        ("new", {"mae": 0.5, "psnr": 30.0, "ssim": 1.0}),
    ):
        (tmp_path / name).write_bytes(encode_baseline(provisional_baseline(metrics)))
    assert differences("baseline", tmp_path / "old", tmp_path / "new") == (
        "mae: 0.25 -> 0.5",
        "psnr: none -> 30",
    )


def test_manifests_are_compared_key_by_key(tmp_path, made):
    paths = [
        write_fixture(made(checks={"residual": value}), tmp_path / str(value))[1] for value in (1e-7, 2e-7)
    ]
    assert any("residual" in line for line in differences("manifest", *paths))


def test_a_new_file_and_files_of_other_kinds_have_none(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"a")
    assert differences("fixture", None, path) == ()
    assert differences("file", path, path) == ()


def test_an_unreadable_old_file_is_reported(tmp_path):
    """It does not prevent the new one from replacing it."""
    old, new = tmp_path / "old.npz", tmp_path / "new.npz"
    old.write_bytes(b"")
    write_archive(new, {"image": np.zeros(3)})
    (line,) = differences("fixture", old, new)
    assert line.startswith("the old file was unreadable: ")


def test_an_old_manifest_of_another_format_is_reported_as_such(tmp_path, made):
    """It was not damaged: an older version of this package wrote it."""
    _, new = write_fixture(made(), tmp_path)
    old = tmp_path / "old.json"
    old.write_bytes(new.read_bytes().replace(b'"schema": 2', b'"schema": 1'))
    assert differences("manifest", old, new) == ("the old file has another format: schema 1",)


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        (
            np.array(["2020-01-01"], "M8[D]"),
            np.array(["2020-01-03"], "M8[D]"),
            "largest difference 2 days at [0]",
        ),
        (np.array(["a", "b"]), np.array(["a", "c"]), "first difference 'b' -> 'c' at [1]"),
        (np.array([1e308]), np.array([-1e308]), "largest difference 2e+308 at [0]"),
        (np.array([1.0, np.inf]), np.array([1.0, 1.0]), "1 element differs by NaN or infinity at [1]"),
    ],
    ids=["dates", "strings", "overflow", "infinity"],
)
def test_differences_are_in_the_unit_of_their_dtype(archives, one, other, text):
    (line,) = archives({"a": one}, {"a": other})
    assert line.endswith(f"elements, {text}")


def test_tolerances_differ_by_class_and_numbers(tmp_path):
    """What did not change is not listed."""
    for name, absolute in (("old", 0.0), ("new", 1e-9)):
        spreads = {"power": Spread(1, absolute, None) if absolute else Spread(), "count": Spread()}
        arrays = {array: Deviation("float64", (1,), 1.0, spread) for array, spread in spreads.items()}
        row = row_of(Platform("Linux", "x86_64", "avx2", {}), [{}], [arrays])
        (tmp_path / name).write_bytes(encode_tolerances(merged("xxh128:0", arrays, [row])))
    assert differences("tolerances", tmp_path / "old", tmp_path / "new") == (
        "power: exact, atol 0, rtol 0 -> measured, atol 1e-08, rtol 0",
    )
