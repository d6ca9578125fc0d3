"""The command group: its list of verbs, its help, and what it refuses itself."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from harness.commands.group import SECTIONS, VERBS, commands, module_of, run, verb
from harness.core.errors import HarnessError

FOLDER = Path(importlib.import_module("harness.commands").__file__).parent
SHARED = {"__init__", "group", "mutants", "options", "reading", "reading_options", "transfers", "from_store"}


def test_every_module_of_the_folder_is_a_verb():
    """And every verb has its module."""
    files = [path.relative_to(FOLDER) for path in FOLDER.rglob("*.py") if path.stem not in SHARED]
    modules = {".".join(("harness.commands", *path.with_suffix("").parts)) for path in files}
    assert modules == {module_of(name) for name in VERBS}


def test_help_lists_every_verb_with_its_line(harness):
    shown = harness("--help")
    assert shown.code == 0
    words = " ".join(shown.out.split())
    assert all(f" {name} {line}" in words for name, line in VERBS.items())
    assert max(map(len, shown.out.splitlines())) <= 80


def test_help_groups_the_verbs(harness):
    """Those of ptychography are apart from the general ones."""
    shown = harness("--help").out
    titles = [line.rstrip(":") for line in shown.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == ["Options", *SECTIONS]
    general, _, special = shown.partition("Ptychography and other domains:")
    assert all(f"\n  {name} " in general for name in ("init", "status", "verify", "audit"))
    assert "\n  reconstruct " in special
    assert {name for names in SECTIONS.values() for name in names} <= VERBS.keys()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("verfy", "verify"), ("stauts", "status"), ("Verify", "verify"), ("remove", "rm")],
)
def test_a_mistyped_verb_gets_a_suggestion(harness, typed, meant):
    shown = harness(typed)
    assert shown.code == 2
    assert f"No such command {typed!r}. Did you mean {meant!r}?" in shown.err


def test_a_word_like_no_verb_gets_none(harness):
    shown = harness("xyzzy", "--json")
    assert (shown.code, "Did you mean" in shown.err) == (2, False)
    assert json.loads(shown.out)["error"]["text"] == "No such command 'xyzzy'."


def test_help_imports_no_verb():
    """It would import numpy and everything else."""
    statement = (
        "import sys; from harness.commands.group import run; run(['--help'])\n"
        "verbs = [name for name in sys.modules if name.startswith('harness.commands.')]\n"
        "print(verbs, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['harness.commands.group'] False"


@pytest.mark.parametrize("name", VERBS)
def test_help_of_every_verb(harness, name):
    """It begins with the line of the list, has an example that begins with the verb, and fits a terminal."""
    shown = harness(name, "--help", env={**os.environ, "COLUMNS": "80"})
    assert shown.code == 0
    usage, _, text = shown.out.partition("\n\n")
    assert usage.startswith(f"Usage: harness {name} ")
    assert text.startswith(f"  {VERBS[name]}\n")
    assert f"\n    harness {name}" in text.partition("  Example")[2]
    assert "--json" in text
    assert all(len(line) <= 80 or "harness " in line for line in shown.out.splitlines())


def test_an_unknown_verb_or_option_exits_with_2(harness):
    """The message says where to find help."""
    assert harness("bogus").code == 2
    shown = harness("verify", "--bogus")
    assert shown.code == 2
    assert "harness verify --help" in shown.err


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_reports_errors_as_json(harness, name):
    """With the schema, beside the text on standard error."""
    shown = harness(name, "--json", "--bogus")
    assert shown.code == 2
    document = json.loads(shown.out)
    assert (document["schema"], document["verb"]) == (1, name)
    assert document["error"]["exit_code"] == 2
    assert "--bogus" in document["error"]["text"]
    assert "--bogus" in shown.err


def test_a_refusal_is_json_too(harness):
    shown = harness("verify", "--json")
    assert shown.code == 2
    error = json.loads(shown.out)["error"]
    assert error["kind"] == "UsageError"
    assert shown.err == f"harness: {error['text']}\n"


def test_version(harness):
    shown = harness("--version")
    assert shown.code == 0
    assert shown.out.startswith("harness, version ")


def test_the_docstring_of_a_function_follows_the_line_of_its_verb():
    @verb("add")
    @click.option("--count", type=int)
    def command(count: int) -> int:
        """Details of this verb."""
        return count

    assert (command.name, command.help) == ("add", f"{VERBS['add']}\n\nDetails of this verb.")
    assert command(["--count", "3"], standalone_mode=False) == 3


@pytest.mark.parametrize(
    ("raised", "code", "shown"),
    [(click.exceptions.Exit(3), 3, ""), (click.UsageError("wrong words"), 2, "wrong")],
)
def test_what_click_raises_becomes_an_exit_code(monkeypatch, capsys, raised, code, shown):
    def fail(*_: object, **__: object) -> int:
        raise raised

    monkeypatch.setattr(commands, "invoke", fail)
    assert run(["verify"]) == code
    assert shown in capsys.readouterr().err


def test_a_refusal_of_a_verb_is_not_caught(monkeypatch):
    """The console entry prints it."""

    def fail(*_: object, **__: object) -> int:
        raise HarnessError("a", expected="b", found="c", remedy="D.")

    monkeypatch.setattr(commands, "invoke", fail)
    with pytest.raises(HarnessError):
        run(["verify"])


@pytest.mark.parametrize("error", [EOFError, KeyboardInterrupt, BrokenPipeError, SystemExit])
def test_what_code_raises_is_not_taken_for_the_end_of_the_input(monkeypatch, capsys, error):
    """Click would end with other errors, exit codes and lines."""

    def fail(*_: object, **__: object) -> int:
        raise error

    monkeypatch.setattr(commands, "invoke", fail)
    with pytest.raises(error):
        run(["verify"])
    assert capsys.readouterr() == ("", "")


def test_a_shell_gets_its_completions(harness):
    env = {
        **os.environ,
        "_HARNESS_COMPLETE": "bash_complete",
        "COMP_WORDS": "harness veri",
        "COMP_CWORD": "1",
    }
    shown = harness(env=env)
    assert (shown.code, shown.out) == (0, "plain,verify\n")


def test_an_unknown_name_is_no_command():
    assert commands.get_command(click.Context(commands), "bogus") is None


@pytest.mark.parametrize("words", [["verify", "a\x07\u2028b"], ["run", "\x1b[31m"], ["\x9b\n::error::x"]])
def test_words_that_click_repeats_are_escaped(words, capsys):
    assert run(words) == 2
    printed = capsys.readouterr().err
    assert printed.replace("\n", "").isprintable()
    assert not any(line.startswith("::") for line in printed.splitlines())


@pytest.mark.parametrize("name", sorted(set(VERBS) - {"export", "merge-registry", "textconv"}))
def test_every_verb_can_be_quiet(name):
    """Those whose output other programs read cannot."""
    command = commands.get_command(click.Context(commands), name)
    assert "-q" in {text for option in command.params for text in option.opts}


def test_a_quiet_verb_prints_nothing_but_errors(tmp_path, harness):
    np.savez(tmp_path / "a.npz", a=np.zeros(2))
    np.savez(tmp_path / "b.npz", a=np.ones(2))
    assert harness("diff", "a.npz", "b.npz").out
    shown = harness("diff", "-q", "a.npz", "b.npz")
    assert (shown.code, shown.out, shown.err) == (1, "", "")
    shown = harness("diff", "-q", "a.npz", "c.npz")
    assert shown.code == 2
    assert "c.npz" in shown.err


@pytest.mark.parametrize("name", sorted(set(VERBS) - {"export", "merge-registry", "textconv"}))
def test_every_verb_can_be_verbose(name):
    """With all that it prints without, and more."""
    command = commands.get_command(click.Context(commands), name)
    assert "-v" in {text for option in command.params for text in option.opts}


def test_a_verbose_verb_says_on_standard_error_where_it_is(project, harness):
    shown = harness("add", "-v", "golden/waves.npz", "golden/waves.json", "--reason", "again")
    first, last = shown.err.splitlines()
    assert first.startswith("harness ")
    assert first.endswith(f" in {project}")
    assert re.fullmatch(r"exit status 0 after \d+\.\d s", last)
    assert "exit status" not in shown.out
