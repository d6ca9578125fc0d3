"""Measured tolerances in a check: those of the test come first, and none may be tighter than the spread."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.baselines.array_tolerances import encode_tolerances, merged, row_of, with_class
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.baselines.measured_metrics import Run, with_samples
from harness.core.baselines.platforms import Platform, platform_of
from harness.core.baselines.samples import Deviation, Spread
from harness.core.errors import UnreadableError, UsageError
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.fixtures.tolerance import DefaultTolerance, Tolerance, default_tolerance
from harness.core.system.environment import fingerprint
from harness.plugin.stored_tolerances import applied, require_wide_enough, require_wide_enough_metrics

HERE = platform_of(fingerprint())
MACOS = Platform("Darwin", "arm64", "arm64", {"numpy": "2.3"})
GOLDEN = {"a": np.array([1.0, 2.0]), "b": np.array([1.0, 2.0])}


def shifted(by: float) -> dict[str, np.ndarray]:
    """The golden arrays, both shifted."""
    return {name: array + by for name, array in GOLDEN.items()}


@pytest.fixture
def archive(tmp_path):
    """A golden archive and its manifest."""
    source = Source("simulated", "none")
    made = make_fixture("waves", GOLDEN, generator=Generator("w:w", 1), source=source)
    return write_fixture(made, tmp_path)[0]


@pytest.fixture
def measure(archive):
    """Write measured tolerances beside the archive: ``a`` spreads, ``b`` does not converge."""
    from harness.core.fixtures.manifest import read_manifest

    def write(here: float = 1e-9, macos: float = 4e-9, *, exact: bool = False, golden: str = ""):
        def row(platform: Platform, a: float):
            spreads = {"a": Spread(1, a, a, 1, (0,), a), "b": Spread(1, 0.5, 0.5, 1, (0,), 0.5)}
            return row_of(
                platform, [{}], [{n: Deviation("float64", (2,), 2.0, s) for n, s in spreads.items()}]
            )

        described = {name: Deviation("float64", (2,), 2.0) for name in GOLDEN}
        digest = golden or read_manifest(archive.with_suffix(".json")).digest
        found = merged(digest, described, [row(HERE, here), row(MACOS, macos)])
        found = with_class(found, ["a"], "exact", "a table") if exact else found
        archive.with_name("waves.tolerances.json").write_bytes(encode_tolerances(found))
        return found

    return write


def test_without_measured_tolerances_those_of_the_test_are_all(archive):
    given = {"a": {"atol": 1.0}}
    found = applied(archive, given)
    assert (found.given, found.report_only, found.document, found.stale) == (given, frozenset(), None, False)


def test_an_array_gets_the_measured_tolerance(archive, measure):
    tolerance = measure().arrays["a"].rtol
    found = applied(archive, None)
    assert found.compare(GOLDEN, {**GOLDEN, "a": GOLDEN["a"] * (1 + 0.9 * tolerance)}).accepted
    assert not found.compare(GOLDEN, {**GOLDEN, "a": GOLDEN["a"] * (1 + 1.1 * tolerance)}).accepted


def test_a_tolerance_or_a_scale_of_the_test_comes_first_and_a_dtype_does_not(archive, measure):
    measure()
    assert applied(archive, {"a": Tolerance(atol=1.0)}).given["a"] == Tolerance(atol=1.0)
    assert applied(archive, {"a": DefaultTolerance(axis=0)}).given["a"] == DefaultTolerance(axis=0)
    assert isinstance(applied(archive, {"a": DefaultTolerance(dtype="bfloat16")}).given["a"], Tolerance)


def test_values_of_an_array_that_is_only_reported_are_accepted(archive, measure):
    measure()
    found = applied(archive, None)
    drift = found.compare(GOLDEN, {**GOLDEN, "b": np.array([9.0, np.nan])})
    assert drift.accepted
    assert [array.name for array in found.reported(drift)] == ["b"]


@pytest.mark.parametrize("other", [np.ones(3), np.ones(2, "f4")])
def test_its_dtype_and_shape_are_not(archive, measure, other):
    measure()
    assert not applied(archive, None).compare(GOLDEN, {**GOLDEN, "b": other}).accepted
    assert not applied(archive, None).compare(GOLDEN, {"a": GOLDEN["a"]}).accepted


def test_tolerances_of_other_golden_arrays_are_ignored(archive, measure):
    measure(golden="xxh128:" + "0" * 32)
    found = applied(archive, None)
    assert (found.stale, found.given, found.document) == (True, None, None)


def test_a_document_that_cannot_be_read_is_an_error(archive):
    archive.with_name("waves.tolerances.json").write_text("{")
    with pytest.raises(UnreadableError):
        applied(archive, None)


def test_a_drift_that_another_platform_explains_names_it(archive, measure):
    measure(exact=True)
    found = applied(archive, None)
    new = {**GOLDEN, "a": GOLDEN["a"] + np.array([2e-9, 0])}
    (line,) = found.explanations(found.compare(GOLDEN, new), GOLDEN, new)
    assert line.startswith("a: ")
    assert str(MACOS) in line
    new = {**GOLDEN, "a": GOLDEN["a"] + np.array([9e-9, 0])}
    assert list(found.explanations(found.compare(GOLDEN, new), GOLDEN, new)) == []


def test_a_drift_on_a_platform_without_measurements_says_how_to_measure_there(archive, measure, monkeypatch):
    measure(exact=True)
    elsewhere(monkeypatch)
    found = applied(archive, None)
    new = {**GOLDEN, "a": GOLDEN["a"] + 9e-9}
    (line,) = found.explanations(found.compare(GOLDEN, new), GOLDEN, new)
    assert "Plan9 mips" in line
    assert "--golden-samples" in line


def elsewhere(monkeypatch):
    """Let the platform be one on which nothing was measured."""
    monkeypatch.setattr("harness.plugin.stored_tolerances.fingerprint", lambda: {"platform": "Plan9 mips"})


def test_a_platform_without_measurements_gets_the_wider_of_both_tolerances(archive, measure, monkeypatch):
    """What was measured on one machine alone would fail on every other."""
    measure()
    measured, default = applied(archive, None).given["a"], default_tolerance(GOLDEN["a"])
    new = {**GOLDEN, "a": GOLDEN["a"] * (1 + 0.9 * default.rtol)}
    assert measured.rtol < 0.9 * default.rtol
    assert not applied(archive, None).compare(GOLDEN, new).accepted
    elsewhere(monkeypatch)
    assert applied(archive, None).compare(GOLDEN, new).accepted
    beyond = {**GOLDEN, "a": GOLDEN["a"] * (1 + 1.5 * default.rtol)}
    assert not applied(archive, None).compare(GOLDEN, beyond).accepted
    measure(here=1e-3)
    wide = {**GOLDEN, "a": GOLDEN["a"] + 1e-3}
    assert applied(archive, None).compare(GOLDEN, wide).accepted


def test_a_class_that_somebody_chose_holds_on_every_platform(archive, measure, monkeypatch):
    measure(exact=True)
    elsewhere(monkeypatch)
    new = {**GOLDEN, "a": np.nextafter(GOLDEN["a"], 3)}
    assert not applied(archive, None).compare(GOLDEN, new).accepted


def test_an_accepted_difference_beyond_this_platforms_own_names_the_other(archive, measure):
    measure()
    found = applied(archive, None)
    new = {**GOLDEN, "a": GOLDEN["a"] + np.array([2e-9, 0])}
    (line,) = found.elsewhere(found.compare(GOLDEN, new), GOLDEN, new)
    assert str(MACOS) in line
    new = {**GOLDEN, "a": GOLDEN["a"] + np.array([5e-10, 0])}
    assert list(found.elsewhere(found.compare(GOLDEN, new), GOLDEN, new)) == []


@pytest.mark.parametrize("tight", [Tolerance(), {"atol": 3.9e-9}, {"rtol": 3.9e-9}])
def test_a_tolerance_tighter_than_the_spread_is_refused(measure, tight):
    """The error has the array, the tolerance, the spread and the platform."""
    with pytest.raises(UsageError, match=r"test_it, array 'a'.*4e-09 on Darwin arm64"):
        require_wide_enough("test_it", {"a": tight}, GOLDEN, measure())


@pytest.mark.parametrize("wide", [{"atol": 4.1e-9}, {"rtol": 4.1e-9}, {"ulp": 1}, DefaultTolerance(axis=0)])
def test_a_tolerance_that_holds_the_spread_is_not(measure, wide):
    require_wide_enough("test_it", {"a": wide}, GOLDEN, measure())


def test_a_metrics_tolerance_tighter_than_its_samples_is_refused():
    baseline = with_samples(
        provisional_baseline({"energy": 1.0}), [Run({"platform": "Darwin arm64"}, {"energy": 1.0 + 1e-6})]
    )
    with pytest.raises(UsageError, match=r"metric 'energy'.*1e-06 on Darwin arm64"):
        require_wide_enough_metrics("test_it", {"energy": Tolerance(rtol=1e-7)}, baseline)
    require_wide_enough_metrics("test_it", {"energy": Tolerance(rtol=2e-6)}, baseline)
