"""``harness reproduce``: the declared generators, run again in a clean process and compared."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.options import json_option, project_at, root_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.core.provenance.inert_parameters import Parameter
    from harness.core.provenance.reproduce import Reproduction
    from harness.core.storage.project import Project


@click.command("reproduce")
@click.argument("name", required=False)
@click.option(
    "--liveness", is_flag=True, help="Change each recorded number slightly; report those that do nothing."
)
@click.option(
    "--source",
    type=click.Path(exists=True, path_type=Path),
    help="File or directory to look for sources in, before those that pyproject.toml lists.",
)
@root_option
@json_option
def command(
    *, name: str | None, liveness: bool, source: Path | None, root: Path | None, as_json: bool
) -> int:
    """Make golden fixtures again and say how near they come: all of them, or the one called NAME.

    Each generator runs in a process and a directory of its own. What comes out is reproduced, within
    tolerance, or drifted; a drift is put down to code, environment, data or nondeterminism, with all that is
    not as it was recorded. Exit codes: 1 for a drift or an inert parameter, else 2 for a missing source.

    \b
    Examples:
      harness reproduce minimal_v1
      harness reproduce --liveness --source ~/scans
    """
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.provenance.reproduce import manifests, reproduce

    project = project_at(root)
    find_catalogue(project.root)  # the project's own modules become importable
    results = []
    for path, record in manifests(project, name):
        made = reproduce(project, path, record, source)
        parameters = _examine(project, path, made, source) if liveness else ()
        results.append((made, parameters))
        if not as_json:
            _show(made, parameters)
    if as_json:
        _emit(results)
    return _exit_code(results)


def _examine(project: Project, path: Path, made: Reproduction, given: Path | None) -> tuple[Parameter, ...]:
    """Liveness of each parameter, where the generator runs and makes the same arrays every time."""
    from harness.core.domain.sources import find_any
    from harness.core.fixtures.manifest import read_manifest
    from harness.core.provenance.inert_parameters import examine
    from harness.core.provenance.reproduce import Cause

    if made.digest is None or made.cause is Cause.NONDETERMINISM:
        return ()
    manifest = read_manifest(path)
    return examine(manifest, made.digest, find_any(project, manifest.source, given))


def _show(made: Reproduction, parameters: tuple[Parameter, ...]) -> None:
    from harness.report.reproduction import parameter_lines, reproduction_lines

    for line in (*reproduction_lines(made), *parameter_lines(parameters)):
        click.echo(line)


def _emit(results: Iterable[tuple[Reproduction, tuple[Parameter, ...]]]) -> None:
    from harness.core.storage.documents import plain_json

    click.echo(plain_json([_plain(made, parameters) for made, parameters in results]))


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
    return 2 if any(made.result is Result.SOURCE_MISSING for made, _ in results) else 0
