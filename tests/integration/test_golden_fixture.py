"""The golden fixtures are what their generators make."""

from __future__ import annotations

from second_simulator.specimens import annular

from harness.ptycho.fixture import minimal


def test_minimal_v1(fixture_regression):
    """The generator makes the golden arrays to the last bit."""
    fixture_regression.check(minimal())


def test_annular_v1(fixture_regression):
    """The second simulator makes the scan that faults are injected into."""
    fixture_regression.check(annular())
