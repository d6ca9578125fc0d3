"""The golden fixture that the integration tests run on is what its generator makes."""

from __future__ import annotations

from harness.ptycho.fixture import minimal


def test_minimal_v1(fixture_regression):
    """The generator makes the golden arrays to the last bit."""
    fixture_regression.check(minimal())
