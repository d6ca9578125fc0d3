"""One run of a pipeline under one perturbation, in this process, and whether it read its inputs correctly."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.baselines.baseline import require_metrics
from harness.core.baselines.perturbations import Sample, applied
from harness.core.domain.catalogue import find_catalogue
from harness.core.errors import DependencyError
from harness.core.fixtures.noise import add_last_bit_noise
from harness.core.storage.npz import read_archive, write_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.core.baselines.perturbations import Perturbation
    from harness.core.domain.interface import PipelineResult
    from harness.core.fixtures.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Call:
    """What to run: a pipeline of the project at ``root`` on a fixture. Can be pickled.

    ``keep``, if given, is where to copy the arrays that the metrics were computed from.
    """

    root: Path
    pipeline: str
    fixture: Path
    perturbation: Perturbation
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured, with the properties of its metrics.

    ``better``, ``resolution`` and ``measure`` are as in
    :class:`~harness.core.domain.interface.PipelineResult`; ``measure`` is None if no arrays were kept.
    """

    sample: Sample
    better: Mapping[str, str]
    resolution: Mapping[str, float]
    measure: str | None = None


def perform(call: Call) -> Run:
    """Run a pipeline under the perturbation of *call*.

    Raises
    ------
    HarnessError
        If the pipeline refuses the fixture.
    """
    run = find_catalogue(call.root).load("pipelines", call.pipeline)
    with output_folder() as folder, series_of_runs():
        result = run_under(call.perturbation, run, call.fixture, folder)
        kept = call.keep is not None and result.measured is not None
        if call.keep and result.measured:
            shutil.copyfile(result.measured, call.keep)
    controls = {name: dict(values) for name, values in result.controls.items()}
    metrics = require_metrics(f"pipeline {call.pipeline!r}", result.metrics, controls)
    sample = Sample(call.perturbation, metrics, controls)
    return Run(sample, dict(result.better), dict(result.resolution), result.measure if kept else None)


_SERIES = ContextVar("series of runs", default=False)


@contextmanager
def series_of_runs() -> Iterator[None]:
    """Say that the pipelines run in this block are some of many, so that it pays to prepare for the next.

    Examples
    --------
    >>> with series_of_runs():
    ...     is_in_series()
    True
    >>> is_in_series()
    False
    """
    before = _SERIES.set(True)
    try:
        yield
    finally:
        _SERIES.reset(before)


def is_in_series() -> bool:
    """Return whether a pipeline that runs now is one of many; see :func:`series_of_runs`."""
    return _SERIES.get()


@contextmanager
def output_folder(chosen: Path | None = None) -> Iterator[Path]:
    """Give the block the folder *chosen*, or a temporary one.

    A temporary folder is removed at the end, unless the block fails and has left logs in it: its error may
    name one, and somebody will want to read it.

    Examples
    --------
    >>> with output_folder() as folder:
    ...     folder.is_dir()
    True
    >>> folder.exists()
    False
    """
    if chosen is not None:
        yield chosen
        return
    folder = Path(tempfile.mkdtemp(prefix="harness-"))
    try:
        yield folder
    except BaseException:
        if not any(folder.rglob("*.log")):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def run_under(
    perturbation: Perturbation, run: Callable[..., PipelineResult], fixture: Path, folder: Path
) -> PipelineResult:
    """Run a pipeline on a fixture, or on a copy in *folder* if the perturbation adds noise."""
    if perturbation.noise is not None:
        noisy = folder / fixture.name
        write_archive(noisy, add_last_bit_noise(read_archive(fixture), perturbation.noise))
        fixture = noisy
    # Seed 0 is the pipeline's own default, and a pipeline need not take the parameter at all.
    seed: dict[str, Any] = {"seed": perturbation.seed} if perturbation.seed else {}
    with applied(perturbation):
        return run(fixture, folder / "output", threads=perturbation.threads, **seed)


def missing_requirement(run: Callable[..., PipelineResult]) -> DependencyError | None:
    """Return the error for what a pipeline needs and what is not installed; None if it can run.

    Only pipelines with a method ``require`` can tell before they run.

    Examples
    --------
    >>> missing_requirement(lambda *_: None) is None
    True
    """
    require = getattr(getattr(run, "func", run), "require", None)  # a partial has the pipeline as its func
    if require is None:
        return None
    try:
        require()
    except DependencyError as error:
        return error
    return None


def misread(manifest: Manifest, inputs: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Report which arrays a pipeline did not read exactly as the fixture's *manifest* describes them.

    Metrics cannot see a small loss on the way, such as data rounded to half precision or positions rounded
    to whole pixels. Digests can.

    Parameters
    ----------
    manifest : Manifest
    inputs : mapping of str to mapping
        ``inputs`` of a :class:`~harness.core.domain.interface.PipelineResult`: stage, array, digest.

    Returns
    -------
    tuple of str
        One line for each stage and array that differs; empty if none does.
    """
    expected = {name: spec.digest for name, spec in manifest.arrays.items()}
    return tuple(
        f"{stage} read {name}: expected {expected.get(name, 'no such array')}, found {digest}"
        for stage, arrays in inputs.items()
        for name, digest in arrays.items()
        if expected.get(name) != digest
    )
