"""A baseline's metrics, measured again on the arrays that are kept beside it.

What an edited baseline says, its arrays do not; what another metric code says, the recorded code did not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.domain.catalogue import load_reference
from harness.core.domain.code_digest import code_digest
from harness.core.errors import HarnessError
from harness.core.storage.npz import read_archive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.core.baselines.baseline import Baseline

ROUNDING = 1e-6
"""Relative difference that another machine's double precision may make."""


@dataclass(frozen=True, slots=True)
class Remeasured:
    """What the arrays say today.

    Attributes
    ----------
    differing : mapping of str to float
        Metrics that are not as in the baseline, with their values today.
    code : str or None
        Digest of the code that measured.
    obstacle : str
        Why nothing could be measured; empty where it could.
    """

    differing: Mapping[str, float]
    code: str | None = None
    obstacle: str = ""


def remeasure(baseline: Baseline, path: Path, root: Path) -> Remeasured | None:
    """Measure again what the baseline at *path* says; None where it keeps no arrays.

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
    fixture = path.with_name(f"{path.name.partition('.')[0]}.npz")
    code = code_digest(baseline.measure, root)
    try:
        measure = load_reference(baseline.measure)
        found = measure(read_archive(fixture), read_archive(path.with_suffix(".npz")))
    except (HarnessError, ImportError, KeyError, ValueError) as error:
        told = error.found if isinstance(error, HarnessError) else str(error)
        return Remeasured({}, code, obstacle=told)
    return Remeasured(_differing(baseline, found), code)


def _differing(baseline: Baseline, found: Mapping[str, float]) -> dict[str, float]:
    """The metrics that are farther from the baseline than rounding, or a metric's step, can take them."""
    return {
        name: found.get(name, float("nan"))
        for name, metric in baseline.metrics.items()
        if not abs(found.get(name, float("nan")) - metric.value)
        <= max(ROUNDING * abs(metric.value), metric.resolution)
    }
