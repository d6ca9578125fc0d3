"""``harness calibrate``: measure a pipeline's baseline by repeated runs."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import (
    code_root,
    command_line,
    emit,
    json_option,
    project_at,
    project_to_write,
    root_option,
    the_fixture,
)
from harness.core.system.ci import require_not_ci

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.baselines.baseline import Baseline
    from harness.core.domain.run_pipeline import Call, Run
    from harness.core.recording.staged import Staged
    from harness.core.registry.format import Kind
    from harness.core.storage.project import Project

_FEWEST = 2


@verb("calibrate")
@click.argument("pipeline", required=False)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--runs", type=click.IntRange(min=_FEWEST), default=12, show_default=True, help="Number of runs."
)
@click.option(
    "--seeds",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Number of extra runs with other seeds.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of runs at the same time.",
)
@click.option("--reason", required=True, help="Why the baseline changes; kept in its record.")
@root_option
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    *,
    pipeline: str | None,
    file: Path | None,
    runs: int,
    seeds: int,
    jobs: int,
    reason: str,
    root: Path | None,
    as_json: bool,
) -> int:
    """Records the metrics of PIPELINE on FILE with tolerances and samples.

    The first run is unperturbed. The others vary the number of threads (1 or 2), the CPU kernels and the last
    bit of the inputs, as another machine would. A tolerance covers all but one in 1,000 such runs. Runs with
    other seeds are reported separately. Without PIPELINE, every pipeline that has a baseline is measured
    again. This command runs code of the project.

    \b
    Example:
      harness calibrate network --jobs 2 --reason "first baseline"
    """
    require_not_ci()
    fixture = file or the_fixture(root)
    names = [pipeline] if pipeline else _with_baseline(fixture, root)
    measured = {
        _baseline_name(fixture, name, root): _measure(name, fixture, runs, seeds, jobs, root, silent=as_json)
        for name in names
    }
    _record(measured, reason, root)
    baselines = {name: baseline for name, (baseline, _) in measured.items()}
    emit({"baselines": baselines}, as_json=as_json, render=lambda: _show(baselines))
    return 0


def _baseline_name(fixture: Path, pipeline: str, root: Path | None) -> str:
    """Return the name of the baseline of a pipeline on a fixture."""
    from harness.core.storage.names import require_golden_name

    name = f"{_fixture_name(fixture, project_to_write(root))}.{pipeline}"
    require_golden_name("baseline", name, dots=True)
    return name


def _fixture_name(fixture: Path, project: Project) -> str:
    """Return a fixture's name: its path in the golden directory, or, outside of it, that of its file."""
    file, golden = fixture.resolve(), project.golden.resolve()
    inside = file.relative_to(golden) if file.is_relative_to(golden) else Path(file.name)
    return inside.with_suffix("").as_posix()


def _with_baseline(fixture: Path, root: Path | None) -> list[str]:
    """Return the pipelines that have a golden baseline on *fixture*.

    Raises
    ------
    UsageError
        If there are none.
    """
    from harness.core.errors import UsageError
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.registry.golden_names import pipeline_baselines

    project = project_at(root)
    wanted = _fixture_name(fixture, project)
    measured = pipeline_baselines(project, find_catalogue(project.root).pipelines)
    found = [name for archive, name, _ in measured if _fixture_name(archive, project) == wanted]
    if not found:
        raise UsageError(
            "PIPELINE",
            expected=f"the name of a pipeline, or a recorded baseline for {fixture.name}",
            found="neither",
            message=f"no pipeline is named, and {fixture.name} has no baseline",
            remedy="Name a pipeline: `harness calibrate PIPELINE`.",
        )
    return found


def _measure(  # noqa: PLR0913, PLR0917 - one parameter an option
    pipeline: str, fixture: Path, runs: int, seeds: int, jobs: int, root: Path | None, *, silent: bool
) -> tuple[Baseline, bytes | None]:
    """Make all runs; return the baseline, and the .npz bytes that its values were measured on."""
    from harness.core.baselines.calibrate import calibrated_baseline
    from harness.core.baselines.perturbations import other_seeds, perturbations
    from harness.core.domain.run_pipeline import Call
    from harness.core.storage.digest import digest_arrays
    from harness.core.storage.npz import read_archive

    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "measured.npz"
        calls = [
            Call(code_root(root), pipeline, fixture.resolve(), perturbation)
            for perturbation in (*perturbations(runs), *other_seeds(seeds))
        ]
        calls[0] = replace(calls[0], keep=kept)
        done = _all(calls, jobs, silent=silent)
        arrays = kept.read_bytes() if kept.is_file() else None
    samples = [run.sample for run in done]
    return calibrated_baseline(
        samples[:runs],
        better=done[0].better,
        resolution=done[0].resolution,
        fixture=digest_arrays(read_archive(fixture)),
        seeds=samples[runs:],
        measure=done[0].measure,
    ), arrays


def _all(calls: list[Call], jobs: int, *, silent: bool) -> list[Run]:
    """Make all runs, print a line as each ends, and return them in the order of *calls*."""
    from harness.core.domain.run_pipeline import perform
    from harness.core.system.parallel import in_processes

    done: dict[int, Run] = {}
    start = time.monotonic()
    for number, run in in_processes(perform, calls, jobs):
        done[number] = run
        seconds_left = (len(calls) - len(done)) * (time.monotonic() - start) / len(done)
        if not silent:
            _show_run(number + 1, len(calls), calls[number].pipeline, run, seconds_left)
    return [done[number] for number in range(len(calls))]


def _record(measured: Mapping[str, tuple[Baseline, bytes | None]], reason: str, root: Path | None) -> None:
    """Commit the baselines and the arrays behind them as golden files, in one transaction."""
    from harness.core.recording.commit import commit
    from harness.core.recording.plan import plan

    project = project_to_write(root)
    with tempfile.TemporaryDirectory() as folder:
        staged = [
            item
            for name, (baseline, arrays) in measured.items()
            for item in _staged(Path(folder), f"{project.golden_name}/{name}", baseline, arrays)
        ]
        commit(project, plan(project, staged), reason=reason, command=command_line())


def _staged(folder: Path, name: str, baseline: Baseline, arrays: bytes | None) -> Iterator[Staged]:
    """Write the baseline and its arrays to *folder*, and yield both as staged files."""
    from harness.core.baselines.baseline import encode_baseline
    from harness.core.recording.staged import Staged
    from harness.core.storage.atomic import replace_file

    kinds: dict[str, tuple[Kind, bytes | None]] = {
        ".json": ("baseline", encode_baseline(baseline)),
        ".npz": ("result", arrays),
    }
    for suffix, (kind, data) in kinds.items():
        if data is not None:
            path = folder / f"{Path(name).name}{suffix}"
            replace_file(path, data)
            yield Staged(f"{name}{suffix}", kind, path)


def _show_run(number: int, runs: int, pipeline: str, run: Run, seconds_left: float) -> None:
    """Print what was perturbed in one run, and how long the others will take."""
    perturbation = run.sample.perturbation
    described = perturbation.describe()
    kernels = described.get("ATEN_CPU_CAPABILITY", "native")
    noise = f", noise {perturbation.noise}" if perturbation.noise is not None else ""
    seed = f", seed {described['seed']}" if "seed" in described else ""
    threads = described["threads"] + (" thread" if described["threads"] == "1" else " threads")
    click.echo(
        f"{pipeline} {number}/{runs}: {threads}, {kernels} kernels{noise}{seed}; "
        f"about {seconds_left:.0f} s left"
    )


def _show(baselines: Mapping[str, Baseline]) -> None:
    from harness.report.metric_tables import calibration_table, print_table

    for name, baseline in baselines.items():
        click.echo(f"recorded {name}")
        print_table(calibration_table(baseline))
