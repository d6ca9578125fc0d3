"""Results of machines that differ from this one, kept as samples: `harness calibrate --samples` merges them.

They are not part of the tolerances that are measured here. Each session or run has a file of its own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from harness.core.baselines.samples import (
    SCHEMA,
    ArraySample,
    MetricSample,
    MetricValue,
    Samples,
    encode_samples,
)
from harness.core.storage.atomic import replace_file
from harness.core.storage.project import make_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.core.baselines.baseline import Baseline
    from harness.core.storage.project import Project
    from harness.core.system.executors.interface import Apart

FOLDER = "samples"
"""Directory in the workspace."""

_DIGITS = 12


def samples_of_pipeline(name: str, baseline: Baseline, found: Iterable[Apart]) -> list[Samples]:
    """Return what runs of a pipeline elsewhere measured, against the values of its *baseline*.

    Runs with other seeds are left out: they say nothing about a tolerance.

    Parameters
    ----------
    name : str
        The baseline's golden name.
    baseline : Baseline
    found : iterable of Apart
        With a :class:`~harness.core.domain.run_pipeline.Run` as result.
    """
    return [
        Samples(
            SCHEMA,
            {**one.environment, **one.result.sample.perturbation.variables},
            {},
            {name: _metrics(baseline, one.result.sample.metrics)},
        )
        for one in found
        if not one.result.sample.perturbation.seed
    ]


def samples_of_tests(found: Iterable[Apart]) -> list[Samples]:
    """Return what tests measured elsewhere; each result is one of a run of tests.

    Without amplifications: those compare a run with the plain one of the same machine.
    """
    return [
        msgspec.structs.replace(
            one.result.samples,
            arrays={name: _without_amplification(each) for name, each in one.result.samples.arrays.items()},
        )
        for one in found
    ]


def keep_samples(project: Project, samples: Iterable[Samples]) -> list[str]:
    """Write each to a file in the workspace, named by its content; return their paths in the project.

    Raises
    ------
    UnwritableError
        If that is not possible.
    """
    written: dict[str, None] = {}
    for one in samples:
        data = encode_samples(one)
        name = f"{hashlib.sha256(data).hexdigest()[:_DIGITS]}.json"
        path = make_workspace(project) / FOLDER / name
        replace_file(path, data)
        written[project.relative(path)] = None
    return list(written)


def _metrics(baseline: Baseline, measured: dict[str, float]) -> MetricSample:
    return MetricSample(
        (), {name: MetricValue(one.value, measured.get(name)) for name, one in baseline.metrics.items()}
    )


def _without_amplification(sample: ArraySample) -> ArraySample:
    arrays = {
        name: msgspec.structs.replace(one, spread=msgspec.structs.replace(one.spread, amplification=None))
        for name, one in sample.arrays.items()
    }
    return msgspec.structs.replace(sample, arrays=arrays)
