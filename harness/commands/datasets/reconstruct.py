"""``harness reconstruct``: run one pipeline on one fixture."""

from __future__ import annotations

import shlex
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.datasets.reading_options import reading_options
from harness.commands.group import verb
from harness.commands.options import code_root, emit, json_option, output_option, root_option, the_fixture
from harness.core.storage import project as projects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.baselines.baseline import MetricVerdict
    from harness.core.domain.interface import PipelineResult


COLLAPSED = (
    "The result is not better than a trivial one. Check the dataset first: if it is accepted, the pipeline "
    "is broken, or its options do not suit these data."
)
WITHOUT_CONTROLS = "note: the pipeline has no controls, so nothing shows that its result is better than none."


@verb("reconstruct")
@click.argument("file", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--pipeline", default="network", show_default=True, help="The pipeline to run.")
@output_option
@click.option("--seed", default=0, show_default=True, help="Seed of all random numbers.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Number of CPU threads.  [default: set by the pipeline; 1 for those of ptychography]",
)
@reading_options
@root_option
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    *,
    file: Path | None,
    pipeline: str,
    output: Path | None,
    seed: int,
    threads: int | None,
    root: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Trains, saves, loads in a new process and infers; prints each metric beside its controls.

    FILE is the .npz of a fixture, or a dataset of any format that `harness convert --formats` lists; the
    default is the only golden fixture. Exits with 1 if a metric that must
    beat its controls does not. This command runs code of the project.

    \b
    Example:
      harness reconstruct golden/minimal_v1.npz --pipeline iterative --output /tmp/out
    """
    from harness.commands.datasets.reading import as_archive
    from harness.core.baselines.controls import compare_with_controls
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.domain.run_pipeline import output_folder
    from harness.report.terminal.progress import progress_bar

    catalogue = find_catalogue(code_root(root))
    run = catalogue.load("pipelines", pipeline)
    fixture = file or the_fixture(root)
    with (
        output_folder(output) as folder,
        as_archive(fixture, catalogue, **options) as archive,
        progress_bar(pipeline) as progress,
    ):
        result = run(archive, folder, seed=seed, threads=threads, progress=progress)
    verdicts = compare_with_controls(result.metrics, result.controls, result.better, decisive=result.decisive)
    collapsed = [verdict for verdict in verdicts if not verdict.outcome.accepted]
    plain = {field.name: getattr(result, field.name) for field in fields(result)}
    plain |= {"accepted": not collapsed, "collapsed": collapsed}
    command = f"harness check {shlex.quote(str(fixture))}" if collapsed else _next(root, fixture, pipeline)
    emit(plain, as_json=as_json, render=lambda: _show(result, collapsed, command, kept=output is not None))
    return 1 if collapsed else 0


def _next(root: Path | None, fixture: Path, pipeline: str) -> str:
    """Return the command that judges the metrics by their baseline, or that measures one."""
    project = projects.nearest_registry(root.resolve() if root else Path.cwd())
    baseline = fixture.with_name(f"{fixture.stem}.{pipeline}.json")
    if project is not None and baseline.is_file():
        return f"harness run --pipeline {shlex.quote(pipeline)}"
    return f'harness calibrate {shlex.quote(pipeline)} --reason "..."'


def _show(result: PipelineResult, collapsed: Sequence[MetricVerdict], command: str, *, kept: bool) -> None:
    from harness.report.metric_tables import metric_table, stage_table
    from harness.report.plain_lines import plain_line
    from harness.report.terminal.screen import show_lines
    from harness.report.terminal.table import show_table
    from harness.report.verdicts import metric_lines

    for table in (metric_table(result), stage_table(result.stages)):
        show_table(table)
        show_lines([""])
    lines = [f"note: {note}" for note in result.notes]
    lines += [f"{name}: {path}" for name, path in result.artifacts.items()] if kept else []
    if collapsed:
        lines += [*metric_lines(collapsed), COLLAPSED]
    elif not result.controls:
        lines += [WITHOUT_CONTROLS]
    show_lines(map(plain_line, [*lines, f"next: {command}"]))
