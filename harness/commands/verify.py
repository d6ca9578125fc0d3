"""``harness verify``: compare golden files with the registry.

CI calls plain ``harness verify`` on every push, so this module imports no click: :func:`verify_here` starts
twice as fast without it. The click command is made when the command group asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.core.registry.verify import verify
from harness.core.storage.project import find_project
from harness.core.verdict import exit_code

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    import click

    from harness.core.storage.project import Project
    from harness.core.system.executors.interface import Executor
    from harness.core.verdict import Verdict


def verify_here() -> int:
    """Verify the project of the current directory, print its verdicts and return the exit code."""
    project = find_project()
    verdicts = verify(project, watch=_watch)
    _show(project, verdicts)
    return exit_code(verdicts)


def _watch(size: int) -> AbstractContextManager[None]:
    """Show how many of *size* bytes have been read."""
    from harness.core.storage.digest import hashing
    from harness.report.terminal.progress import bytes_bar

    return bytes_bar("verify", size, lambda: hashing.bytes)


def _intact(project: Project, executor: Executor, *, sha256: bool) -> frozenset[str]:
    """Return the paths of the files that the workers of a cluster found intact."""
    from harness.core.registry.intact import find_intact
    from harness.report.terminal.progress import progress_bar

    with progress_bar("verify") as progress:
        return find_intact(
            project, executor, sha256=sha256, progress=lambda done: progress("golden files", done)
        )


def _show(
    project: Project, verdicts: tuple[Verdict, ...], *, quiet: bool = False, verbose: bool = False
) -> None:
    from harness.report.terminal.screen import screen_of, show_lines
    from harness.report.verdicts import summary_lines, verdict_lines

    if screen_of().terminal:
        _show_table(verdicts, verbose=verbose and not quiet)
        lines = [] if quiet else summary_lines(verdicts)[-1:]
    else:
        lines = verdict_lines(verdicts) if quiet else summary_lines(verdicts, every=verbose)
    show_lines(lines if quiet else [*lines, *_next(project, verdicts)])


def _show_table(verdicts: tuple[Verdict, ...], *, verbose: bool) -> None:
    from harness.report.terminal.screen import show_lines
    from harness.report.terminal.table import show_table
    from harness.report.verdicts import remedy_lines, verdict_table

    table = verdict_table(verdicts, every=verbose)
    if table is not None:
        show_table(table)
        show_lines(["", *remedy_lines(verdicts)])


def _next(project: Project, verdicts: tuple[Verdict, ...]) -> list[str]:
    """Return the command to type next, if a file does not match."""
    if not exit_code(verdicts):
        return []
    from harness.core.registry.status import command_for
    from harness.report.plain_lines import plain_line

    return [f"next: {plain_line(command_for(verdicts, project.golden_name))}"]


def _make_command() -> click.Command:
    """Return the click command, whose options are those of other verbs."""
    import click

    from harness.commands.group import verb
    from harness.commands.options import (
        FORMATS,
        annotated,
        chosen_executor,
        chosen_form,
        emit,
        executor_options,
        format_option,
        json_option,
        print_items,
        project_at,
        quiet_option,
        root_option,
        verbose_option,
    )

    @verb("verify")
    @click.option(
        "--sha256", is_flag=True, help="Compare SHA-256 digests too: slower, and finds deliberate changes."
    )
    @quiet_option("Print what does not match, and nothing else.")
    @verbose_option("Print a line for every golden file.")
    @format_option("text", "json", "github", "junit", "sarif", text=FORMATS)
    @executor_options
    @root_option
    @json_option
    def command(  # noqa: PLR0913 - one for each option
        root: Path | None,
        *,
        form: str,
        sha256: bool,
        executor: str | None,
        dask: str | None,
        quiet: bool,
        verbose: bool,
        as_json: bool,
    ) -> int:
        """Reports files that are missing, changed or not registered.

        An archive that was packed again with the same arrays is reported, but is not an error. Nothing of
        the project is run. A file that is only in the project's store is read there.

        Exits with 0 if all files match, 1 if one does not, 2 if that is not known: the store does not
        answer.

        \b
        Examples:
          harness verify
          harness verify --sha256
          harness verify --format github
          harness verify --dask tcp://127.0.0.1:8786
        """
        form = chosen_form(form, as_json=as_json)
        with annotated(form):
            project = project_at(root)
            where = chosen_executor(executor, dask, project=project)
            if dask is None:
                verdicts = verify(project, sha256=sha256, watch=_watch)
            else:
                verdicts = verify(project, sha256=sha256, intact=_intact(project, where, sha256=sha256))
        if form in {"text", "json"}:
            emit(
                {"verdicts": [verdict._asdict() for verdict in verdicts]},
                as_json=form == "json",
                render=lambda: _show(project, verdicts, quiet=quiet, verbose=verbose),
            )
        else:
            from harness.report.ci.items import items_of_verdicts

            print_items(form, project, "verify", items_of_verdicts(verdicts))
        return exit_code(verdicts)

    return command


def __getattr__(name: str) -> Any:
    """Make ``command`` when it is first asked for."""
    if name == "command":
        return _make_command()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
