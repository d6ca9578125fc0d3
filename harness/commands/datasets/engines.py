"""``harness engines``: all pipelines and engines on one fixture, side by side."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.datasets.reading_options import reading_options
from harness.commands.group import verb
from harness.commands.options import code_root, emit, json_option, output_option, root_option, the_fixture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.compared_runs import Clock, ComparedRun, Run
    from harness.core.domain.catalogue import Catalogue
    from harness.core.domain.interface import Comparison

TABLE_FILE = "engines.md"
PICTURE_FILE = "engines.png"
JSON_FILE = "engines.json"
"""Files that ``--output`` gets, beside a folder for each pipeline."""


@verb("engines")
@click.argument("file", required=False, type=click.Path(exists=True, path_type=Path), metavar="[FIXTURE]")
@click.option(
    "--engine",
    "names",
    multiple=True,
    metavar="NAME",
    help="Run only this pipeline (repeatable).  [default: all that the domain compares]",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Time for each engine.  [default: that of the slowest pipeline of our own]",
)
@click.option(
    "--clock",
    type=click.Choice(["wall", "cpu"]),
    default="wall",
    show_default=True,
    help="Which time; CPU time says more on a busy machine.",
)
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="Runs, for medians.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads.")
@output_option
@reading_options
@root_option
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    *,
    file: Path | None,
    names: tuple[str, ...],
    seconds: float | None,
    clock: Clock,
    runs: int,
    threads: int,
    output: Path | None,
    root: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Runs each engine in a process of its own and prints what it costs and what it reaches.

    FIXTURE is the .npz of a fixture, or a dataset of any format that `harness convert --formats` lists; the
    default is the only golden fixture. Engines end after --seconds, imports included; our own
    pipelines end by themselves. Before anything is reconstructed, what an engine predicts from the stored
    object and probe must be what we predict; the time for that does not count. With --output, the table, the
    figures and a picture are kept.

    Engines that are not installed are listed. Exits with 1 if one failed, or is not ahead of its controls;
    with 2 if none could run, or one that --engine names is not installed. This command runs code of the
    project.

    \b
    Examples:
      harness engines golden/minimal_v1.npz --seconds 4 --output build/engines
      harness engines scan.cxi --engine cdtools --engine iterative
    """
    from harness.commands.datasets.reading import as_archive
    from harness.core.compared_runs import compare_runs
    from harness.core.domain.catalogue import find_catalogue
    from harness.report.terminal.progress import progress_bar

    catalogue = find_catalogue(code_root(root))
    comparison = catalogue.load_comparison()
    pipelines = _pipelines(catalogue, comparison, names)
    fixture = file or the_fixture(root)
    folder = nullcontext(str(output)) if output else tempfile.TemporaryDirectory()
    with (
        folder as kept,
        as_archive(fixture, catalogue, **options) as archive,
        progress_bar("engines") as progress,
    ):
        place = Path(kept)
        found = compare_runs(
            pipelines,
            archive,
            place,
            seconds=seconds,
            clock=clock,
            runs=runs,
            threads=threads,
            progress=progress,
        )
        plain = {"seconds": seconds, "clock": clock, **_plain(found)}
        if output:
            _write(place, archive, comparison, found, plain)
    emit(plain, as_json=as_json, render=lambda: _show(found, comparison, output))
    return _exit_code(found)


def _exit_code(found: Sequence[ComparedRun]) -> int:
    """Return 2 if nothing ran, else 1 if one failed or is not ahead of its controls, else 0."""
    tried = [one for one in found if not one.missing]
    if not tried:
        return 2
    return 1 if any(one.problem or one.behind for one in tried) else 0


def _pipelines(catalogue: Catalogue, comparison: Comparison, names: tuple[str, ...]) -> dict[str, Run]:
    """Return the pipelines to run, by name.

    Raises
    ------
    UsageError
        A name is not that of a pipeline.
    DependencyError
        What a named one needs is not installed.
    """
    from harness.core.domain.run_pipeline import missing_requirement

    chosen = names or tuple(dict.fromkeys((*comparison.pipelines, *catalogue.engines)))
    loaded = {name: catalogue.load("pipelines", name) for name in chosen}
    for run in loaded.values() if names else ():
        missing = missing_requirement(run)
        if missing is not None:
            raise missing
    return loaded


def _plain(found: Sequence[ComparedRun]) -> dict[str, Any]:
    keys = (
        "pipeline",
        "runs",
        "limited",
        "seconds",
        "cpu_seconds",
        "peak_mb",
        "metrics",
        "controls",
        "behind",
        "record",
        "problem",
        "missing",
    )
    rows = [{key: getattr(one, key) for key in keys} for one in found]
    return {"accepted": _exit_code(found) == 0, "engines": rows}


def _write(
    place: Path,
    archive: Path,
    comparison: Comparison,
    found: Sequence[ComparedRun],
    plain: Mapping[str, Any],
) -> None:
    """Write the table, the figures and the picture into the folder *place*."""
    from harness.core.storage.documents import encode_document
    from harness.report.metric_tables import engine_page

    results = {one.pipeline: one.result for one in found if one.result is not None}
    (place / TABLE_FILE).write_text(engine_page(found, comparison.metrics), encoding="utf-8")
    (place / JSON_FILE).write_bytes(encode_document(dict(plain)))
    if results:
        comparison.picture(archive, results, place / PICTURE_FILE)


def _show(found: Sequence[ComparedRun], comparison: Comparison, output: Path | None) -> None:
    from harness.report.metric_tables import engine_cost_table, engine_lines, engine_metric_table
    from harness.report.plain_lines import plain_line
    from harness.report.terminal.screen import show_lines
    from harness.report.terminal.table import show_table

    show_table(engine_cost_table(found))
    show_lines([""])
    show_table(engine_metric_table(found, comparison.metrics))
    show_lines([""])
    lines = list(engine_lines(found))
    if output:
        files = {"table": TABLE_FILE, "figures": JSON_FILE, "picture": PICTURE_FILE}
        lines += [f"{what}: {output / file}" for what, file in files.items() if (output / file).exists()]
    show_lines(map(plain_line, lines))
