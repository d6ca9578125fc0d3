"""A pipeline made of an engine: its result is checked, and its metrics are those of our own pipelines."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from harness.core.domain.interface import PipelineResult, Stage
from harness.core.errors import RefusedError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.engines.interface import Job
from harness.ptycho.engines.start import starting_point
from harness.ptycho.pipeline.child_process import CONTROLS_FILE, RECONSTRUCTION_FILE
from harness.ptycho.pipeline.parent_process import Deadline, require_fixture
from harness.ptycho.pipeline.peak_memory import peak_mb
from harness.ptycho.pipeline.run import (
    DEFAULT_THREADS,
    MEASURE_FUNCTION,
    MEASURED_FILE,
    PICTURE_FILE,
    has_truth,
)
from harness.ptycho.scan.residual import Dataset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.ptycho.engines.handshake import Handshake
    from harness.ptycho.engines.interface import Engine, Progress, Reconstruction

TIME_LIMIT = 300.0
"""Seconds for all processes of an engine together."""

RECORD_FILE = "engine.json"
"""File of the output folder with the engine's parameters, versions and handshake."""

NO_TRUTH_NOTE = (
    "The stored object may be a reconstruction, not the ground truth; aligned metrics compare the two."
)
NO_HANDSHAKE_NOTE = (
    "The engine cannot predict diffraction, so its conventions are proved by its reconstruction alone."
)


@dataclass(frozen=True, slots=True)
class EnginePipeline:
    """The pipeline of an engine, with its time limit in seconds: call it as any pipeline.

    Examples
    --------
    >>> from harness.ptycho.engines.library import cdtools
    >>> cdtools.engine.name
    'cdtools'
    """

    engine: Engine
    limit: float = TIME_LIMIT

    def require(self) -> None:
        """Raise :class:`~harness.core.errors.DependencyError` if what the engine runs is not installed."""
        self.engine.require()

    def __call__(  # noqa: PLR0913 - the interface of every pipeline
        self,
        fixture: Path,
        output: Path,
        *,
        seed: int = 0,
        threads: int | None = None,
        limit: float | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> PipelineResult:
        """Reconstruct *fixture* by the engine, and return the metrics.

        Parameters
        ----------
        fixture : Path
            A dataset that keeps the contract. Its ``objectGuess`` is used for the handshake and for metrics.
        output : Path
            Folder for logs and results; created if missing.
        seed, threads : int
            Default: seed 0, 1 thread.
        limit : float, optional
            Time limit in seconds; processes that are still running then are stopped. Default: the pipeline's.
        progress : callable, optional
            Called with the stage's name and the fraction done.
        **options
            Options of the engine.

        Returns
        -------
        PipelineResult
            Controls: a ``flat`` object with the start probe; and ``untrained``, if the engine has one.

        Raises
        ------
        DependencyError
            What the engine runs is not installed.
        UnreadableError
            The fixture cannot be read.
        RefusedError
            The fixture breaks the contract, the handshake failed, or the result is not finite, of another
            shape, or where it started.
        OvertimeError
            The time limit passed.
        HarnessError
            The engine's process failed.
        """
        self.require()
        fixture, output = Path(fixture), Path(output)
        require_fixture(fixture)
        output.mkdir(parents=True, exist_ok=True)
        chosen = DEFAULT_THREADS if threads is None else threads
        job = Job(
            fixture, output, seed, chosen, options, Deadline(self.limit if limit is None else limit), progress
        )
        found = self.engine.reconstruct(job)
        return _result(self.engine.name, fixture, output, found)


def _result(name: str, fixture: Path, output: Path, found: Reconstruction) -> PipelineResult:
    # Imported here because scipy and scikit-image are slow to import.
    from harness.ptycho.pipeline.assess import BETTER, assess, write_comparison, write_measured

    start = time.perf_counter()
    data = Dataset.of(read_archive(fixture))
    require_usable(name, found, data)
    _write_arrays(output, data, found)
    learned = ("object", "probe") if found.refines_probe else ("object",)
    assessment = assess(fixture, output, learned=learned)
    write_comparison(fixture, output, output / PICTURE_FILE)
    return PipelineResult(
        pipeline=name,
        metrics=assessment.metrics,
        controls=assessment.controls,
        stages=(*found.stages, Stage("metrics", time.perf_counter() - start, peak_mb())),
        artifacts={
            "engine": _write_record(output, name, found),
            "picture": output / PICTURE_FILE,
            "reconstruction": output / RECONSTRUCTION_FILE,
            "controls": output / CONTROLS_FILE,
        },
        better=BETTER,
        notes=(*notes_of(found), *(() if has_truth(fixture) else (NO_TRUTH_NOTE,))),
        resolution={"aligned_frc_cutoff": assessment.ring},
        measured=write_measured(output, output / MEASURED_FILE),
        measure=MEASURE_FUNCTION,
        decisive=assessment.decisive,
    )


def require_usable(name: str, found: Reconstruction, data: Dataset) -> None:
    """Refuse object and probe that have another shape than the fixture's, or are not finite.

    Raises
    ------
    RefusedError
        The message says which of the two, and what is wrong with it.
    """
    for what, array, stored in (
        ("object", found.object, data.object),
        ("probe", found.probe, data.probe),
    ):
        if array.shape != stored.shape:
            problem = f"shape {array.shape}"
        elif not np.isfinite(array).all():
            problem = f"{np.count_nonzero(~np.isfinite(array))} values that are NaN or infinite"
        else:
            continue
        raise RefusedError(
            f"{what} of engine {name!r}",
            expected=f"finite values of shape {stored.shape}",
            found=problem,
            message=f"engine {name!r} ended without an error, but its {what} has {problem}",
            remedy="It diverged: use a smaller step, or check the dataset with `harness check`.",
        )


def notes_of(found: Reconstruction) -> tuple[str, ...]:
    """Return what a reader of the figures needs to know: the handshake, and the versions."""
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    return (
        handshake_note(found.handshake),
        *((f"versions: {versions}",) if versions else ()),
        *found.notes,
    )


def handshake_note(handshake: Handshake | None) -> str:
    """Return the handshake in one line."""
    if handshake is None:
        return NO_HANDSHAKE_NOTE
    return (
        f"handshake: residual {handshake.residual:.4g} by the engine's model, "
        f"{handshake.own_residual:.4g} by ours"
    )


def _write_arrays(output: Path, data: Dataset, found: Reconstruction) -> None:
    """Write what the metrics are computed from: the result, and the controls."""
    flat = starting_point(data).object
    obj, probe, start = (a.astype(np.complex64) for a in (found.object, found.probe, found.start_probe))
    write_archive(output / RECONSTRUCTION_FILE, {"object": obj, "probe": probe})
    controls = {"flat": flat, "before": flat, "after": obj, "probe": start}
    if found.untrained is not None:
        names = ("untrained", "untrained_probe")
        controls |= {name: one.astype(np.complex64) for name, one in zip(names, found.untrained, strict=True)}
    write_archive(output / CONTROLS_FILE, controls)


def _write_record(output: Path, name: str, found: Reconstruction) -> Path:
    handshake: Mapping[str, float] | None = found.handshake._asdict() if found.handshake else None
    record = {
        "engine": name,
        "parameters": dict(found.parameters),
        "versions": dict(found.versions),
        "handshake": handshake,
    }
    path = output / RECORD_FILE
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    return path
