"""Tolerance of a metric from samples of it: a two-sided tolerance interval for a normal distribution.

With a given confidence, the interval contains all but a given share of future runs. The factor is by Howe, J.
Am. Stat. Assoc. 64 (1969) 610, as in the NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.6.3.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from harness.core.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

FALSE_ALARMS = 1e-3
"""Largest share of clean runs that a metric may reject."""

CONFIDENCE = 0.95
"""Confidence that the share is not larger."""

RULE = (
    f"two-sided normal tolerance interval: at most {FALSE_ALARMS:g} of clean runs refused per metric, with "
    f"{CONFIDENCE:.0%} confidence (Howe); no less than the farthest sample and the metric's resolution; "
    "exact where no sample differs and there is no resolution"
)


def tolerance(value: float, samples: Sequence[float], resolution: float = 0.0) -> float:
    """Return how far a clean run may be from *value*, in either direction.

    Parameters
    ----------
    value : float
        Value of the plain run, with which new values are compared.
    samples : sequence of float
        Values of the perturbed runs, including *value*.
    resolution : float
        Smallest step of a metric that can take only some values.

    Returns
    -------
    float
        0 if every sample equals *value* and there is no resolution: the comparison is then exact.
    """
    spread = deviation(samples)
    farthest = max(abs(sample - value) for sample in samples)
    if spread == 0:
        return max(farthest, resolution)
    # The interval is centred on the mean of the samples, but new values are compared with *value*.
    reach = factor(len(samples)) * spread + abs(value - statistics.fmean(samples))
    return max(reach, farthest, resolution)


def deviation(samples: Sequence[float]) -> float:
    """Return the standard deviation of *samples*; exactly 0 if they are all equal."""
    return statistics.stdev(samples) if len(set(samples)) > 1 else 0.0


def factor(count: int, *, share: float = 1 - FALSE_ALARMS, confidence: float = CONFIDENCE) -> float:
    """Return how many standard deviations on either side contain *share* of a normal population.

    Parameters
    ----------
    count : int
        Number of samples that the deviation was estimated from, at least 2.
    share, confidence : float
        Between 0 and 1.

    Raises
    ------
    DependencyError
        If SciPy is not installed.
    """
    try:
        from scipy.stats import chi2
    except ImportError as error:
        raise DependencyError(
            "calibration",
            expected="the package scipy",
            found="it is not installed",
            message="calibration needs the package scipy, which is not installed",
            remedy="Install it: `pip install 'golden-harness[calibrate]'`.",
        ) from error
    free = count - 1
    z = statistics.NormalDist().inv_cdf((1 + share) / 2)
    return float(z * math.sqrt(free * (1 + 1 / count) / chi2.ppf(1 - confidence, free)))
