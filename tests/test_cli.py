"""The console entry: how a command line ends, whatever happens in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from importlib import metadata

import pytest

from harness import cli
from harness.core.errors import RefusedError, UsageError


def fail_with(error: BaseException, module: str = "harness.commands.example"):
    """Return a stand-in for a verb, as if it were in *module*, that raises *error*."""
    scope = {"__name__": module, "error": error}
    exec("def run(_words): raise error", scope)  # noqa: S102 - the test's own text
    return scope["run"]


PARTS = {"expected": "b", "found": "c", "remedy": "Do d."}


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("a", **PARTS), 2, "harness: a: expected b, found c. Do d.\n"),
        (RefusedError("a", **PARTS), 1, "harness: a: expected b, found c. Do d.\n"),
        (MemoryError(), 2, "harness: not enough memory for these files\n"),
        (KeyboardInterrupt(), 130, "harness: interrupted\n"),
        (OSError(28, "No space left on device", "out.npz"), 2, "harness: out.npz: No space left on device\n"),
        (OSError("broken"), 2, "harness: system: broken\n"),
    ],
)
def test_every_error_ends_as_one_message(monkeypatch, capsys, error, code, message):
    """On standard error, with the exit code of its kind, and without a traceback."""
    monkeypatch.setattr(cli, "_run", fail_with(error))
    with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == code
    assert capsys.readouterr() == ("", message)


@pytest.mark.parametrize("words", [["verify"], ["verify", "--json"]])
def test_an_error_of_the_program_itself_is_not_hidden(monkeypatch, capsys, words):
    """A bug ends with its traceback, so that it can be reported, and with exit code 2, not 1."""
    monkeypatch.setattr(sys, "argv", ["harness", *words])
    monkeypatch.setattr(cli, "_run", fail_with(ZeroDivisionError("\x1b[2J")))
    with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
        cli.main()
    out, err = capsys.readouterr()
    *trace, last = err.splitlines()
    said = r"harness: a bug in harness: ZeroDivisionError: \x1b[2J. Please report it with the traceback on "
    assert (end.value.code, last) == (2, f"{said}standard error.")
    assert (trace[0], trace[-1]) == ("Traceback (most recent call last):", "ZeroDivisionError: \\x1b[2J")
    assert bool(out) == ("--json" in words)
    if out:
        error = json.loads(out)["error"]
        assert (error["kind"], error["exit_code"]) == ("ZeroDivisionError", 2)
        assert error["text"].startswith("a bug in harness: ZeroDivisionError: ")


@pytest.mark.parametrize(
    "error", [OSError("gone"), BrokenPipeError(), SystemExit(0), EOFError(), KeyError("a")]
)
def test_an_error_of_the_project_is_not_taken_for_ours(monkeypatch, capsys, error):
    """Not even one that ends the process as if all were well."""
    monkeypatch.setattr(cli, "_run", fail_with(error, "optics"))
    with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith(f"harness: the project's code raised {type(error).__name__}")


@pytest.mark.parametrize("given", [None, "26"])
def test_waiting_threads_of_openblas_sleep_unless_the_user_says_otherwise(monkeypatch, given):
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", given or "")
    if given is None:
        monkeypatch.delenv("OPENBLAS_THREAD_TIMEOUT")
    monkeypatch.setattr("harness.cli._run", lambda _words: 0)
    with pytest.raises(SystemExit):
        cli.main()
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == (given or "4")


def test_numpy_is_not_loaded_before_openblas_is_set_up(tmp_path):
    code = "import sys, harness.cli; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0


def test_a_closed_pipe_is_not_an_error(tmp_path):
    """As in ``harness verify | head -1``: exit code 0 and no message."""
    (tmp_path / "registry.json").write_text('{"entries": {}, "schema": 2}')
    code = "import sys; from harness.cli import main; sys.argv[1:] = ['verify']; main()"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-u", "-c", code], stdout=writer, stderr=subprocess.PIPE, check=False, cwd=tmp_path
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_name_that_the_terminal_cannot_show_is_escaped(tmp_path, run_harness):
    """Bytes that are not UTF-8, on a terminal that is ASCII."""
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "é.npz").touch()
    (tmp_path / "registry.json").write_text('{"entries": {}, "schema": 2}')
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    shown = run_harness("verify", cwd=tmp_path, env=env)
    assert shown.code == 1
    assert "golden/\\xe9.npz" in shown.out


def test_python_m_harness_is_the_same_command(tmp_path, harness):
    done = subprocess.run(
        [sys.executable, "-m", "harness", "--help"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == harness("--help").out


def test_the_distribution_has_a_console_script():
    scripts = metadata.entry_points(group="console_scripts")
    assert [point.value for point in scripts if point.name == "harness"] == ["harness.cli:main"]


def test_verbs_and_options_are_completed_in_the_shell(tmp_path):
    """The script that docs/use.md names asks like this."""

    def complete(*words):
        asked = {
            "_HARNESS_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        done = subprocess.run(
            [sys.executable, "-c", "from harness.cli import main; main()"],
            cwd=tmp_path,
            env={**os.environ, **asked},
            capture_output=True,
            text=True,
            check=False,
        )
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert complete("harness", "ver") == ["verify"]
    assert "--sha256" in complete("harness", "verify", "--s")
