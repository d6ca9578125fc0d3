"""The fixture that the integration tests stand on is its golden copy, from the generator to the last bit."""

from __future__ import annotations

from harness.ptycho.fixture import minimal


def test_minimal_v1(fixture_regression):
    """The generator makes today what is golden."""
    fixture_regression.check(minimal())
