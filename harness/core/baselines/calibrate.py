"""Repeated runs under varied conditions -> a baseline whose tolerances have a certificate."""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.core.baselines.baseline import SCHEMA, Baseline, Certificate, Control, Metric
from harness.core.baselines.tolerance_interval import RULE, deviation, tolerance
from harness.core.errors import RefusedError
from harness.core.system.environment import fingerprint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

ROUNDING = 1e-6
"""Relative tolerance of a value that a single run measured: its spread is not known."""

CONTROL_RULE = "half of the least lead of a run over its control, where the leads differ by less than that"
_KERNELS: tuple[Mapping[str, str], ...] = (
    {},
    {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
)
"""The processor's own vector instructions, and those of two older ones."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What one run is made under.

    Attributes
    ----------
    threads : int
    variables : mapping of str to str
        Environment variables that choose the kernels.
    noise : int or None
        Seed of the last-bit noise on the inputs, if there is any.
    seed : int
        The pipeline's own.
    """

    threads: int
    variables: Mapping[str, str] = field(default_factory=dict)
    noise: int | None = None
    seed: int = 0

    def describe(self) -> dict[str, str]:
        """The condition as a certificate writes it."""
        noise = {} if self.noise is None else {"last-bit noise": f"seed {self.noise}"}
        seed = {"seed": str(self.seed)} if self.seed else {}
        return {"threads": str(self.threads), **self.variables, **noise, **seed}


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run measured, and under which condition."""

    condition: Condition
    metrics: Mapping[str, float]
    controls: Mapping[str, Mapping[str, float]]


@contextlib.contextmanager
def applied(condition: Condition) -> Iterator[None]:
    """Set the condition's environment variables, which child processes inherit, while the context lasts."""
    before = {name: os.environ.get(name) for name in condition.variables}
    os.environ.update(condition.variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def conditions(runs: int = 12) -> tuple[Condition, ...]:
    """*runs* conditions, no two alike: the plain one first, then others with noise in the last bits.

    They take turns with 1 and 2 threads and with the kernels of several processors.
    """
    kinds = [Condition(threads, kernels) for kernels in _KERNELS for threads in (1, 2)]
    noisy = (replace(kinds[i % len(kinds)], noise=i) for i in range(1, runs))
    return (Condition(1), *noisy)


def other_seeds(seeds: int) -> tuple[Condition, ...]:
    """*seeds* plain conditions, in which the pipeline has another seed."""
    return tuple(Condition(1, seed=seed) for seed in range(1, seeds + 1))


def calibrated(  # noqa: PLR0913 - all that a baseline is made of
    samples: Sequence[Sample],
    *,
    better: Mapping[str, str],
    resolution: Mapping[str, float] = MappingProxyType({}),
    fixture: str | None = None,
    seeds: Sequence[Sample] = (),
    measure: str | None = None,
) -> Baseline:
    """Baseline from repeated runs; its values are those of the first.

    Parameters
    ----------
    samples : sequence of Sample
        At least one, under numerical perturbations of one computation.
    better : mapping of str to str
        ``higher`` or ``lower``, for the metrics that are compared with the controls.
    resolution : mapping of str to float, optional
        Smallest step of a metric that cannot take every value; no tolerance is smaller.
    fixture : str, optional
        Digest of the arrays that the pipeline ran on.
    seeds : sequence of Sample
        Runs with other seeds: kept beside the others, and no part of a tolerance.
    measure : str, optional
        Reference of the function that measures the stored arrays again.

    Raises
    ------
    RefusedError
        If no metric is well ahead of some control in every run, or a metric is not finite or missing in
        one: such runs are no baseline.
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
    described = [s.condition.describe() for s in (*samples, *seeds)]
    return Baseline(
        schema=SCHEMA,
        metrics=metrics,
        controls=controls,
        certificate=certificate(f"{RULE}; margins: {CONTROL_RULE}", described),
        fixture=fixture,
        measure=measure,
    )


def _control(control: str, samples: Sequence[Sample], better: Mapping[str, str]) -> dict[str, Control]:
    """Half of the least lead over a control, for the metrics that lead in every run, and by about as much.

    A lead that varies by more than its margin is chance: the next run may be behind, and nothing collapsed.
    """
    values = samples[0].controls[control]
    margins = {}
    for name in sorted(better.keys() & samples[0].metrics.keys()):
        sign = 1 if better[name] == "higher" else -1
        leads = [sign * (sample.metrics[name] - sample.controls[control][name]) for sample in samples]
        margin = min(leads) / 2
        if margin > 0 and max(leads) - min(leads) < margin:
            margins[name] = Control(values[name], sign * margin)
    if not margins:
        raise RefusedError(
            f"baseline against control {control!r}",
            expected="runs that are all well ahead of it in some metric",
            found="none that is",
            remedy="Mend the pipeline first: a collapsed run is no baseline.",
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
            remedy="Mend the pipeline first: such a run is no baseline.",
        )


def certificate(rule: str, described: Sequence[dict[str, str]]) -> Certificate:
    """Certificate of tolerances found today, in this environment."""
    return Certificate(
        rule=rule,
        runs=len(described),
        conditions=tuple(described),
        environment=fingerprint(),
        date=datetime.now(timezone.utc).date().isoformat(),
    )


def provisional(metrics: Mapping[str, float], before: Baseline | None = None) -> Baseline:
    """Baseline from a single run, with the tolerances and margins of the one before, where there is one.

    Its certificate says so: a value that moved has no samples, and is of no known fixture, until
    ``harness calibrate`` takes them.
    """
    known = before.metrics if before else {}
    moved = {
        name: Metric(value, known[name].tolerance, better=known[name].better)
        if name in known
        else Metric(value, ROUNDING * abs(value))
        for name, value in metrics.items()
    }
    rule = "values of one run; " + (
        f"tolerances of {before.certificate.date}" if before else f"tolerances {ROUNDING:g} of them"
    )
    return Baseline(
        schema=SCHEMA,
        metrics=moved,
        controls=before.controls if before else {},
        certificate=certificate(rule, [{}]),
    )


def _metric(
    samples: Sequence[float], *, step: float = 0.0, better: str | None = None, seeds: Sequence[float] = ()
) -> Metric:
    value = samples[0]
    return Metric(
        value,
        tolerance(value, samples, step),
        tuple(samples),
        spread=deviation(samples),
        resolution=step,
        better=better,
        seeds=tuple(seeds),
        seed_spread=deviation([value, *seeds]) if seeds else None,
    )
