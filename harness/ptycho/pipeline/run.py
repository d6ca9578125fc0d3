"""The pipelines: their stages run in child processes, and metrics are computed here."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.domain.interface import PipelineResult, Stage
from harness.core.fixtures.manifest import read_manifest
from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE, CONTROLS_FILE, RECONSTRUCTION_FILE
from harness.ptycho.pipeline.configuration import (
    Configuration,
    IterativeConfiguration,
    NetworkConfiguration,
    QuasiNewtonConfiguration,
    make_configuration,
    write_configuration,
)
from harness.ptycho.pipeline.parent_process import Deadline, require_fixture, require_torch, run_stage
from harness.ptycho.pipeline.peak_memory import peak_mb

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[str, float], None]

TIME_LIMIT = 45.0
"""Seconds for all stages of a pipeline together."""

DEFAULT_THREADS = 1
"""Problems this small gain little from more threads, and lose much on a busy machine."""

PICTURE_FILE = "object.png"
MEASURED_FILE = "measured.npz"
MEASURE_FUNCTION = "harness.ptycho.pipeline.assess:remeasured"
"""Reference of the function that computes the metrics again from ``MEASURED_FILE``; baselines record it."""

SIMULATED = "simulated"
"""Name of the source in the manifest of a fixture whose object is the ground truth."""

NO_TRUTH_NOTE = (
    "The stored object may be a reconstruction, not the ground truth; aligned metrics compare the two. "
    "--pipeline {pipeline}-halves compares reconstructions from independent halves of the positions."
)

MODEL = "harness.ptycho.pipeline.model"

STAGES = {
    "network": (("train", f"{MODEL}.train", ()), ("infer", f"{MODEL}.infer", ())),
    "iterative": (
        ("first half", f"{MODEL}.iterative", ("first",)),
        ("second half", f"{MODEL}.iterative", ("second",)),
    ),
    "quasi-newton": (
        ("first part", f"{MODEL}.quasi_newton", ("first",)),
        ("second part", f"{MODEL}.quasi_newton", ("second",)),
    ),
}
"""Stages of each pipeline in order: name, module, and the task's part if any. Each runs in a new process."""


def network(  # noqa: PLR0913 - the interface of every pipeline
    fixture: Path,
    output: Path,
    *,
    seed: int = 0,
    threads: int | None = None,
    limit: float = TIME_LIMIT,
    progress: Progress | None = None,
    **options: Any,
) -> PipelineResult:
    """Train the unrolled network on *fixture*, load it in a new process, reconstruct, and return the metrics.

    Parameters
    ----------
    fixture : Path
        A dataset that keeps the contract. Its ``objectGuess`` is used for metrics, never for training.
    output : Path
        Folder for checkpoint, configuration and reconstruction; created if missing.
    seed, threads : int
        The same seed and threads give the same metrics to the last bit on one machine. Default: 1 thread.
    limit : float
        Time limit in seconds for all stages together; a process that is still running then is stopped.
    progress : callable, optional
        Called with the stage's name and the fraction done.
    **options
        Fields of :class:`~harness.ptycho.pipeline.configuration.NetworkConfiguration`.

    Returns
    -------
    PipelineResult
        Controls: a ``flat`` object; the same network ``untrained``, with the start probe; and ``untrained
        weights`` with the trained probe.

    Raises
    ------
    DependencyError
        torch is not installed.
    UsageError
        An option is unknown or out of range.
    UnreadableError
        The fixture cannot be read.
    RefusedError
        The file breaks the dataset contract, training diverged, or it did not update object or probe.
    OvertimeError
        The time limit passed.
    """
    return _run(
        "network",
        Path(fixture),
        Path(output),
        configuration=_configuration(NetworkConfiguration, seed, threads, options),
        limit=limit,
        progress=progress,
    )


def iterative(  # noqa: PLR0913 - the interface of every pipeline
    fixture: Path,
    output: Path,
    *,
    seed: int = 0,
    threads: int | None = None,
    limit: float = TIME_LIMIT,
    progress: Progress | None = None,
    **options: Any,
) -> PipelineResult:
    """Reconstruct *fixture* by Adam on object and probe, half in one process and half in another.

    Parameters, results and errors as in :func:`network`, but options are fields of
    :class:`~harness.ptycho.pipeline.configuration.IterativeConfiguration`, and the only control is ``flat``.
    """
    return _run(
        "iterative",
        Path(fixture),
        Path(output),
        configuration=_configuration(IterativeConfiguration, seed, threads, options),
        limit=limit,
        progress=progress,
    )


def quasi_newton(  # noqa: PLR0913 - the interface of every pipeline
    fixture: Path,
    output: Path,
    *,
    seed: int = 0,
    threads: int | None = None,
    limit: float = TIME_LIMIT,
    progress: Progress | None = None,
    **options: Any,
) -> PipelineResult:
    """Reconstruct *fixture* by L-BFGS on object and probe, in one process and then in another.

    Parameters, results and errors as in :func:`iterative`, but options are fields of
    :class:`~harness.ptycho.pipeline.configuration.QuasiNewtonConfiguration`.
    """
    return _run(
        "quasi-newton",
        Path(fixture),
        Path(output),
        configuration=_configuration(QuasiNewtonConfiguration, seed, threads, options),
        limit=limit,
        progress=progress,
    )


def _configuration(
    kind: type[Configuration], seed: int, threads: int | None, options: dict[str, Any]
) -> Configuration:
    chosen = DEFAULT_THREADS if threads is None else threads
    return make_configuration(kind, {"seed": seed, "threads": chosen, **options})


def _run(  # noqa: PLR0913 - what all pipelines are called with
    pipeline: str,
    fixture: Path,
    output: Path,
    *,
    configuration: Configuration,
    limit: float,
    progress: Progress | None,
) -> PipelineResult:
    """Run a pipeline's stages one after another, then compute the metrics."""
    require_torch()
    require_fixture(fixture)
    output.mkdir(parents=True, exist_ok=True)
    configuration_file = write_configuration(configuration, output)
    deadline, paths = Deadline(limit), (str(fixture), str(output))
    stages = [
        run_stage(name, module, (*paths, *part), output=output, deadline=deadline, progress=progress)
        for name, module, part in STAGES[pipeline]
    ]
    return _result(pipeline, fixture, output, configuration_file, stages)


def _result(
    pipeline: str, fixture: Path, output: Path, configuration_file: Path, stages: list[Stage]
) -> PipelineResult:
    # Imported here because scipy and scikit-image are slow to import.
    from harness.ptycho.pipeline.assess import BETTER, assess, write_comparison, write_measured

    start = time.perf_counter()
    assessment = assess(fixture, output)
    write_comparison(fixture, output, output / PICTURE_FILE)
    metrics_stage = Stage("metrics", time.perf_counter() - start, peak_mb())
    return PipelineResult(
        pipeline=pipeline,
        metrics=assessment.metrics,
        controls=assessment.controls,
        stages=(*stages, metrics_stage),
        artifacts={
            "configuration": configuration_file,
            "checkpoint": output / CHECKPOINT_FILE,
            "picture": output / PICTURE_FILE,
            "reconstruction": output / RECONSTRUCTION_FILE,
            "controls": output / CONTROLS_FILE,
        },
        better=BETTER,
        notes=() if has_truth(fixture) else (NO_TRUTH_NOTE.format(pipeline=pipeline),),
        resolution={"aligned_frc_cutoff": assessment.ring},
        measured=write_measured(output, output / MEASURED_FILE),
        measure=MEASURE_FUNCTION,
        decisive=assessment.decisive,
    )


def has_truth(fixture: Path) -> bool:
    """Return whether the manifest says that the object is the ground truth, because it was simulated.

    Examples
    --------
    >>> has_truth(Path("measured.npz"))
    False
    """
    manifest = fixture.with_suffix(".json")
    return manifest.is_file() and read_manifest(manifest).source.name == SIMULATED
