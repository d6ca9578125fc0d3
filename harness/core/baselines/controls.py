"""Comparison of a run with the controls of the same run, where no baseline says how far ahead it must be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.core.baselines.baseline import MetricVerdict
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def compare_with_controls(
    metrics: Mapping[str, float],
    controls: Mapping[str, Mapping[str, float]],
    better: Mapping[str, str],
    *,
    decisive: Collection[str] = (),
) -> tuple[MetricVerdict, ...]:
    """Compare each metric that has a good direction with every control.

    Parameters
    ----------
    metrics : mapping of str to float
    controls : mapping of str to mapping
        Metrics of each control, by control.
    better : mapping of str to str
        ``higher`` or ``lower``, by metric.
    decisive : collection of str, optional
        The metrics in which a working pipeline is ahead on any data; by default, all of *better*.

    Returns
    -------
    tuple of MetricVerdict
        One for each control and decisive metric, ``COLLAPSED`` unless the metric is ahead; then one for each
        metric that is not a finite number, which is ``COLLAPSED`` in any case. NaN is never ahead.

    Examples
    --------
    >>> found = compare_with_controls({"ssim": 0.1}, {"flat": {"ssim": 0.2}}, {"ssim": "higher"})
    >>> [(verdict.name, verdict.control, verdict.outcome.value) for verdict in found]
    [('ssim', 'flat', 'collapsed')]
    """
    names = [name for name in better if name in metrics and (not decisive or name in decisive)]
    compared = [
        _compare(name, metrics[name], control, values[name], better[name])
        for control, values in controls.items()
        for name in names
        if name in values
    ]
    broken = [
        MetricVerdict(name, Outcome.COLLAPSED, value, None, 0.0)
        for name, value in metrics.items()
        if not math.isfinite(value)
    ]
    return (*compared, *broken)


def _compare(name: str, value: float, control: str, reference: float, better: str) -> MetricVerdict:
    sign = 1 if better == "higher" else -1
    outcome = Outcome.SAME if sign * (value - reference) > 0 else Outcome.COLLAPSED
    # A margin of zero, with the sign that stands for the good direction.
    return MetricVerdict(name, outcome, value, reference, math.copysign(0.0, sign), control, better)
