"""``harness run``: all steps from the generators to the verdicts of the pipelines, with a summary."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option, output_option, project_at, root_option
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from harness.core.domain.interface import PipelineResult
    from harness.core.errors import DependencyError
    from harness.core.fixtures.manifest import Manifest
    from harness.core.full_run import Step
    from harness.core.registry.golden_names import BaselineFiles
    from harness.core.storage.project import Project


@verb("run")
@click.option("--pipeline", "pipelines", multiple=True, help="Run only this pipeline (repeatable).")
@output_option
@root_option
@json_option
def command(*, pipelines: tuple[str, ...], output: Path | None, root: Path | None, as_json: bool) -> int:
    """Runs the generator of every golden fixture and compares the result with the golden file.

    Then verifies the registry, runs every pipeline that has a baseline, and compares the metrics with the
    baseline and with those of its controls. No golden file is written. Exits with 1 if something differs,
    else with 2 if a fixture could not be made (its generator failed, or a source file is missing), if the
    store gave no answer, or if what a pipeline needs is not installed. Pipelines that pyproject.toml lists
    as optional are named and left out in that case, unless --pipeline asks for them. This command runs code
    of the project: only functions of its own modules, and those that an installed package or pyproject.toml
    declares.

    \b
    Example:
      harness run --output build/run
    """
    from harness.core.domain.run_pipeline import output_folder

    project = project_at(root)
    chosen, left_out = _choose(project, pipelines)
    steps = []
    with output_folder(output) as folder:
        for step in _steps(project, folder, chosen):
            steps.append(step)
            if not as_json:
                _show_step(step)
    emit(_plain(steps, left_out), as_json=as_json, render=lambda: _show_summary(steps, left_out))
    return _exit_code(steps)


def _exit_code(steps: Iterable[Step]) -> int:
    """Return 1 if something differs, else 2 if a fixture could not be made, else 0."""
    rejected = [step for step in steps if not step.outcome.accepted]
    if not rejected:
        return 0
    return 1 if any(step.made for step in rejected) else 2


class _LeftOut(NamedTuple):
    """A pipeline that is not run: what it needs is not installed, and pyproject.toml says it is optional."""

    pipeline: str
    reason: str


class _Chosen(NamedTuple):
    """A pipeline to run, with its baseline; *missing* is the error if it cannot run."""

    run: Callable[..., PipelineResult]
    baseline: BaselineFiles
    missing: DependencyError | None


def _choose(project: Project, names: tuple[str, ...]) -> tuple[list[_Chosen], list[_LeftOut]]:
    """Return the pipelines to run, all that have a baseline or those of *names*, and those that are not.

    Raises
    ------
    UsageError
        A name has no baseline.
    DependencyError
        What a named pipeline needs is not installed.
    """
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.domain.run_pipeline import missing_requirement
    from harness.core.domain.settings import optional_pipelines
    from harness.core.registry.golden_names import pipeline_baselines

    catalogue, optional = find_catalogue(project.root), optional_pipelines(project.root)
    baselines = [
        item
        for item in pipeline_baselines(project, catalogue.pipelines)
        if not names or item.pipeline in names
    ]
    _require_known(names, {item.pipeline for item in baselines})
    chosen, left_out = [], {}
    for item in baselines:
        run = catalogue.load("pipelines", item.pipeline)
        missing = missing_requirement(run)
        if missing is not None and names:
            raise missing
        if missing is not None and item.pipeline in optional:
            left_out[item.pipeline] = _LeftOut(item.pipeline, str(missing))
        else:
            chosen.append(_Chosen(run, item, missing))
    return chosen, list(left_out.values())


def _steps(project: Project, folder: Path, chosen: list[_Chosen]) -> Iterator[Step]:
    """Run the steps in order and yield the result of each when it has ended."""
    from harness.core.fixtures.manifest import read_manifest
    from harness.core.full_run import compare_step, failed_step, pipeline_step, verify_step
    from harness.core.registry.golden_names import fixtures, manifest_of
    from harness.report.terminal.progress import progress_bar

    manifests = {golden: read_manifest(manifest_of(golden)) for golden in fixtures(project)}
    generated = {golden: one for golden, one in manifests.items() if not one.generator.is_test}
    _require_work(project, [*generated, *chosen])
    for golden, manifest in generated.items():
        step = _generate(project, manifest, folder)
        yield step
        if step.outcome.accepted:
            yield compare_step(golden, folder)
    yield verify_step(project)
    for run, (fixture, pipeline, baseline), missing in chosen:
        if missing is not None:
            yield failed_step(f"pipeline {pipeline}", missing)
            continue
        with progress_bar(pipeline) as progress:  # it is gone before the result is shown
            step = pipeline_step(run, fixture, baseline, folder / pipeline, progress)
        yield step


def _generate(project: Project, manifest: Manifest, folder: Path) -> Step:
    """Run a generator again; one that fails is a step that failed, and the run goes on."""
    from harness.core.domain.generators import is_simulated
    from harness.core.full_run import failed_step, generate_step
    from harness.core.rerun.sources import find_any

    try:
        source = None if is_simulated(manifest, project.root) else find_any(project, manifest.source)
        return generate_step(project, manifest, folder, source)
    except Exception as error:  # noqa: BLE001 - a generator may raise anything; bugs of ours are raised again
        return failed_step(f"generate {manifest.name}", error)


def _require_work(project: Project, work: Sequence[object]) -> None:
    """Raise UsageError if there is no fixture to make again and no pipeline to run."""
    if not work:
        raise UsageError(
            str(project.registry),
            expected="a golden fixture or the baseline of a pipeline",
            found="neither",
            message=f"nothing to run: {project.registry} has no fixture with a generator and no pipeline's "
            "baseline",
            remedy="Record a fixture with `pytest --force-regen`. pytest itself checks what tests compute.",
        )


def _require_known(chosen: tuple[str, ...], known: set[str]) -> None:
    """Raise UsageError if a chosen pipeline has no baseline."""
    unknown = sorted(set(chosen) - known)
    if unknown:
        raise UsageError(
            f"--pipeline {unknown[0]}",
            expected="a pipeline with a golden baseline",
            found="a name that has none",
            message=f"pipeline {unknown[0]!r} has no baseline",
            remedy=f'Record one with `harness calibrate {unknown[0]} --reason "..."`.',
        )


def _show_step(step: Step) -> None:
    from harness.report.drift import drift_lines
    from harness.report.metric_tables import control_table, stage_table, verdict_table
    from harness.report.terminal.screen import screen_of, show_lines
    from harness.report.terminal.table import show_table
    from harness.report.verdicts import metric_lines, verdict_lines

    show_lines([f"{step.name}: {step.outcome.value} ({step.seconds:.1f} s)"])
    lines = drift_lines(step.drift, screen=screen_of()) if step.drift else []
    lines += verdict_lines(step.verdicts)
    if step.comparison:
        pipeline, metrics = step.comparison.result.pipeline, step.comparison.metrics
        tables = [verdict_table(pipeline, metrics), control_table(pipeline, metrics)]
        for table in (*tables, stage_table(step.comparison.result.stages, f"{pipeline}: stages")):
            show_lines([""])
            show_table(table)
        show_lines([""])
        lines += metric_lines(metrics)
    show_lines(f"  {line}" for line in lines)


def _show_summary(steps: list[Step], left_out: Sequence[_LeftOut]) -> None:
    from harness.report.metric_tables import summary_table
    from harness.report.terminal.screen import show_lines
    from harness.report.terminal.table import show_table

    rows = [
        {"step": s.name, "verdict": s.outcome.value, "seconds": f"{s.seconds:.1f}", "detail": s.detail}
        for s in steps
    ]
    show_lines([""])
    show_table(summary_table(rows))
    refused = [step for step in steps if not step.outcome.accepted]
    total = sum(step.seconds for step in steps)
    verdict = "all steps passed" if not refused else f"{refused[0].name}: {refused[0].outcome.value}"
    lines = [f"not run: {one.pipeline} (optional): {one.reason}" for one in left_out]
    lines += [f"verdict: {verdict}{_but(left_out)} ({total:.1f} s)"]
    show_lines([*lines, *(_next(refused[0]) if refused else ())])


def _but(left_out: Sequence[_LeftOut]) -> str:
    """Return how many pipelines were not run, as the end of a verdict."""
    count = len(left_out)
    return f"; {count} optional pipeline{'s' if count > 1 else ''} not run" if count else ""


def _next(step: Step) -> list[str]:
    """Return the command that finds out why a step was refused."""
    verb, _, name = step.name.partition(" ")
    if verb == "pipeline":
        return [
            f"next: harness reconstruct --pipeline {shlex.quote(name)} --output build/{shlex.quote(name)}"
        ]
    return ["next: harness status" if verb == "verify" else f"next: harness reproduce {shlex.quote(name)}"]


def _plain(steps: list[Step], left_out: Sequence[_LeftOut]) -> dict[str, Any]:
    shown = [
        {
            "name": step.name,
            "outcome": step.outcome,
            "detail": step.detail,
            "seconds": step.seconds,
            "verdicts": [verdict._asdict() for verdict in step.verdicts],
            "metrics": step.comparison.metrics if step.comparison else (),
            "stages": step.comparison.result.stages if step.comparison else (),
        }
        for step in steps
    ]
    return {
        "accepted": all(s.outcome.accepted for s in steps),
        "steps": shown,
        "not_run": [one._asdict() for one in left_out],
    }
