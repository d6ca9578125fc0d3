"""The command group ``harness``: the list of its verbs, and how a command line is run."""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# The first line of each verb's help. It is here, not in the verb's module, because `harness --help` lists all
# verbs without importing any of those modules.
VERBS = {
    "add": "Register files below golden/ in registry.json.",
    "audit": "Trace every golden file from its source to its git commit.",
    "calibrate": "Run a pipeline repeatedly and record its baseline.",
    "check": "Check a dataset against its contract and its physics.",
    "diff": "Compare two .npz files array by array.",
    "generate": "Make a fixture: an .npz file and its manifest.",
    "install-git": "Configure git to diff .npz files and to merge registry.json.",
    "merge-registry": "Merge registry.json entry by entry (called by git merge).",
    "reconstruct": "Run a pipeline on a fixture and print its metrics.",
    "recover": "Finish or undo an interrupted regeneration.",
    "reproduce": "Run recorded generators again and compare the results.",
    "run": "Run every step: generate, compare, verify, reconstruct, judge.",
    "sensitivity": "Inject known faults and show which check catches which.",
    "textconv": "Print an .npz file as text (called by git diff).",
    "verify": "Compare every golden file with registry.json.",
}


def verb(
    name: str, cls: type[click.Command] = click.Command
) -> Callable[[Callable[..., int]], click.Command]:
    """Return the decorator that makes a function the command *name*.

    The help of the command is the verb's line in ``VERBS``, then the docstring of the function.
    """

    def decorate(function: Callable[..., int]) -> click.Command:
        text = f"{VERBS[name]}\n\n{inspect.getdoc(function)}"
        return click.command(name, cls, help=text)(_with_json(function))

    return decorate


def _with_json(function: Callable[..., int]) -> Callable[..., int]:
    """Return *function*, but with nothing else on standard output if JSON is asked for."""

    @functools.wraps(function)
    def call(**options: Any) -> int:
        if not options.get("as_json"):
            return function(**options)
        from harness.commands.options import call_for_json

        return call_for_json(function, options)

    return call


class VerbGroup(click.Group):
    """A click group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """Return the names of all verbs."""
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's interface
        """Return the command called *name*, or None if there is none."""
        if name not in VERBS:
            return None
        module = importlib.import_module(f"harness.commands.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of verbs to *formatter*, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(VERBS.items()))


@click.command(cls=VerbGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="golden-harness", prog_name="harness")
def commands() -> None:
    """Golden files that scientists can trust.

    Exit status: 0 if everything matches, 1 if something differs or a check fails, 2 on errors.
    """


def print_error(words: Sequence[str], error: BaseException, message: str, code: int) -> None:
    """Print an error as JSON too, if the command line *words* asks for JSON."""
    from harness.report.json_document import asks_for_json, error_document

    if asks_for_json(words):
        click.echo(error_document(words, error, message, code))


def run(words: Sequence[str]) -> int:
    """Run the command line *words* and return its exit code.

    Errors in the words themselves (an unknown verb or option) are printed, with exit code 2.

    Raises
    ------
    HarnessError
        If the verb refuses.
    """
    try:
        code: int = commands(list(words), prog_name="harness", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("harness: interrupted", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        print_error(words, error, error.format_message(), error.exit_code)
        return error.exit_code
    return code
