"""``harness reproduce``: run the recorded generators again and compare the results with golden files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from harness.commands.group import verb
from harness.commands.options import (
    chosen_executor,
    emit,
    executor_options,
    json_option,
    project_at,
    root_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.core.provenance.inert_parameters import Parameter
    from harness.core.provenance.reproduce import RecordedManifest, Reproduction
    from harness.core.storage.project import Project
    from harness.core.system.executors.interface import Executor

    Made = tuple[Reproduction, tuple[Parameter, ...]]


class _Asked(NamedTuple):
    """Fixtures to make again together, and where their sources are."""

    project: Project
    chosen: tuple[RecordedManifest, ...]
    source: Path | None
    liveness: bool


@verb("reproduce")
@click.argument("name", required=False)
@click.option(
    "--liveness",
    is_flag=True,
    help="Also change each recorded number slightly, and report those without any effect.",
)
@click.option(
    "--source",
    type=click.Path(exists=True, path_type=Path),
    help="File or directory to search for source files first, before those in pyproject.toml.",
)
@executor_options
@root_option
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    *,
    name: str | None,
    liveness: bool,
    source: Path | None,
    executor: str | None,
    dask: str | None,
    root: Path | None,
    as_json: bool,
) -> int:
    """Runs the generator of every golden fixture, or of the one called NAME.

    Each generator runs in a separate process and directory, and tests with `arrays_regression` in pytest. A
    fixture is reproduced, within tolerance, or drifted. For a drifted one the cause is reported (code,
    environment, data or nondeterminism), with all that has changed since it was recorded. Exits with 1 if a
    fixture drifted or a parameter has no effect, else with 2 if a fixture could not be made: its source file
    is missing, or its generator cannot be imported. This command runs code of the project: only functions of
    its own modules, its tests, and what an installed package or pyproject.toml declares.

    \b
    Examples:
      harness reproduce minimal_v1
      harness reproduce --liveness --source ~/scans
      harness reproduce --dask tcp://127.0.0.1:8786
    """
    from harness.core.provenance.reproduce import recorded_manifests
    from harness.report.terminal.progress import progress_bar

    project = project_at(root)
    where = chosen_executor(executor, dask, project=project)
    asked = _Asked(project, recorded_manifests(project, name), source, liveness)
    with progress_bar("reproduce") as progress:
        results = make_again(asked, progress) if dask is None else _make_elsewhere(asked, where, progress)
    plain = {"fixtures": [_plain(made, parameters) for made, parameters in results]}
    emit(plain, as_json=as_json, render=lambda: _show(results))
    return _exit_code(results)


def make_again(
    asked: _Asked, progress: Callable[[str, float], None] = lambda _stage, _fraction: None
) -> list[Made]:
    """Make fixtures again and examine their parameters, if asked for; all tests among them run once."""
    from harness.core.fixtures.manifest import read_manifest
    from harness.core.provenance.reproduce import reproduce
    from harness.core.rerun.reproducible import remade_by_tests

    project, chosen, source, liveness = asked
    results = []
    paths = [recorded.path for recorded in chosen]
    if any(read_manifest(path).generator.is_test for path in paths):
        progress("the tests of recorded arrays", 0.0)
    with remade_by_tests(paths, project.root) as remade:
        for number, recorded in enumerate(chosen):
            progress(project.relative(recorded.path), number / len(chosen))
            made = reproduce(project, recorded, source, remade)
            parameters = _examine(project, recorded.path, made, source) if liveness else ()
            results.append((made, parameters))
    return results


def _make_elsewhere(asked: _Asked, executor: Executor, progress: Callable[[str, float], None]) -> list[Made]:
    """Make fixtures again on a cluster: each by itself, but those of one test module together."""
    from harness.core.system.executors.interface import run_in_order

    groups = list(_groups(asked.chosen))
    progress("golden fixtures", 0.0)
    found = run_in_order(
        executor,
        make_again,
        [asked._replace(chosen=tuple(asked.chosen[number] for number in group)) for group in groups],
        label=lambda one: ", ".join(asked.project.relative(recorded.path) for recorded in one.chosen),
        on_result=lambda _index, _made, done: progress("golden fixtures", done / len(groups)),
    )
    made = {
        number: one
        for group, ones in zip(groups, found, strict=True)
        for number, one in zip(group, ones, strict=True)
    }
    return [made[number] for number in range(len(asked.chosen))]


def _groups(chosen: Sequence[RecordedManifest]) -> Iterator[list[int]]:
    """Yield the positions of fixtures that are made together."""
    from harness.core.fixtures.manifest import read_manifest

    of_tests: dict[str, list[int]] = {}
    for number, recorded in enumerate(chosen):
        generator = read_manifest(recorded.path).generator
        if generator.is_test:
            of_tests.setdefault(str(generator.test).partition("::")[0], []).append(number)
        else:
            yield [number]
    yield from of_tests.values()


def _examine(project: Project, path: Path, made: Reproduction, given: Path | None) -> tuple[Parameter, ...]:
    """Return which parameters have an effect; nothing if the generator failed or is not deterministic."""
    from harness.core.fixtures.manifest import read_manifest
    from harness.core.provenance.inert_parameters import examine_parameters
    from harness.core.provenance.reproduce import Cause
    from harness.core.rerun.sources import find_any

    if made.digest is None or made.cause is Cause.NONDETERMINISM:
        return ()
    manifest = read_manifest(path)
    if manifest.generator.is_test:  # it has no parameters of its own
        return ()
    return examine_parameters(
        manifest, made.digest, find_any(project, manifest.source, given), root=project.root
    )


def _show(results: Sequence[tuple[Reproduction, tuple[Parameter, ...]]]) -> None:
    from harness.report.plain_lines import plain_line
    from harness.report.reproduction import next_lines, parameter_lines, reproduction_lines
    from harness.report.terminal.screen import screen_of, show_lines

    lines = [
        line
        for made, parameters in results
        for line in (*reproduction_lines(made, screen_of()), *parameter_lines(parameters))
    ]
    show_lines(map(plain_line, [*lines, *next_lines([made for made, _ in results])]))


def _plain(made: Reproduction, parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    return {
        "name": made.name,
        "result": made.result,
        "cause": made.cause,
        "detail": made.detail,
        "digest": made.digest,
        "differing": [asdict(item) for item in made.differing],
        "farthest": made.farthest and asdict(made.farthest),
        "parameters": [asdict(item) for item in parameters],
    }


def _exit_code(results: Iterable[tuple[Reproduction, tuple[Parameter, ...]]]) -> int:
    from harness.core.provenance.reproduce import Result

    results = list(results)
    inert = any(not parameter.live for _, parameters in results for parameter in parameters)
    if inert or any(made.result is Result.DRIFTED for made, _ in results):
        return 1
    return 2 if any(made.result in {Result.SOURCE_MISSING, Result.CANNOT_TELL} for made, _ in results) else 0
