"""Options and helper functions that several verbs share."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.core.errors import HarnessError, RefusedError, UsageError
from harness.core.storage import project as projects
from harness.report.json_document import json_document
from harness.report.plain_lines import plain_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project
    from harness.core.system.executors.interface import Executor
    from harness.report.ci.items import Item

FORMATS = (
    "Output format; github: annotations and the step's summary in GitHub Actions, junit: JUnit XML, "
    "sarif: SARIF 2.1.0 for code scanning."
)

_EXECUTORS = ("local", "dask")

_PENDING = "harness.pending"  # key of the documents that are printed when the verb has ended

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Root of the repository.  [default: the nearest directory with a registry.json]",
)
output_option = click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory to keep the files that the run writes.  [default: they are deleted]",
)


def executor_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options ``--executor`` and ``--dask`` to a verb; :func:`chosen_executor` reads them."""
    executor = click.option(
        "--executor",
        type=click.Choice(_EXECUTORS),
        help="Where the work is done: in processes of this machine, or on a Dask cluster.  [default: local]",
    )
    address = click.option(
        "--dask", metavar="ADDRESS", help="Address of the cluster's scheduler; implies --executor dask."
    )
    return executor(address(function))


def chosen_executor(
    executor: str | None,
    dask: str | None,
    *,
    jobs: int = 1,
    project: Project | None = None,
    workspace: bool = False,
) -> Executor:
    """Return what ``--executor`` and ``--dask`` ask for.

    Parameters
    ----------
    executor, dask : str or None
        The options.
    jobs : int
        Largest number of processes; on a cluster only if ``--jobs`` was typed.
    project : Project, optional
        The project, if what is called reads it.
    workspace : bool
        Whether calls write temporary files that others read, so that all must see their directory.

    Raises
    ------
    UsageError
        If the two contradict each other.
    """
    if dask is None and executor != "dask":
        from harness.core.system.executors.local import LocalExecutor

        return LocalExecutor(jobs)
    if not dask or executor == "local":
        found = "no address" if executor == "dask" and dask is None else f"--executor {executor or 'dask'}"
        raise _contradiction(executor, dask, found)
    from harness.core.system.executors.dask_cluster import DaskExecutor

    source = click.get_current_context().get_parameter_source("jobs")
    return DaskExecutor(
        dask,
        root=project.root if project else None,
        golden_name=project.golden_name if project else "golden",
        scratch=projects.make_workspace(project) if project and workspace else None,
        jobs=jobs if source is click.core.ParameterSource.COMMANDLINE else None,
        say=lambda line: click.echo(plain_line(f"note: {line}"), err=True),
    )


def _contradiction(executor: str | None, dask: str | None, found: str) -> UsageError:
    if executor == "local":
        return UsageError(
            f"--dask {dask}",
            expected="--executor dask",
            found=found,
            message="--dask and --executor local exclude each other",
            remedy="Leave one of them out.",
        )
    return UsageError(
        "--executor dask",
        expected="--dask with the address of a scheduler",
        found=found,
        message="--executor dask needs the address of a scheduler",
        remedy="Add it, such as `--dask tcp://127.0.0.1:8786`.",
    )


def quiet_option(text: str) -> Callable[[Any], Any]:
    """Return the option ``-q``; *text* says what is still printed."""
    return click.option("-q", "--quiet", is_flag=True, help=text)


def verbose_option(text: str) -> Callable[[Any], Any]:
    """Return the option ``-v``; *text* says what is printed in addition."""
    return click.option("-v", "--verbose", is_flag=True, help=text)


def format_option(*forms: str, text: str = "Output format.") -> Callable[[Any], Any]:
    """Return the option ``--format``; the first of *forms* is the default."""
    choice = click.Choice(forms)
    return click.option("--format", "form", type=choice, default=forms[0], show_default=True, help=text)


def chosen_form(form: str, *, as_json: bool) -> str:
    """Return the one format that ``--format`` and ``--json`` ask for.

    Raises
    ------
    UsageError
        If they ask for two.
    """
    if not as_json or form == "json":
        return form
    if form == "text":  # the default
        return "json"
    raise UsageError(
        "--json",
        expected="one output format",
        found=f"--json and --format {form}",
        message=f"--json and --format {form} ask for two output formats",
        remedy="Leave one of them out.",
    )


def print_items(form: str, project: Project, verb: str, items: Sequence[Item]) -> None:
    """Print what a verb found as workflow commands, JUnit XML or SARIF.

    With workflow commands, a table is appended to the summary of the step.

    Raises
    ------
    UnwritableError
        If the summary cannot be appended.
    """
    from harness.core.system.work_tree import place_in_repository

    prefix = place_in_repository(project.root)
    if form == "github":
        from harness.report.ci.annotations import annotation_lines
        from harness.report.ci.items import count_line
        from harness.report.ci.step_summary import append_summary

        for line in (*annotation_lines(items, prefix), f"harness {verb}: {count_line(items)}"):
            click.echo(line)
        append_summary(f"harness {verb}", items)
    elif form == "junit":
        from harness.report.ci.junit import junit_document

        click.echo(junit_document(f"harness {verb}", items))
    else:
        from harness.report.ci.sarif import sarif_document

        click.echo(sarif_document(items, prefix))


@contextmanager
def annotated(form: str) -> Iterator[None]:
    """With the format for GitHub, print an annotation for an error because of which nothing was checked."""
    try:
        yield
    except HarnessError as error:
        if form == "github":
            from harness.report.ci.annotations import annotation_lines
            from harness.report.ci.items import item_of_error

            click.echo("\n".join(annotation_lines([item_of_error(error)])))
        raise


def project_at(root: Path | None) -> Project:
    """Return the project at *root*, or the one that the current directory belongs to.

    Raises
    ------
    UsageError
        If no registry is there.
    """
    if root is None:
        return projects.find_project()
    project = projects.project_at(root.resolve())
    if not (project.registry.exists() or project.is_interrupted):
        raise UsageError(
            f"--root {root}",
            expected=f"a directory with a {projects.REGISTRY}",
            found="none there",
            message=f"no {projects.REGISTRY} in {root}",
            remedy="Give the root of the repository, or record a first golden file.",
        )
    return project


def project_to_write(root: Path | None) -> Project:
    """Return the same project for a verb that may record the first golden file."""
    return projects.project_at(root.resolve()) if root else projects.find_or_start_project()


def registered_path(project: Project, word: str) -> str:
    """Return a word as a path below the golden directory, if it is one from here; else as it is: a name."""
    try:
        path = project.relative(Path(word))
    except RefusedError:
        return word
    return path if path.startswith(f"{project.golden_name}/") else word


def absent_hint(words: Sequence[str]) -> str:
    """Return a line that says how to get what words name, if only the store has it; else nothing.

    >>> absent_hint(["check", "scan.npz"])
    ''
    """
    try:
        project, absent = _absent_named(words)
    except HarnessError:
        return ""  # which is not what was asked
    if project is None or not absent:
        return ""
    fetch = shlex.join(["harness", "fetch", *absent])
    return f"Only the store has that golden file: run `{fetch}`.\n"


def fetch_named(words: Sequence[str]) -> None:
    """Fetch the golden files whose paths are among the words and that only the store has.

    Raises
    ------
    UnreadableError
        If one cannot be fetched.
    """
    from harness.core.registry.stored.fetching import require_here

    project, absent = _absent_named(words)
    if project is not None:
        require_here(project, absent)


def _absent_named(words: Sequence[str]) -> tuple[Project | None, Mapping[str, Entry]]:
    """Return a project that has a store, and the entries of the files that words name and it lacks."""
    from harness.core.registry.registry import read_registry
    from harness.core.registry.stored.cached_store import absent_files, find_cached_store

    if all(os.path.lexists(word) for word in words):
        return None, {}
    try:
        project = projects.find_project()
    except UsageError:
        return None, {}
    entries = read_registry(project.registry).entries
    named = [path for word in words if (path := registered_path(project, word)) in entries]
    absent = absent_files(project, {path: entries[path] for path in named})
    return (project if absent and find_cached_store(project) else None), absent


def code_root(root: Path | None) -> Path:
    """Return the directory of the project whose code a verb runs.

    It is *root*, else the nearest directory with a registry, a pyproject.toml or a git repository, else the
    current directory.
    """
    folder = (root or Path.cwd()).resolve()
    if root is not None:
        return folder
    known = (projects.nearest_registry(folder), projects.nearest_root(folder))
    return max((found for found in known if found), key=lambda found: len(found.parts), default=folder)


def command_line() -> str:
    """Return the command line of this process as a shell would take it."""
    return shlex.join(["harness", *sys.argv[1:]])


def emit(result: Mapping[str, Any], *, as_json: bool, render: Callable[[], None]) -> None:
    """Print *result* as the verb's JSON document, or call *render* to print it as text."""
    if not as_json:
        render()
        return
    context = click.get_current_context(silent=True)
    document = json_document(context.info_name or "" if context else "", result)
    if context is not None and _PENDING in context.meta:
        context.meta[_PENDING].append(document)
    else:
        click.echo(document)


def call_for_json(function: Callable[..., int], options: Mapping[str, Any]) -> int:
    """Call a verb whose only output is JSON: what the code that it runs prints goes to standard error."""
    pending: list[str] = []
    click.get_current_context().meta[_PENDING] = pending
    with output_to_error():
        code = function(**options)
    for document in pending:
        click.echo(document)
    return code


@contextmanager
def output_to_error() -> Iterator[None]:
    """Send what Python code, compiled code and child processes write to standard output to standard error."""
    sys.stdout.flush()
    try:
        saved = os.dup(1)
    except OSError:  # standard output is closed
        saved = None
    try:
        if saved is not None:
            os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        if saved is not None:
            os.dup2(saved, 1)
            os.close(saved)


def the_fixture(root: Path | None) -> Path:
    """Return the path of the only golden fixture.

    Raises
    ------
    UsageError
        If there is no golden fixture, or more than one.
    """
    from harness.core.registry.golden_names import fixtures

    project = project_at(root)
    known = list(fixtures(project))
    if len(known) != 1:
        raise UsageError(
            "FILE",
            expected="the path of a fixture",
            found="none",
            message=f"no fixture is named, and the registry has {len(known) or 'none'}",
            remedy=f"Name one of {', '.join(map(project.relative, known))}."
            if known
            else "Record a fixture first.",
        )
    return known[0]
