"""Metrics and a baseline with its certificate -> accepted or not, metric by metric.

A baseline is ``golden/<fixture>.<pipeline>.json``: for each metric its value, how far a new one may be from
it in either direction, and the samples that say so; for each control how far the metric must stay ahead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from harness.core.storage.documents import encode_document, read_document
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = 1


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A metric's value, its tolerance on either side, and what was measured to find that.

    Attributes
    ----------
    value, tolerance : float
        A tolerance of 0 means that the comparison is exact.
    samples : tuple of float
        What runs under numerical perturbations measured, the value first.
    spread : float
        Their standard deviation.
    resolution : float
        Smallest step of a metric that cannot take every value, else 0.
    better : {"higher", "lower"} or None
    seeds : tuple of float
        What runs with other seeds measured; no part of the tolerance.
    seed_spread : float or None
        Standard deviation over the seeds, the value's included; None where none was tried.
    """

    value: float
    tolerance: float
    samples: tuple[float, ...] = ()
    spread: float = 0.0
    resolution: float = 0.0
    better: str | None = None
    seeds: tuple[float, ...] = ()
    seed_spread: float | None = None


class Control(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A control's value of a metric, and the margin by which the metric must beat it.

    The margin has a sign: the metric minus the control must be at least *margin* where it is positive, and at
    most *margin* where it is negative.
    """

    value: float
    margin: float


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the tolerances come from: the rule, what was varied in each run, the environment, the day."""

    rule: str
    runs: int
    conditions: tuple[dict[str, str], ...]
    environment: dict[str, str]
    date: str


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a pipeline's metrics were when they were accepted.

    ``fixture`` is the digest of the arrays that it ran on, where that is known; ``measure`` the reference of
    the function that measures the arrays beside it again, where they are kept.
    """

    schema: int
    metrics: dict[str, Metric]
    controls: dict[str, dict[str, Control]]
    certificate: Certificate
    fixture: str | None = None
    measure: str | None = None


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """One metric against its baseline, or (``control`` named) against one of its controls."""

    name: str
    outcome: Outcome
    value: float | None
    expected: float | None
    allowed: float
    control: str | None = None
    better: str | None = None

    @property
    def distance(self) -> float:
        """New value minus baseline (or control); NaN where either is missing."""
        if self.value is None or self.expected is None:
            return math.nan
        return self.value - self.expected

    @property
    def is_gain(self) -> bool:
        """Whether a metric left its tolerance on the good side: news too, and refused like a loss."""
        if self.outcome is not Outcome.DRIFTED or self.control is not None or self.better is None:
            return False
        return (self.distance > 0) == (self.better == "higher")


def judge(
    baseline: Baseline,
    metrics: Mapping[str, float],
    controls: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[MetricVerdict, ...]:
    """Compare every metric with its baseline and its controls.

    Parameters
    ----------
    baseline : Baseline
    metrics : mapping of str to float
        What a run measured.
    controls : mapping of str to mapping, optional
        The controls' metrics of the same run; the stored ones stand in for those not given.

    Returns
    -------
    tuple of MetricVerdict
        One per metric on either side, then one per stored control and metric.
    """
    names = sorted(baseline.metrics.keys() | metrics.keys())
    values = [_judge_metric(name, baseline.metrics.get(name), metrics.get(name)) for name in names]
    beaten = [
        _judge_control(control, name, stored, metrics.get(name), (controls or {}).get(control, {}).get(name))
        for control, entries in sorted(baseline.controls.items())
        for name, stored in sorted(entries.items())
    ]
    return (*values, *beaten)


def accepted(verdicts: tuple[MetricVerdict, ...]) -> bool:
    """Whether every metric is accepted."""
    return all(verdict.outcome.accepted for verdict in verdicts)


def encode_baseline(baseline: Baseline) -> bytes:
    """Canonical JSON of *baseline*."""
    return encode_document(baseline)


def read_baseline(path: Path) -> Baseline:
    """Baseline from a file; raises as :func:`harness.core.storage.documents.decode_document`."""
    return read_document(path, Baseline, schema=SCHEMA)


def _judge_metric(name: str, stored: Metric | None, value: float | None) -> MetricVerdict:
    if stored is None:
        return MetricVerdict(name, Outcome.UNREGISTERED, value, None, math.nan)
    if value is None:
        return MetricVerdict(name, Outcome.MISSING, None, stored.value, stored.tolerance)
    if value == stored.value:
        outcome = Outcome.SAME
    elif abs(value - stored.value) <= stored.tolerance:
        outcome = Outcome.TOLERATED
    else:
        outcome = Outcome.DRIFTED
    return MetricVerdict(name, outcome, value, stored.value, stored.tolerance, better=stored.better)


def _judge_control(
    control: str, name: str, stored: Control, value: float | None, measured: float | None
) -> MetricVerdict:
    """Collapsed unless the metric is ahead of the control by the margin, NaN included."""
    reference = stored.value if measured is None else measured
    ahead = math.nan if value is None else math.copysign(1, stored.margin) * (value - reference)
    outcome = Outcome.SAME if ahead >= abs(stored.margin) else Outcome.COLLAPSED
    return MetricVerdict(name, outcome, value, reference, stored.margin, control)
