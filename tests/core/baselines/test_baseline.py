"""Metrics are compared with their baseline in both directions, and with controls that they must beat."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.baselines.baseline import (
    SCHEMA,
    Baseline,
    Certificate,
    Control,
    Metric,
    all_accepted,
    encode_baseline,
    judge,
    read_baseline,
    require_metrics,
)
from harness.core.errors import StaleFormatError, UnreadableError, UsageError
from harness.core.verdict import Outcome

CERTIFICATE = Certificate("by hand", 1, ({"threads": "2"},), {"python": "3.11.0"}, "2020-01-02")


def baseline(metrics=None, controls=None) -> Baseline:
    return Baseline(SCHEMA, metrics or {}, controls or {}, CERTIFICATE)


def outcome(stored: Metric, value: float) -> Outcome:
    (verdict,) = judge(baseline({"ssim": stored}), {"ssim": value})
    return verdict.outcome


@pytest.mark.parametrize("sign", [1, -1])
def test_a_metric_just_inside_passes_and_just_outside_does_not(sign):
    """In both directions: a sudden gain is rejected too. All these numbers are exact in binary."""
    stored = Metric(0.75, 0.125)
    edge = 0.75 + sign * 0.125
    assert outcome(stored, edge) is Outcome.TOLERATED
    assert outcome(stored, math.nextafter(edge, 0.75)) is Outcome.TOLERATED
    assert outcome(stored, edge + sign * 2**-40) is Outcome.DRIFTED


def test_only_the_exact_value_is_the_same():
    assert outcome(Metric(0.75, 0.0), 0.75) is Outcome.SAME
    assert outcome(Metric(0.75, 0.0), math.nextafter(0.75, 1)) is Outcome.DRIFTED


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_has_drifted(value):
    verdicts = judge(baseline({"ssim": Metric(0.75, 1e300)}), {"ssim": value})
    assert verdicts[0].outcome is Outcome.DRIFTED
    assert not all_accepted(verdicts)


def test_a_metric_on_only_one_side_is_missing_or_unregistered():
    verdicts = judge(baseline({"mae": Metric(0.25, 0.1)}), {"ssim": 0.75})
    assert [(item.name, item.outcome) for item in verdicts] == [
        ("mae", Outcome.MISSING),
        ("ssim", Outcome.UNREGISTERED),
    ]
    assert not any(item.outcome.accepted for item in verdicts)
    assert all(math.isnan(item.distance) for item in verdicts)


def test_each_verdict_has_the_value_and_what_was_expected():
    stored = {"b": Metric(1.0, 0.5), "a": Metric(2.0, 0.5)}
    verdicts = judge(baseline(stored), {"a": 2.25, "b": 3.0})
    assert [(item.name, item.value, item.expected, item.allowed, item.distance) for item in verdicts] == [
        ("a", 2.25, 2.0, 0.5, 0.25),
        ("b", 3.0, 1.0, 0.5, 2.0),
    ]
    assert [item.outcome for item in verdicts] == [Outcome.TOLERATED, Outcome.DRIFTED]


# Controls: a metric within its tolerance has still collapsed if a trivial answer scores as well


def against_control(margin: float, value: float | None, control: float = 0.5, measured=None) -> Outcome:
    stored = baseline({"ssim": Metric(0.75, 10.0)}, {"flat": {"ssim": Control(control, margin)}})
    metrics = {"ssim": value} if value is not None else {}
    verdicts = judge(stored, metrics, {"flat": {"ssim": measured}} if measured is not None else None)
    assert [item.control for item in verdicts] == [None, "flat"]
    return verdicts[1].outcome


@pytest.mark.parametrize(("margin", "edge"), [(0.25, 0.75), (-0.25, 0.25)])
def test_a_metric_must_beat_its_control_by_the_margin(margin, edge):
    """In its good direction; exactly the margin is enough, just below it is not."""
    ahead, behind = edge + margin, 0.5 - margin
    assert against_control(margin, edge) is Outcome.SAME
    assert against_control(margin, ahead) is Outcome.SAME
    assert against_control(margin, math.nextafter(edge, 0.5)) is Outcome.COLLAPSED
    assert against_control(margin, 0.5) is Outcome.COLLAPSED
    assert against_control(margin, behind) is Outcome.COLLAPSED


@pytest.mark.parametrize("margin", [0.25, -0.25])
@pytest.mark.parametrize("value", [math.nan, None])
def test_a_missing_or_nan_metric_does_not_beat_a_control(margin, value):
    assert against_control(margin, value) is Outcome.COLLAPSED


@pytest.mark.parametrize("margin", [0.25, -0.25])
def test_a_control_from_the_same_run_replaces_the_stored_one(margin):
    """A value far ahead of the stored control has collapsed if the new control is as good."""
    value = 0.5 + 2 * margin
    assert against_control(margin, value) is Outcome.SAME
    assert against_control(margin, value, measured=value) is Outcome.COLLAPSED
    assert against_control(margin, value, control=value, measured=0.5) is Outcome.SAME
    assert against_control(margin, value, measured=math.nan) is Outcome.COLLAPSED


def test_there_is_a_verdict_for_every_stored_control_and_metric():
    stored = baseline(
        {"mae": Metric(0.1, 1.0), "ssim": Metric(0.9, 1.0)},
        {
            "untrained": {"mae": Control(0.2, -0.05)},
            "flat": {"ssim": Control(0.1, 0.4), "mae": Control(0.3, -0.1)},
        },
    )
    verdicts = judge(stored, {"mae": 0.18, "ssim": 0.9})
    assert [(item.control, item.name, item.outcome) for item in verdicts[2:]] == [
        ("flat", "mae", Outcome.SAME),
        ("flat", "ssim", Outcome.SAME),
        ("untrained", "mae", Outcome.COLLAPSED),
    ]
    assert not all_accepted(verdicts)


finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(finite, st.floats(0, 1e30), st.floats())
def test_a_verdict_is_accepted_exactly_within_the_tolerance(value, tolerance, found):
    """For any numbers, including NaN and infinities."""
    inside = abs(found - value) <= tolerance
    assert outcome(Metric(value, tolerance), found).accepted == inside


def test_a_baseline_survives_writing_and_reading(tmp_path):
    stored = baseline({"ssim": Metric(0.75, 0.125, (0.75, 0.8))}, {"flat": {"ssim": Control(0.25, 0.25)}})
    path = tmp_path / "lattice.smooth.json"
    path.write_bytes(encode_baseline(stored))
    assert read_baseline(path) == stored
    assert encode_baseline(read_baseline(path)) == path.read_bytes()


@pytest.mark.parametrize(
    "metric", [Metric(math.nan, 0.1), Metric(1.0, math.inf), Metric(1.0, 0.1, (math.nan,))]
)
def test_a_baseline_with_numbers_that_are_not_finite_is_not_written(metric):
    with pytest.raises(UsageError, match=r"\$\.metrics\.ssim"):
        encode_baseline(baseline({"ssim": metric}))


@pytest.mark.parametrize(
    ("change", "kind", "found"),
    [
        ({"schema": 2}, StaleFormatError, "schema 2"),
        ({"metric": {}}, UnreadableError, "unknown field `metric`"),
        ({"metrics": {"ssim": {"value": 1, "tolerence": 0}}}, UnreadableError, "$.metrics[...]"),
        ({"metrics": {"ssim": {"value": "1", "tolerance": 0}}}, UnreadableError, "$.metrics[...].value"),
    ],
)
def test_an_edited_baseline_is_refused_with_the_place(tmp_path, change, kind, found):
    path = tmp_path / "lattice.smooth.json"
    path.write_text(json.dumps(json.loads(encode_baseline(baseline())) | change))
    with pytest.raises(kind) as caught:
        read_baseline(path)
    assert found in caught.value.found


WRONG = [None, [0.5], (0.5,), True, "0.5", 1j, np.bool_(True), np.array([0.5]), {}, Decimal("0.5"), 2**53 + 1]


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_a_metric_that_is_not_a_number_is_refused_by_name(value):
    """All of them, each with its value and type; the good ones are not named."""
    with pytest.raises(
        UsageError, match=r"metrics 'a\.b': expected an int or a float for every metric"
    ) as caught:
        require_metrics("metrics 'a.b'", {"mae": 0.5, "ssim": value, "other": None})
    assert caught.value.found.startswith("ssim ")
    assert f"({type(value).__name__}), other None (NoneType)" in caught.value.found
    with pytest.raises(UsageError, match="control 'flat'"):
        require_metrics("metrics 'a.b'", {"mae": 0.5}, {"flat": {"ssim": value}})


@pytest.mark.parametrize(
    "value", [np.array(True), np.array("0.5"), np.array(1j), np.ma.array(0.5, mask=True), np.array([])]
)
def test_an_array_without_one_plain_number_is_refused_by_name(value):
    """A masked one would be taken as 0."""
    with pytest.raises(UsageError, match="expected an int or a float for every metric, found mae "):
        require_metrics("metrics", {"mae": value})


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64"])
def test_a_tensor_without_dimensions_is_its_number(dtype):
    torch = pytest.importorskip("torch", reason="core's tests also run without torch")
    value = torch.tensor(2, dtype=getattr(torch, dtype))
    assert require_metrics("metrics", {"mae": value}) == {"mae": 2}
    with pytest.raises(UsageError, match=r"found mae tensor\(\[2"):
        require_metrics("metrics", {"mae": value.reshape(1)})
    loss = torch.nn.Parameter(torch.tensor(0.5))
    assert require_metrics("metrics", {"loss": loss, "half": loss / 2}) == {"loss": 0.5, "half": 0.25}


@pytest.mark.parametrize(
    "value",
    [0.5, 3, np.float32(0.25), np.float64(1.5), np.int8(4), np.float16(2), np.array(0.5), np.array(7)],
)
def test_numbers_of_python_and_numpy_are_taken(value):
    (found,) = require_metrics("metrics", {"mae": value}).values()
    assert found == value
    assert type(found) in {int, float}


@pytest.mark.parametrize(
    "value", [Fraction(10**400), np.longdouble("1e4000")], ids=["fraction", "longdouble"]
)
def test_finite_numbers_beyond_the_range_of_floats_are_refused(value):
    """They would become infinite, or an error without a name."""
    if not np.isfinite(np.longdouble("1e4000")):
        pytest.skip("long doubles are doubles here")
    with pytest.raises(UsageError, match="expected an int or a float for every metric, found mae "):
        require_metrics("metrics", {"mae": value})


def test_values_that_are_not_finite_are_numbers():
    """They are drift, not a wrong call."""
    found = require_metrics("metrics", {"mae": math.nan, "ssim": np.float32(np.inf)})
    assert math.isnan(found["mae"])
    assert found["ssim"] == math.inf


@pytest.mark.parametrize("metrics", [None, [("mae", 1.0)], {}, 0.5])
def test_metrics_are_a_mapping_that_is_not_empty(metrics):
    with pytest.raises(UsageError, match="expected a mapping of names to numbers"):
        require_metrics("metrics", metrics)


@pytest.mark.parametrize("name", ["", "../mae", "a\\b", "a\n", 3])
def test_names_of_metrics_obey_the_rule_of_all_names(name):
    with pytest.raises(UsageError, match="metric name"):
        require_metrics("metrics", {name: 0.5})
    with pytest.raises(UsageError, match="control name"):
        require_metrics("metrics", {"mae": 0.5}, {name: {"mae": 0.5}})


def test_metrics_that_differ_by_case_are_refused():
    with pytest.raises(UsageError, match="metric names 'MAE' and 'mae' differ only by case"):
        require_metrics("metrics", {"MAE": 0.5, "mae": 0.5})


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_never_a_gain(better, value):
    verdicts = judge(
        baseline({"a": Metric(0.5, 0.1, better=better), "b": Metric(1.0, 0.0)}), {"a": value, "b": 1.0}
    )
    assert [(v.name, v.outcome, v.is_gain) for v in verdicts] == [
        ("a", Outcome.DRIFTED, False),
        ("b", Outcome.SAME, False),
    ]
