"""Tolerances of the metrics that tests check, from samples on one or several platforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness.core.baselines.calibrate import certificate
from harness.core.baselines.tolerance_interval import RULE, deviation, tolerance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.core.baselines.baseline import Baseline, Metric

_FEWEST = 2
"""From fewer samples no tolerance follows."""

_ROUNDING = 1e-6
"""Relative difference of two tolerances that follow from the same samples: SciPy's versions differ."""

PLATFORM = "platform"
"""Key of a perturbation that names the platform of a run."""


class Run(NamedTuple):
    """Metrics of one run, and how it was made: its platform and what was varied."""

    described: dict[str, str]
    metrics: Mapping[str, float]


def with_samples(baseline: Baseline, runs: Sequence[Run]) -> Baseline:
    """Return *baseline* with tolerances that also cover *runs*; values and controls stay as they are.

    Former samples of the same platforms are replaced. The golden value is the first sample.

    Parameters
    ----------
    baseline : Baseline
    runs : sequence of Run
        Each has all metrics of the baseline, as finite numbers.

    Raises
    ------
    DependencyError
        If SciPy is not installed.
    """
    new = {run.described.get(PLATFORM) for run in runs}
    former = [run for run in _former_runs(baseline) if run.described.get(PLATFORM) not in new]
    kept = [*former, *runs]
    golden: dict[str, str] = {}
    metrics = {
        name: _measured(metric, [run.metrics[name] for run in kept if name in run.metrics])
        for name, metric in baseline.metrics.items()
    }
    seeds = baseline.certificate.perturbations[1 + len(_former_runs(baseline)) :]
    described = [golden, *(run.described for run in kept), *(seeds if _has_seeds(baseline) else ())]
    return msgspec.structs.replace(
        baseline, metrics=metrics, certificate=certificate(_rule(baseline), described)
    )


def metric_problems(baseline: Baseline) -> Iterator[str]:
    """Yield the metrics whose tolerance is not the one that follows from their samples.

    Raises
    ------
    DependencyError
        If SciPy is not installed, and there are samples that differ.
    """
    if not baseline.certificate.rule.startswith(RULE):
        return
    for name, metric in baseline.metrics.items():
        if len(metric.samples) < _FEWEST:
            continue
        expected = tolerance(metric.value, metric.samples, metric.resolution)
        if abs(metric.tolerance - expected) > _ROUNDING * max(metric.tolerance, expected):
            how = "widened" if metric.tolerance > expected else "narrowed"
            yield (
                f"{name}: the tolerance was {how} by hand: {metric.tolerance:.3g}, "
                f"where the samples give {expected:.3g}"
            )


def _former_runs(baseline: Baseline) -> list[Run]:
    """Return the runs behind a baseline's samples, without the golden value; none if it was not measured."""
    counts = {len(metric.samples) for metric in baseline.metrics.values()}
    described = baseline.certificate.perturbations
    if len(counts) != 1 or 0 in counts or max(counts) > len(described):
        return []
    return [
        Run(
            dict(described[number]),
            {name: metric.samples[number] for name, metric in baseline.metrics.items()},
        )
        for number in range(1, counts.pop())
    ]


def _measured(metric: Metric, values: Sequence[float]) -> Metric:
    samples = (metric.value, *values)
    return msgspec.structs.replace(
        metric,
        samples=samples,
        tolerance=tolerance(metric.value, samples, metric.resolution),
        spread=deviation(samples),
    )


def _has_seeds(baseline: Baseline) -> bool:
    return any(metric.seeds for metric in baseline.metrics.values())


def _rule(baseline: Baseline) -> str:
    known = baseline.certificate.rule
    return known if known.startswith(RULE) else RULE
