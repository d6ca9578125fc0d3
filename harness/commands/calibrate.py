"""``harness calibrate``: repeated runs of a pipeline become its baseline."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.options import emit, json_option, project_to_write, root_option, the_fixture
from harness.core.ci import require_not_ci

if TYPE_CHECKING:
    from harness.core.baseline import Baseline
    from harness.core.calibrate import Condition, Sample
    from harness.core.domain import PipelineResult

_FEWEST = 2


@click.command("calibrate")
@click.argument("pipeline")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--runs", type=click.IntRange(min=_FEWEST), default=8, show_default=True, help="Runs to make.")
@click.option("--reason", required=True, help="Why the baseline changes; kept in registry.json.")
@root_option
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    pipeline: str, file: Path | None, runs: int, reason: str, root: Path | None, *, as_json: bool
) -> int:
    """Run PIPELINE repeatedly on FILE and record metrics, tolerances and samples as its baseline.

    The runs take turns with 1 and 2 threads, with the processor's own kernels and portable ones, and with
    noise in the last bit of the inputs, as on another machine. Each tolerance is found from the samples,
    which the baseline keeps.

    \b
    Example:
      harness calibrate network --reason "first baseline"
    """
    from harness.core.archive import read_archive
    from harness.core.calibrate import Sample, calibrated, conditions
    from harness.core.digest import digest_arrays

    require_not_ci()
    fixture = file or the_fixture(root)
    taken = []
    for number, condition in enumerate(conditions(runs), start=1):
        result = _run(pipeline, fixture, condition, f"{pipeline} {number}/{runs}", root)
        taken.append(Sample(condition, result.metrics, result.controls))
        if not as_json:
            _show_sample(number, taken[-1])
    digest = digest_arrays(read_archive(fixture))
    baseline = calibrated(taken, better=result.better, resolution=result.resolution, fixture=digest)
    path = _record(f"{fixture.stem}.{pipeline}.json", baseline, reason, root)
    emit(baseline, as_json=as_json, render=lambda: _show(path, baseline))
    return 0


def _run(pipeline: str, fixture: Path, condition: Condition, label: str, root: Path | None) -> PipelineResult:
    from harness.core.calibrate import applied
    from harness.core.catalogue import find_catalogue
    from harness.report.progress import progress_bar

    run = find_catalogue(root or Path.cwd()).load("pipelines", pipeline)
    with tempfile.TemporaryDirectory() as folder, applied(condition), progress_bar(label) as progress:
        inputs = _inputs(fixture, condition, Path(folder))
        output = Path(folder) / "output"
        result: PipelineResult = run(inputs, output, threads=condition.threads, progress=progress)
    return result


def _inputs(fixture: Path, condition: Condition, folder: Path) -> Path:
    """The fixture, or a copy with noise in its last bits."""
    if condition.noise is None:
        return fixture
    from harness.core.archive import read_archive, write_archive
    from harness.core.perturb import with_last_bit_noise

    noisy = folder / fixture.name
    write_archive(noisy, with_last_bit_noise(read_archive(fixture), condition.noise))
    return noisy


def _record(filename: str, baseline: Baseline, reason: str, root: Path | None) -> str:
    """Commit the baseline as golden, and register it."""
    from harness.core.baseline import encode_baseline
    from harness.core.document import replace_file
    from harness.core.regenerate import Staged, commit, plan

    project = project_to_write(root)
    relative = f"{project.golden_name}/{filename}"
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder) / filename
        replace_file(staged, encode_baseline(baseline))
        changes = plan(project, [Staged(relative, "baseline", staged)])
        commit(project, changes, reason=reason, command=shlex.join(["harness", *sys.argv[1:]]))
    return relative


def _show_sample(number: int, sample: Sample) -> None:
    settings = ", ".join(f"{key} {value}" for key, value in sample.condition.describe().items())
    click.echo(f"run {number} ({settings})")
    click.echo("  " + ", ".join(f"{name} {value:.5g}" for name, value in sample.metrics.items()))


def _show(path: str, baseline: Baseline) -> None:
    click.echo(f"recorded {path}")
    for name, metric in baseline.metrics.items():
        click.echo(f"  {name}: {metric.value:.6g} +/- {metric.tolerance:.2g}")
