"""Every verb with its options: the command line as click reads it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERBS = {
    "add": "Register files below golden/ as they are.",
    "audit": "Follow golden files from source to git; find what contradicts their records.",
    "calibrate": "Measure a pipeline's baseline: repeated runs, varied conditions.",
    "check": "Check a dataset against its contract and its own physics.",
    "diff": "Compare two archives of arrays.",
    "generate": "Make a fixture: one .npz and its manifest.",
    "install-git": "Teach a repository's git to diff archives and to merge registry.json.",
    "merge-registry": "Git's merge driver for registry.json: entry by entry.",
    "reconstruct": "Run a pipeline on a fixture and print its metrics.",
    "recover": "Finish or undo a regeneration that was interrupted.",
    "reproduce": "Make golden fixtures again in a clean process, and say what differs.",
    "run": "All of it in order: generate, compare, verify, reconstruct, judge.",
    "sensitivity": "Make known faults on purpose, and see which check catches which.",
    "textconv": "Print an archive as text, for git diff.",
    "verify": "Compare every golden file with the registry.",
}


class Verbs(click.Group):
    """Commands that are imported when they are named, so that ``verify`` starts without the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """Names of all verbs."""
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's interface
        """The command of that name, None if there is none."""
        if name not in _VERBS:
            return None
        module = importlib.import_module(f"harness.commands.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_VERBS.items()))


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="golden-harness", prog_name="harness")
def commands() -> None:
    """Golden files that scientists can trust.

    Exit codes: 0 the same, 1 drift or a broken rule found, 2 could not tell.
    """


def run(words: Sequence[str]) -> int:
    """Do what the words of a command line say; return its exit code.

    Raises
    ------
    HarnessError
        The verb's own refusal. What is wrong with the words themselves is said here.
    """
    try:
        code: int = commands(list(words), prog_name="harness", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("harness: interrupted", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return code
