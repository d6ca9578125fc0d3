"""Several pipelines run on one fixture, for the same wall time where they take a limit, and their costs."""

from __future__ import annotations

import inspect
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from harness.core.baselines.controls import compare_with_controls
from harness.core.domain.run_pipeline import missing_requirement
from harness.core.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from harness.core.domain.interface import PipelineResult

    Run = Callable[..., PipelineResult]
    Progress = Callable[[str, float], None]

Clock = Literal["wall", "cpu"]

FREE_STAGES = ("handshake", "metrics")
"""Stages in which a model is compared with ours, and metrics are computed: no cost of a reconstruction."""

RECORD = "engine"
"""The artifact that has an engine's parameters, versions and handshake as JSON."""

PATIENCE, LONGEST = 300.0, 10.0
"""A process is stopped after so many seconds, or after so many times the time that was asked for."""


class Limit(NamedTuple):
    """How long a pipeline may take, by which clock; the names are those of its options."""

    seconds: float | None
    clock: Clock


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One pipeline of a comparison: medians over its runs.

    Attributes
    ----------
    pipeline : str
    runs : int
        How many runs ended; 0 if it could not run.
    limited : bool
        Whether it got a time after which to end. Others end by themselves.
    seconds, cpu_seconds, peak_mb : float
        Of all stages together but handshake and metrics; of the memory, the largest.
    metrics : mapping of str to float
    controls : mapping of str to mapping
        Of the first run.
    behind : tuple of str
        Decisive metrics in which a run was not ahead of a control.
    record : mapping
        Parameters, versions and handshake of an engine; empty for other pipelines.
    problem : str
        Why it could not run, or failed; empty otherwise.
    missing : bool
        Whether what it needs is not installed.
    result : PipelineResult or None
        Of the first run.
    """

    pipeline: str
    runs: int = 0
    limited: bool = False
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    controls: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    behind: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    missing: bool = False
    result: PipelineResult | None = None


def compare_runs(  # noqa: PLR0913 - what is run, on what, how often and where
    pipelines: Mapping[str, Run],
    fixture: Path,
    output: Path,
    *,
    seconds: float | None,
    clock: Clock = "wall",
    runs: int = 1,
    threads: int = 1,
    progress: Progress = lambda _name, _fraction: None,
) -> tuple[ComparedRun, ...]:
    """Run each pipeline with the seeds 0 to ``runs - 1``, one after another; return what each found.

    Parameters
    ----------
    pipelines : mapping of str to callable
        By name.
    fixture, output : Path
        The fixture, and a folder in which each run gets one of its own.
    seconds : float or None
        Time for each run of those that can be limited. None: the longest of those that cannot.
    clock : {"wall", "cpu"}
        Which time that is.
    runs, threads : int
    progress : callable, optional
        Called with a pipeline's name and the share of all runs that are done.

    Returns
    -------
    tuple of ComparedRun
        In the order of *pipelines*. One that fails does not end the others.
    """
    done: dict[str, ComparedRun] = {}
    # Those that cannot be limited first: they say how long the others may take.
    for name in sorted(pipelines, key=lambda name: takes_seconds(pipelines[name])):
        progress(name, len(done) / len(pipelines))
        limit = Limit(seconds or _longest(done.values(), clock), clock)
        done[name] = _compared(name, pipelines[name], fixture, output / name, limit, runs, threads)
    return tuple(done[name] for name in pipelines)


def _longest(done: Iterable[ComparedRun], clock: Clock) -> float | None:
    """Return the longest time of the pipelines that ended by themselves; None if there are none."""
    times = (one.cpu_seconds if clock == "cpu" else one.seconds for one in done if not one.limited)
    return max(times, default=0.0) or None


def takes_seconds(run: Run) -> bool:
    """Return whether a pipeline takes a time after which it ends: its engine has ``takes_seconds``.

    >>> takes_seconds(lambda *_: None)
    False
    """
    return bool(getattr(getattr(run, "engine", None), "takes_seconds", False))


def _compared(  # noqa: PLR0913, PLR0917 - as compare_runs
    name: str, run: Run, fixture: Path, output: Path, limit: Limit, runs: int, threads: int
) -> ComparedRun:
    missing = missing_requirement(run)
    if missing is not None:
        return ComparedRun(name, problem=str(missing), missing=True)
    limited = takes_seconds(run)
    options: dict[str, Any] = {"threads": threads}
    if "limit" in inspect.signature(run).parameters:
        options["limit"] = max(PATIENCE, LONGEST * (limit.seconds or 0.0))
    if limited and limit.seconds is not None:
        options |= limit._asdict()
    try:
        found = [run(fixture, output / str(seed), seed=seed, **options) for seed in range(runs)]
    except HarnessError as error:
        return ComparedRun(name, limited=limited, problem=str(error))
    return _summary(name, found, limited=limited)


def _summary(name: str, found: list[PipelineResult], *, limited: bool) -> ComparedRun:
    stages = [[stage for stage in one.stages if stage.name not in FREE_STAGES] for one in found]
    first = found[0]
    return ComparedRun(
        name,
        len(found),
        limited,
        statistics.median(sum(stage.seconds for stage in one) for one in stages),
        statistics.median(sum(stage.cpu_seconds for stage in one) for one in stages),
        max((stage.peak_mb for one in stages for stage in one), default=0.0),
        {metric: statistics.median(one.metrics[metric] for one in found) for metric in first.metrics},
        first.controls,
        tuple(dict.fromkeys(metric for one in found for metric in _behind(one))),
        _record(first),
        result=first,
    )


def _behind(result: PipelineResult) -> list[str]:
    verdicts = compare_with_controls(result.metrics, result.controls, result.better, decisive=result.decisive)
    return [verdict.name for verdict in verdicts if not verdict.outcome.accepted]


def _record(result: PipelineResult) -> dict[str, Any]:
    path = result.artifacts.get(RECORD)
    return {} if path is None else dict(msgspec.json.decode(path.read_bytes()))
