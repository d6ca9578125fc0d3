"""``harness diff`` as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.core.storage.npz import write_archive


@pytest.fixture
def pair(tmp_path):
    """Two .npz files of the same two arrays; write the second with one value of an array changed."""
    arrays = {"wave": np.sin(np.arange(8.0)), "time": np.arange(8.0)}
    np.savez(tmp_path / "a.npz", **arrays)

    def change(name: str, place: int, value: float) -> tuple[str, str]:
        arrays[name][place] = value
        np.savez(tmp_path / "b.npz", **arrays)
        return "a.npz", "b.npz"

    return change


def test_equal_files_exit_with_0(pair, harness):
    files = pair("time", 0, 0.0)
    shown = harness("diff", *files)
    assert (shown.code, shown.out) == (0, "2 arrays, all bits equal.\n")


def test_drift_exits_with_1_and_shows_where(pair, harness):
    shown = harness("diff", *pair("time", 3, 3.5))
    assert shown.code == 1
    assert "time: 1 of 8 elements differ" in shown.out
    assert "[3]: expected 3.0, found 3.5" in shown.out


@pytest.mark.parametrize(("option", "code"), [("0.51", 0), ("0.49", 1)])
def test_a_tolerance_is_a_limit(pair, harness, option, code):
    """Just inside and just outside."""
    files = pair("time", 3, 3.5)
    assert harness("diff", *files, "--atol", option).code == code


@pytest.mark.parametrize(("option", "code"), [("0.17", 0), ("0.16", 1)])
def test_a_relative_tolerance_is_relative_to_the_expected_value(pair, harness, option, code):
    """The change is 0.5 at 3.0."""
    assert harness("diff", *pair("time", 3, 3.5), "--rtol", option).code == code


def test_exact_allows_no_difference(pair, harness):
    """One ULP is within the dtype's own tolerance, but not exactly equal."""
    files = pair("time", 1, float(np.nextafter(1.0, 2.0)))
    shown = harness("diff", *files)
    assert (shown.code, shown.out.splitlines()[-1]) == (0, "2 arrays, within tolerance; 1 element not equal.")
    assert harness("diff", *files, "--exact").code == 1


def test_shown_limits_the_elements(pair, harness):
    pair("time", 3, 30.0)
    shown = harness("diff", *pair("time", 4, 40.0), "--shown", "1")
    assert shown.out.count(": expected ") == 1


def test_json_has_every_figure(pair, harness):
    shown = harness("diff", *pair("time", 3, 3.5), "--json")
    assert shown.code == 1
    result = json.loads(shown.out)
    assert (result["accepted"], result["identical"]) == (False, False)
    arrays = {array["name"]: array for array in result["arrays"]}
    assert arrays["wave"]["differing"] == 0
    assert (arrays["time"]["differing"], arrays["time"]["size"]) == (1, 8)
    assert (arrays["time"]["max_absolute"], arrays["time"]["worst"]) == (0.5, [3])
    assert (arrays["time"]["largest"], arrays["time"]["incomparable"]) == ("largest difference 0.5", 0)


def test_json_has_differences_that_no_float_holds(tmp_path, harness):
    """Twice 1e308, a NaN, and days of a date, each in its own unit."""
    golden = {"far": np.array([1e308]), "gone": np.array([1.0]), "day": np.array(["2020-01-01"], "M8[D]")}
    found = {"far": np.array([-1e308]), "gone": np.array([np.nan]), "day": golden["day"] + 3}
    for name, arrays in (("one", golden), ("other", found)):
        write_archive(tmp_path / f"{name}.npz", arrays)
    shown = harness("diff", str(tmp_path / "one.npz"), str(tmp_path / "other.npz"), "--json")
    arrays = json.loads(shown.out)["arrays"]
    figures = {array["name"]: (array["max_absolute"], array["largest"]) for array in arrays}
    assert figures == {
        "far": (2 * int(1e308), "largest difference 2e+308"),
        "gone": (0.0, "1 element differs by NaN or infinity"),
        "day": (3, "largest difference 3 days"),
    }


def test_an_unreadable_file_exits_with_2(pair, harness):
    one, _ = pair("time", 0, 0.0)
    shown = harness("diff", one, "nothing.npz")
    assert (shown.code, shown.out) == (2, "")
    assert "nothing.npz" in shown.err
