"""Measure a baseline's metrics again on the arrays that are stored beside it.

If the metrics differ although the code is the recorded one, the baseline or its arrays were edited. If the
code changed too, the new code may be the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.domain.code_digest import code_digest
from harness.core.domain.references import load_reference
from harness.core.errors import HarnessError
from harness.core.registry.golden_names import archive_of, split_baseline_name
from harness.core.storage.npz import read_archive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.core.baselines.baseline import Baseline

ROUNDING = 1e-6
"""Relative difference in double precision that another machine may cause."""


@dataclass(frozen=True, slots=True)
class Remeasured:
    """Metrics of the stored arrays, measured today.

    Attributes
    ----------
    differing : mapping of str to float
        Metrics that differ from the baseline, with their values today.
    code : str or None
        Digest of the code that measured; None if it cannot be found.
    obstacle : str
        Why the metrics could not be measured; empty if they were.
    """

    differing: Mapping[str, float]
    code: str | None = None
    obstacle: str = ""


def remeasure(baseline: Baseline, path: Path, root: Path) -> Remeasured | None:
    """Measure the metrics of the baseline at *path* again; None if it has no stored arrays.

    Parameters
    ----------
    baseline : Baseline
    path : Path
        ``<fixture>.<pipeline>.json``, beside the fixture's archive and ``<fixture>.<pipeline>.npz``.
    root : Path
        The project's directory, whose modules are part of the code.
    """
    if baseline.measure is None:
        return None
    fixture = path.with_name(f"{split_baseline_name(path.stem)[0]}.npz")
    code = code_digest(baseline.measure, root)
    try:
        measure = load_reference(baseline.measure)
        found = measure(read_archive(fixture), read_archive(archive_of(path)))
    except (HarnessError, ImportError, KeyError, ValueError) as error:
        reason = error.found if isinstance(error, HarnessError) else str(error)
        return Remeasured({}, code, obstacle=reason)
    return Remeasured(_differing(baseline, found), code)


def _differing(baseline: Baseline, found: Mapping[str, float]) -> dict[str, float]:
    """Metrics that differ from the baseline by more than rounding, or a metric's resolution, explains."""
    return {
        name: found.get(name, float("nan"))
        for name, metric in baseline.metrics.items()
        if not abs(found.get(name, float("nan")) - metric.value)
        <= max(ROUNDING * abs(metric.value), metric.resolution)
    }
