"""Single patterns: dead, of another position, of another brightness, or explained by nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.bad_patterns import bad_patterns
from harness.ptycho.check.correction import Correction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "pattern"
REMEDY = "Store the right patterns, or remove these patterns and their positions."
MOST_LISTED = 16


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield the removal of patterns that fit worse than the rest of the scan."""
    found = bad_patterns(evidence.predicted, evidence.measured)
    if not found:
        return
    bad = evidence.index[evidence.sample][[one.pattern for one in found]]
    kept = np.setdiff1d(np.arange(len(evidence.stored.x)), bad)
    name = "; ".join(str(one) for one in found[:MOST_LISTED])
    yield Correction(
        PART, name, REMEDY, lambda data: data.take(kept), significance=np.inf, is_material=True, kept=kept
    )


def slow(_: Evidence) -> Iterator[Correction]:
    """Yield nothing: all are quick."""
    return iter(())


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing: the rest of the scan must be explained first."""
    return iter(())
