"""Samples are read as strictly as other documents, and joined by their largest figures."""

from __future__ import annotations

import pytest

from harness.core.baselines.samples import (
    ArraySample,
    Deviation,
    MetricSample,
    MetricValue,
    Samples,
    Spread,
    encode_samples,
    joined,
    largest,
    read_samples,
)
from harness.core.errors import StaleFormatError, UnreadableError

DEVIATION = Deviation("float64", (3,), 2.0, Spread(1, 1e-12, 1e-12, 9, (2,), 1e-13))
SAMPLES = Samples(
    1,
    {"platform": "Linux x86_64"},
    {"waves": ArraySample("xxh128:0", ("test_a",), {"power": DEVIATION})},
    {"waves.metrics": MetricSample(("test_b",), {"energy": MetricValue(1.0, None, accepted=False)})},
)


def test_samples_are_read_as_they_were_written(tmp_path):
    file = tmp_path / "samples.json"
    file.write_bytes(encode_samples(SAMPLES))
    assert read_samples(file) == SAMPLES


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, UnreadableError),
        ("", UnreadableError),
        ('{"schema": 1}', UnreadableError),
        ('{"schema": 2}', StaleFormatError),
        ('{"schema": 1, "environment": {}, "arrays": {}, "metrics": {}, "more": 1}', UnreadableError),
    ],
)
def test_what_is_not_a_file_of_samples_is_refused_with_the_command_that_writes_one(tmp_path, text, error):
    file = tmp_path / "samples.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(error, match=r"samples.json.*--golden-samples FILE"):
        read_samples(file)


def test_the_largest_figures_come_from_different_runs():
    both = largest([Spread(1, 2.0, 0.1, 5, (0,), 0.1), Spread(3, 1.0, 0.2, 4, (1,), 0.3, amplification=2.0)])
    assert both == Spread(3, 2.0, 0.2, 5, (0,), 0.3, amplification=2.0)


def test_an_element_with_the_golden_value_zero_makes_no_relative_figure():
    assert largest([Spread(1, 2.0, 0.1), Spread(1, 1.0, None)]).relative is None


def test_two_tests_of_one_archive_are_one_sample():
    other = ArraySample("xxh128:0", ("test_c",), {"power": Deviation("float64", (3,), 2.0, accepted=False)})
    both = joined(SAMPLES.arrays["waves"], other)
    assert both.tests == ("test_a", "test_c")
    assert not both.arrays["power"].accepted
    assert both.arrays["power"].spread == DEVIATION.spread
