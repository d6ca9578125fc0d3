"""``harness reconstruct``: run one pipeline on one fixture."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import code_root, emit, json_option, output_option, root_option, the_fixture

if TYPE_CHECKING:
    from harness.core.domain.interface import PipelineResult


@verb("reconstruct")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--pipeline", default="network", show_default=True, help="The pipeline to run.")
@output_option
@click.option("--seed", default=0, show_default=True, help="Seed of all random numbers.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Number of CPU threads.  [default: set by the pipeline; 1 for network and iterative]",
)
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
    """Trains, saves, loads in a new process and infers; prints each metric beside its controls.

    FILE is the .npz of a fixture; the default is the only golden fixture. This command runs code of the
    project.

    \b
    Example:
      harness reconstruct golden/minimal_v1.npz --pipeline iterative --output /tmp/out
    """
    from harness.core.domain.catalogue import find_catalogue
    from harness.report.progress import progress_bar

    run = find_catalogue(code_root(root)).load("pipelines", pipeline)
    fixture = file or the_fixture(root)
    folder = nullcontext(str(output)) if output else tempfile.TemporaryDirectory()
    with folder as kept, progress_bar(pipeline) as progress:
        result = run(fixture, Path(kept), seed=seed, threads=threads, progress=progress)
    plain = {field.name: getattr(result, field.name) for field in fields(result)}
    emit(plain, as_json=as_json, render=lambda: _show(result, kept=output is not None))
    return 0


def _show(result: PipelineResult, *, kept: bool) -> None:
    from harness.report.metric_tables import metric_table, print_table, stage_table

    print_table(metric_table(result))
    print_table(stage_table(result.stages))
    for note in result.notes:
        click.echo(f"note: {note}")
    for name, path in result.artifacts.items() if kept else ():
        click.echo(f"{name}: {path}")
