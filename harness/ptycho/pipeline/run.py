"""The pipelines' front door: children do the work in torch, the parent measures in numpy."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.domain.interface import PipelineResult, Stage
from harness.core.errors import UnreadableError
from harness.core.fixtures.manifest import read_manifest
from harness.ptycho.pipeline.child_process import CONTROLS, RECONSTRUCTION
from harness.ptycho.pipeline.configuration import (
    Configuration,
    IterativeConfiguration,
    NetworkConfiguration,
    configured,
    write_configuration,
)
from harness.ptycho.pipeline.parent_process import Deadline, require_torch, run_stage
from harness.ptycho.pipeline.peak_memory import peak_mb

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[str, float], None]

LIMIT = 45.0
"""Seconds for a whole pipeline."""

THREADS = 1
"""Where nobody says. Problems this small gain little from more and lose much on a busy machine."""

PICTURE = "object.png"
MEASURED = "measured.npz"
MEASURE = "harness.ptycho.pipeline.assess:remeasured"

SIMULATED = "simulated"
"""The source's name in the manifest of a fixture whose object is the truth."""

NO_TRUTH = (
    "the stored object may be no truth but a reconstruction itself: aligned figures compare the two; "
    "--pipeline {pipeline}-halves compares independent halves of the positions"
)

FOLDER = "harness.ptycho.pipeline.model"

PLANS = {
    "network": (("train", f"{FOLDER}.train", ()), ("infer", f"{FOLDER}.infer", ())),
    "iterative": (
        ("first half", f"{FOLDER}.iterative", ("first",)),
        ("second half", f"{FOLDER}.iterative", ("second",)),
    ),
}
"""Pipeline -> its stages in order: name, module, further arguments. Each runs in a process of its own."""


def network(  # noqa: PLR0913 - the pipeline interface
    fixture: Path,
    output: Path,
    *,
    seed: int = 0,
    threads: int | None = None,
    limit: float = LIMIT,
    progress: Progress | None = None,
    **options: Any,
) -> PipelineResult:
    """Train the unrolled network on *fixture*, load it in a new process, reconstruct and measure.

    Parameters
    ----------
    fixture : Path
        A dataset after the contract; its ``objectGuess`` is used to measure, never to train.
    output : Path
        Folder for checkpoint, configuration and reconstruction; made if missing.
    seed, threads : int
        Same seed and threads: same metrics to the bit, on one machine. Threads default to 1.
    limit : float
        Seconds for everything; a process that is still running then is stopped.
    progress : callable, optional
        Called with a stage's name and its share done.
    **options
        Fields of :class:`~harness.ptycho.pipeline.configuration.NetworkConfiguration`.

    Returns
    -------
    PipelineResult
        Controls: ``flat`` object, and the same network ``untrained``.

    Raises
    ------
    DependencyError
        torch is not installed.
    UsageError
        An option is unknown or out of range.
    UnreadableError
        The fixture cannot be read.
    RefusedError
        The fixture is none, training diverged, or object or probe did not move.
    OvertimeError
        The limit passed.
    """
    configuration = _configuration(NetworkConfiguration, seed, threads, options)
    return _run("network", Path(fixture), Path(output), configuration, limit, progress)


def iterative(  # noqa: PLR0913 - the pipeline interface
    fixture: Path,
    output: Path,
    *,
    seed: int = 0,
    threads: int | None = None,
    limit: float = LIMIT,
    progress: Progress | None = None,
    **options: Any,
) -> PipelineResult:
    """Reconstruct *fixture* by Adam on object and probe, half in one process and half in another.

    Parameters, results and errors as in :func:`network`; options are fields of
    :class:`~harness.ptycho.pipeline.configuration.IterativeConfiguration`, and the one control is ``flat``.
    """
    configuration = _configuration(IterativeConfiguration, seed, threads, options)
    return _run("iterative", Path(fixture), Path(output), configuration, limit, progress)


def _configuration(
    kind: type[Configuration], seed: int, threads: int | None, options: dict[str, Any]
) -> Configuration:
    chosen = THREADS if threads is None else threads
    return configured(kind, {"seed": seed, "threads": chosen, **options})


def _run(  # noqa: PLR0913, PLR0917 - what both pipelines were called with
    pipeline: str,
    fixture: Path,
    output: Path,
    configuration: Configuration,
    limit: float,
    progress: Progress | None,
) -> PipelineResult:
    """Run a pipeline's stages one after another, and measure."""
    require_torch()
    if not fixture.is_file():
        raise UnreadableError(
            str(fixture),
            expected="a fixture",
            found="no such file",
            remedy="Make one with `harness generate`.",
        )
    output.mkdir(parents=True, exist_ok=True)
    settings = write_configuration(configuration, output)
    deadline, places = Deadline(limit), (str(fixture), str(output))
    stages = [
        run_stage(name, module, (*places, *goal), output=output, deadline=deadline, progress=progress)
        for name, module, goal in PLANS[pipeline]
    ]
    return _result(pipeline, fixture, output, settings, stages)


def _result(
    pipeline: str, fixture: Path, output: Path, settings: Path, stages: list[Stage]
) -> PipelineResult:
    from harness.ptycho.pipeline.assess import (  # scipy and scikit-image import slowly
        BETTER,
        assess,
        draw,
        keep,
    )

    start = time.perf_counter()
    figures = assess(fixture, output)
    draw(fixture, output, output / PICTURE)
    stages.append(Stage("metrics", time.perf_counter() - start, peak_mb()))
    artifacts = {
        "configuration": settings, "checkpoint": output / "checkpoint.pt", "picture": output / PICTURE,
        "reconstruction": output / RECONSTRUCTION, "controls": output / CONTROLS,
    }  # fmt: skip
    notes = () if _has_truth(fixture) else (NO_TRUTH.format(pipeline=pipeline),)
    return PipelineResult(
        pipeline,
        figures.metrics,
        figures.controls,
        tuple(stages),
        artifacts,
        better=BETTER,
        notes=notes,
        resolution={"aligned_frc_cutoff": figures.ring},
        measured=keep(output, output / MEASURED),
        measure=MEASURE,
    )


def _has_truth(fixture: Path) -> bool:
    """Whether the fixture's manifest says that its object is the truth, because it was simulated."""
    manifest = fixture.with_suffix(".json")
    return manifest.is_file() and read_manifest(manifest).source.name == SIMULATED
