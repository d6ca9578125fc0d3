"""Shared by the report's tests: records of a golden file."""

from __future__ import annotations

import pytest

from harness.core.registry.history import CumulativeDrift, Distance, Record


@pytest.fixture
def record():
    """Make the record of day *day*, with its distances in tolerances from the last and the first version."""

    def make(day: int, *distances: float, reason: str = "", dirty: bool = False, **drift) -> Record:
        parts = {}
        if distances:
            last, first = (Distance(tolerances, "ssim") for tolerances in distances)
            whole = {"from_last": last, "from_first": first, "summed": None, "restart": False} | drift
            parts = {"cumulative": CumulativeDrift(**whole)}
        return Record(
            path="golden/a.npz",
            sha256="sha256:" + "0" * 64,
            at=f"2026-01-{day:02d}T12:00:00Z",
            by="Ada Lovelace",
            reason=reason,
            commit=None,
            dirty=dirty,
            command="pytest --force-regen",
            environment="sha256:" + "0" * 64,
            previous=None,
            **parts,
        )

    return make
