"""Building a baseline, with measured tolerances, from repeated runs of a pipeline. Nothing is run here."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.core.baselines.baseline import SCHEMA, Baseline, Certificate, Control, Metric
from harness.core.baselines.tolerance_interval import RULE, deviation, tolerance
from harness.core.errors import RefusedError
from harness.core.system.environment import fingerprint

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from harness.core.baselines.perturbations import Sample

ROUNDING = 1e-6
"""Relative tolerance of a value from a single run, whose spread is unknown."""

CONTROL_RULE = "half of the least lead of a run over its control, where the leads differ by less than that"


def calibrated_baseline(  # noqa: PLR0913 - a baseline has these parts
    samples: Sequence[Sample],
    *,
    better: Mapping[str, str],
    resolution: Mapping[str, float] = MappingProxyType({}),
    fixture: str | None = None,
    seeds: Sequence[Sample] = (),
    measure: str | None = None,
) -> Baseline:
    """Return a baseline with the values of the first sample and tolerances from all samples.

    Parameters
    ----------
    samples : sequence of Sample
        At least one; the same computation under numerical perturbations.
    better : mapping of str to str
        ``higher`` or ``lower``, for the metrics that are compared with the controls.
    resolution : mapping of str to float, optional
        Smallest step of a metric that can take only some values; its tolerance is at least this.
    fixture : str, optional
        Digest of the arrays that the pipeline ran on.
    seeds : sequence of Sample
        Runs with other seeds. They are recorded, but do not widen a tolerance.
    measure : str, optional
        Reference ``module:function`` of the function that recomputes the metrics from the stored arrays.

    Raises
    ------
    RefusedError
        If there is a control that no metric beats in every run, or if a metric is missing or not finite in a
        run.
    DependencyError
        If SciPy is not installed.
    """
    first = samples[0]
    for number, sample in enumerate((*samples, *seeds), start=1):
        _require_finite(f"run {number}", sample.metrics, first.metrics)
    metrics = {
        name: _metric(
            [sample.metrics[name] for sample in samples],
            step=resolution.get(name, 0.0),
            better=better.get(name),
            seeds=[sample.metrics[name] for sample in seeds],
        )
        for name in first.metrics
    }
    controls = {name: _control(name, samples, better) for name in first.controls}
    described = [sample.perturbation.describe() for sample in (*samples, *seeds)]
    return Baseline(
        schema=SCHEMA,
        metrics=metrics,
        controls=controls,
        certificate=certificate(f"{RULE}; margins: {CONTROL_RULE}", described),
        fixture=fixture,
        measure=measure,
    )


def provisional_baseline(metrics: Mapping[str, float], before: Baseline | None = None) -> Baseline:
    """Return a baseline from a single run, with the tolerances and margins of *before* if it is given.

    A metric that *before* does not have, or has with the tolerance of a single run, gets a relative tolerance
    of :data:`ROUNDING`: that of another value would be meaningless. The certificate says
    that the values come from one run. Until ``harness calibrate`` is run, the baseline has no samples and no
    digest of a fixture.
    """
    known = before.metrics if before else {}
    values = {
        name: Metric(
            value,
            known[name].tolerance if name in known and _is_chosen(known[name]) else ROUNDING * abs(value),
            better=known[name].better if name in known else None,
        )
        for name, value in metrics.items()
    }
    rule = "values of one run; " + (
        f"tolerances of {before.certificate.date}" if before else f"tolerances {ROUNDING:g} of them"
    )
    return Baseline(
        schema=SCHEMA,
        metrics=values,
        controls=before.controls if before else {},
        certificate=certificate(rule, [{}]),
    )


def _is_chosen(metric: Metric) -> bool:
    """Whether a metric's tolerance was measured or given, and does not follow from its value alone."""
    return bool(metric.samples) or metric.tolerance != ROUNDING * abs(metric.value)


def certificate(rule: str, described: Sequence[dict[str, str]]) -> Certificate:
    """Return a certificate for tolerances that were measured today in this environment.

    Parameters
    ----------
    rule : str
        How the tolerances follow from the runs.
    described : sequence of dict
        One :meth:`~harness.core.baselines.perturbations.Perturbation.describe` per run.
    """
    return Certificate(
        rule=rule,
        runs=len(described),
        perturbations=tuple(described),
        environment=fingerprint(),
        date=datetime.now(timezone.utc).date().isoformat(),
    )


def _metric(samples: Sequence[float], *, step: float, better: str | None, seeds: Sequence[float]) -> Metric:
    value = samples[0]
    return Metric(
        value=value,
        tolerance=tolerance(value, samples, step),
        samples=tuple(samples),
        spread=deviation(samples),
        resolution=step,
        better=better,
        seeds=tuple(seeds),
        seed_spread=deviation([value, *seeds]) if seeds else None,
    )


def _control(control: str, samples: Sequence[Sample], better: Mapping[str, str]) -> dict[str, Control]:
    """Margins over one control, by metric: half of the smallest lead over it in any run.

    Only for metrics that lead in every run, by about the same amount. A lead that varies by more than its
    margin is due to chance: the next run may fall behind although nothing is wrong.
    """
    values = samples[0].controls[control]
    margins = {}
    for name in sorted(better.keys() & samples[0].metrics.keys()):
        sign = 1 if better[name] == "higher" else -1
        leads = [sign * (sample.metrics[name] - sample.controls[control][name]) for sample in samples]
        margin = min(leads) / 2
        if max(leads) - min(leads) < margin:  # so the margin is positive, too
            margins[name] = Control(values[name], sign * margin)
    if not margins:
        raise RefusedError(
            f"baseline against control {control!r}",
            expected="a metric that is clearly better than the control in every run",
            found="none",
            remedy="Fix the pipeline first: runs that collapsed cannot be a baseline.",
        )
    return margins


def _require_finite(run: str, metrics: Mapping[str, float], names: Collection[str]) -> None:
    """Raise :class:`RefusedError` unless a run measured every metric in *names*, as a finite number."""
    wrong = {name: metrics.get(name) for name in names if not math.isfinite(metrics.get(name, math.nan))}
    if wrong:
        raise RefusedError(
            f"baseline, {run}",
            expected="a finite number for every metric",
            found=", ".join(f"{name} {value}" for name, value in wrong.items()),
            remedy="Fix the pipeline first: such a run cannot be a baseline.",
        )
