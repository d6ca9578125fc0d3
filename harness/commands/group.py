"""The command group ``harness``: the list of its verbs, and how a command line is run."""

from __future__ import annotations

import functools
import importlib
import inspect
import io
import os
import time
from contextlib import redirect_stdout
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# The first line of each verb's help. It is here, not in the verb's module, because `harness --help` lists all
# verbs without importing any of those modules.
VERBS = {
    "add": "Register files below golden/ in registry.json.",
    "audit": "Trace every golden file from its source to its git commit.",
    "calibrate": "Measure tolerances by repeated runs, or from samples.",
    "check": "Check a dataset against its contract and its physics.",
    "convert": "Write a dataset in another format of the field.",
    "diff": "Compare two .npz files, or the golden files of two revisions.",
    "engines": "Run all engines on one fixture, and compare them.",
    "export": "Write the golden files' hashes for pooch or sha256sum.",
    "fetch": "Fetch golden files from the store, or restore published ones.",
    "gc": "Remove objects from the store that nothing names any more.",
    "generate": "Make a fixture: an .npz file and its manifest.",
    "import": "Take over golden files of other tools, or lists of hashes.",
    "init": "Set up golden files in a project, with CI and a first test.",
    "install-git": "Configure git to diff .npz files and to merge registry.json.",
    "merge-registry": "Merge registry.json entry by entry (called by git merge).",
    "mv": "Give a golden file another name.",
    "publish": "Pack golden files and their records for Zenodo and others.",
    "push": "Send golden files to the store that the project names.",
    "reconstruct": "Run a pipeline on a fixture and print its metrics.",
    "recover": "Finish or undo an interrupted regeneration.",
    "report": "Show on an HTML page what differs, with pictures and records.",
    "reproduce": "Run recorded generators again and compare the results.",
    "rm": "Remove golden files, with their entries in the registry.",
    "run": "Run every step: generate, compare, verify, reconstruct, judge.",
    "sensitivity": "Inject known faults and show which check catches which.",
    "status": "Show on one page how the golden files are.",
    "take": "Record what a pytest session on another machine obtained.",
    "textconv": "Print an .npz file as text (called by git diff).",
    "verify": "Compare every golden file with registry.json.",
}

# How `harness --help` groups the verbs; those that are not named here are in the first section.
SECTIONS = {
    "Golden files": (),
    "Evidence": ("audit", "calibrate", "reproduce", "sensitivity"),
    "Ptychography and other domains": ("check", "convert", "engines", "generate", "reconstruct", "run"),
    "Git": ("install-git", "merge-registry", "textconv"),
}

_OTHER_WORDS = {"delete": "rm", "move": "mv", "remove": "rm", "rename": "mv", "setup": "init"}
"""What else people type, and the verb that it is."""

_ROOMS = {
    "datasets": ("check", "convert", "engines", "generate", "reconstruct"),
    "stores": ("gc", "push"),
    "upkeep": ("export", "fetch", "import", "init", "mv", "publish", "report", "rm", "status", "take"),
}
"""Verbs whose modules are in a room of their own."""

_ROOM_OF = {name: f"{room}." for room, names in _ROOMS.items() for name in names}

_OUTPUT = frozenset({"export", "merge-registry", "textconv"})
"""Verbs of which others read the output."""

_QUIET = "Print nothing but errors; the exit status says the rest."

_VERBOSE = "Also say where the project is, and how long this took."

_COMPLETE = "_HARNESS_COMPLETE"
"""The environment variable with which click's completion scripts call this command."""


def verb(
    name: str, cls: type[click.Command] = click.Command
) -> Callable[[Callable[..., int]], click.Command]:
    """Return the decorator that makes a function the command *name*.

    The help of the command is the verb's line in ``VERBS``, then the docstring of the function.
    """

    def decorate(function: Callable[..., int]) -> click.Command:
        text = f"{VERBS[name]}\n\n{inspect.getdoc(function)}"
        made = click.command(name, cls, help=text)(_with_verbose(_with_json(_with_quiet(function))))
        own = {option.name for option in made.params}
        if "quiet" not in own and name not in _OUTPUT:
            made.params.append(click.Option(["-q", "--quiet", "silent"], is_flag=True, help=_QUIET))
        if "verbose" not in own and name not in _OUTPUT:
            made.params.append(click.Option(["-v", "--verbose", "loud"], is_flag=True, help=_VERBOSE))
        return made

    return decorate


def _with_quiet(function: Callable[..., int]) -> Callable[..., int]:
    """Return *function*, but without its output if a verb that has no other ``-q`` is called with it."""

    @functools.wraps(function)
    def call(*, silent: bool = False, **options: Any) -> int:
        if not silent or options.get("as_json"):
            return function(**options)
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123
            return function(**options)

    return call


def _with_verbose(function: Callable[..., int]) -> Callable[..., int]:
    """Return *function*, but framed by what is known about its run if a verb without its own ``-v`` gets it.

    On standard error: standard output may be for another program.
    """

    @functools.wraps(function)
    def call(*, loud: bool = False, **options: Any) -> int:
        if not loud:
            return function(**options)
        from importlib import metadata

        from harness.commands.options import code_root
        from harness.report.plain_lines import plain_line

        start = time.perf_counter()
        root = code_root(options.get("directory") or options.get("root"))
        click.echo(plain_line(f"harness {metadata.version('golden-harness')} in {root}"), err=True)
        code = function(**options)
        seconds = time.perf_counter() - start
        click.echo(f"exit status {code} after {seconds:.1f} s", err=True)
        return code

    return call


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
        module = importlib.import_module(module_of(name))
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb that *args* begin with, or suggest one if there is none of that name."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            ctx.fail(_unknown(args[0]))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of verbs to *formatter*, section by section, importing none of them."""
        width = max(map(len, VERBS))
        named = {name for names in SECTIONS.values() for name in names}
        for title, names in SECTIONS.items():
            listed = sorted(names or VERBS.keys() - named)
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), VERBS[name]) for name in listed])


def module_of(name: str) -> str:
    """Return the name of the module of a verb.

    >>> module_of("install-git"), module_of("import")
    ('harness.commands.install_git', 'harness.commands.upkeep.import_')
    """
    keyword = "_" if iskeyword(name) else ""
    return f"harness.commands.{_ROOM_OF.get(name, '')}{name.replace('-', '_')}{keyword}"


def _unknown(name: str) -> str:
    """Return the message for a word that is not a verb."""
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), (*VERBS, *_OTHER_WORDS), n=1, cutoff=0.5)
    meant = _OTHER_WORDS.get(close[0], close[0]) if close else None
    return f"No such command {name!r}." + (f" Did you mean {meant!r}?" if meant else "")


@click.command(cls=VerbGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="golden-harness", prog_name="harness")
def commands() -> None:
    """Golden files that scientists can trust.

    Exit status: 0 if everything matches, 1 if something differs or a check fails, 2 on errors. With -q, every
    verb prints less; verify and status print more with -v, diff with --shown.
    """


def print_error(words: Sequence[str], error: BaseException, message: str, code: int) -> None:
    """Print an error as JSON too, if the command line *words* asks for JSON."""
    from harness.report.json_document import asks_for_json, error_document

    if asks_for_json(words):
        click.echo(error_document(words, error, message, code))


def _absent_hint(words: Sequence[str], error: click.ClickException) -> str:
    """Return a line about a path that does not exist, if it is one of a golden file that the store has."""
    if not isinstance(error, click.BadParameter):
        return ""
    from harness.commands.options import absent_hint

    return absent_hint(words)


def run(words: Sequence[str]) -> int:
    """Run the command line *words* and return its exit code.

    Errors in the words themselves (an unknown verb or option) are printed, with exit code 2.

    Raises
    ------
    HarnessError
        If the verb refuses.
    """
    if _COMPLETE in os.environ:  # a shell asks for completions
        commands.main([], prog_name="harness", complete_var=_COMPLETE)
    try:
        # Not commands.main(), which takes an EOFError of the project's code for the end of the input.
        with commands.make_context("harness", list(words)) as context:
            code: int = commands.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        from harness.report.plain_lines import plain_text

        shown = io.StringIO()
        error.show(shown)
        hint = _absent_hint(words, error)
        click.echo(
            plain_text(f"{shown.getvalue()}{hint}"), err=True, nl=False
        )  # with words as they were typed
        print_error(words, error, f"{error.format_message()} {hint}".strip(), error.exit_code)
        return error.exit_code
    return code
