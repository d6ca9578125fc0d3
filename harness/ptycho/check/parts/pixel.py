"""Detector pixels: hot, dead, saturated, or covered, and a background."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.correction import Correction
    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "pixel"


def quick(_: Evidence) -> Iterator[Correction]:
    """Yield nothing yet."""
    return iter(())


def slow(_: Evidence) -> Iterator[Correction]:
    """Yield nothing yet."""
    return iter(())


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing: the rest of the scan must be explained first."""
    return iter(())
