"""``harness reconstruct``: one pipeline on one fixture."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.options import emit, json_option, root_option, the_fixture

if TYPE_CHECKING:
    from harness.core.domain.interface import PipelineResult


@click.command("reconstruct")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--pipeline", default="network", show_default=True, help="Which pipeline to run.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Keep what it writes here.")
@click.option("--seed", default=0, show_default=True, help="Seed of every random number.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads to compute with; by default all.")
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
) -> int:
    """Train, save, load in a new process and infer on FILE; print metrics beside their controls.

    FILE is a fixture's .npz; by default the only golden one.

    \b
    Example:
      harness reconstruct golden/minimal_v1.npz --pipeline iterative --output /tmp/out
    """
    from harness.core.domain.catalogue import find_catalogue
    from harness.report.progress import progress_bar

    run = find_catalogue(root or Path.cwd()).load("pipelines", pipeline)
    fixture = file or the_fixture(root)
    folder = nullcontext(str(output)) if output else tempfile.TemporaryDirectory()
    with folder as kept, progress_bar(pipeline) as progress:
        result = run(fixture, Path(kept), seed=seed, threads=threads, progress=progress)
    emit(result, as_json=as_json, render=lambda: _show(result, kept=output is not None))
    return 0


def _show(result: PipelineResult, *, kept: bool) -> None:
    from harness.report.metric_tables import metric_table, show, stage_table

    show(metric_table(result))
    show(stage_table(result.stages))
    for note in result.notes:
        click.echo(f"note: {note}")
    for name, path in result.artifacts.items() if kept else ():
        click.echo(f"{name}: {path}")
