"""What a person at a terminal of 80 columns sees, what a pipe gets instead, and how Ctrl-C ends."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.report.terminal.wrapping import cell_width, pieces_of, words_of

if TYPE_CHECKING:
    from pathlib import Path

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
fcntl = pytest.importorskip("fcntl", reason="there are no pseudo-terminals here")

HARNESS = [sys.executable, "-m", "harness"]
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
SUITE = """
import os
import time
import numpy as np

SHIFT = float(os.environ.get("SHIFT", "0"))

def test_the_spectrum_of_a_wave_as_the_detector_saw_it(arrays_regression):
    time.sleep(float(os.environ.get("SLEEP", "0")))
    wave = np.sin(np.arange(200) / 9)
    wave[60:70] += SHIFT
    field = np.add.outer(np.arange(32.0), np.arange(48.0))
    field[5:9, 30:40] += SHIFT
    arrays_regression.check({"wave": wave, "field": field, "count": np.arange(4)})
"""
NAME = "tests/test_optics/test_the_spectrum_of_a_wave_as_the_detector_saw_it"


def environment(**variables: str) -> dict[str, str]:
    """The environment of a child process, without what would choose its output."""
    chosen = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "PYTHONUTF8", "PY_COLORS"}
    kept = {key: value for key, value in os.environ.items() if key not in chosen}
    return {**kept, "PYTHONUTF8": "1", **variables}


def at_terminal(command: list[str], folder: Path, **variables: str) -> tuple[str, int]:
    """Run a command at a terminal of 80 columns; return what it shows, and its exit code."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, __import__("termios").TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    shown = b""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(**{"TERM": "xterm-256color", **variables}),
        stdin=child,
        stdout=child,
        stderr=child,
    ) as process:
        os.close(child)
        try:
            while block := os.read(parent, 1 << 16):
                shown += block
        except OSError:  # the other end is closed
            pass
    os.close(parent)
    return shown.decode().replace("\r\n", "\n"), process.returncode


def in_pipe(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment(**variables), capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with golden arrays under a long name, and a file that no registry lists."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").write_text("")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_optics.py").write_text(SUITE)
    done = in_pipe([*PYTEST, "--regen-all", "--golden-reason", "first"], folder)
    assert done.returncode == 0, done.stdout
    (folder / "golden" / "tests" / "a_mask_that_nobody_has_registered_for_a_year.tif").touch()
    return folder


@pytest.fixture
def pair(project):
    """The golden archive, and one that differs from it."""
    golden = project / "golden" / f"{NAME}.npz"
    with np.load(golden) as arrays:
        changed = {name: arrays[name].copy() for name in arrays.files}
    changed["wave"][60:70] += 0.5
    changed["field"][5:9, 30:40] += 0.5
    np.savez(project / "other.npz", **changed)
    return [f"golden/{NAME}.npz", "other.npz"]


def block_of(text: str) -> list[str]:
    """The lines of a failing test about its arrays, without their indentation."""
    lines = ESCAPE.sub("", text).splitlines()
    start = next(n for n, line in enumerate(lines) if "from their golden files:" in line)
    end = next(n for n, line in enumerate(lines) if line.startswith("To see all differences"))
    return [line.removeprefix("  ").rstrip() for line in lines[start + 1 : end]]


def diff_of(text: str) -> list[str]:
    """The same lines of `harness diff`, without the rule below the table's head."""
    lines = [line.rstrip() for line in ESCAPE.sub("", text).splitlines() if set(line) - {"─"} or not line]
    return lines[: next(n for n, line in enumerate(lines) if line.endswith("arrays drifted."))]


def test_a_failing_test_prints_the_block_of_diff(project, pair):
    """Line by line, with the largest difference in tolerances and where it is."""
    failed = in_pipe(PYTEST, project, SHIFT="0.5")
    diff = in_pipe([*HARNESS, "diff", *pair], project)
    assert (failed.returncode, diff.returncode) == (1, 1)
    assert block_of(failed.stdout) == diff_of(diff.stdout)
    assert any(line.startswith("  in tolerances: ") for line in diff_of(diff.stdout))
    assert diff.stdout.splitlines()[-2:] == ["2 of 3 arrays drifted.", "next: harness report"]


def test_and_at_a_terminal_with_a_sketch(project, pair):
    failed, _ = at_terminal(PYTEST, project, SHIFT="0.5")
    diff, _ = at_terminal([*HARNESS, "diff", *pair], project)
    # The indentation of pytest's block may wrap a line earlier.
    assert " ".join(block_of(failed)).split() == " ".join(diff_of(diff)).split()
    assert "    ··················█▆▆·······································" in diff_of(diff)
    assert "    ······························██████████········" in diff_of(diff)


def test_no_sketch_where_the_encoding_has_no_blocks(project, pair):
    shown, code = at_terminal([*HARNESS, "diff", *pair], project, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert code == 1
    assert ESCAPE.sub("", shown).isascii()


@pytest.mark.parametrize(
    "words",
    [
        ["verify"],
        ["status"],
        ["status", "-v"],
        ["audit"],
        ["audit", "-q"],
        ["verify", "--sha256"],
        ["nothing"],
    ],
)
def test_80_columns_without_a_broken_word(project, words):
    """Each line fits, unless it has a single word; each word of the pipe's text is found whole."""
    shown, code = at_terminal([*HARNESS, *words], project)
    piped = in_pipe([*HARNESS, *words], project)
    assert code == piped.returncode
    lines = ESCAPE.sub("", shown).splitlines()
    for line in lines:
        assert cell_width(line) <= 80 or len(words_of(line)) == 1 or line.startswith("next: "), line
    found = {piece for line in lines for word in line.split() for piece in pieces_of(word.rstrip(":"))}
    for word in (piped.stdout + piped.stderr).split():  # a table has no colons
        assert set(pieces_of(word.rstrip(":"))) <= found, word


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_styles(project, pair, variables):
    shown, _ = at_terminal([*HARNESS, "diff", *pair], project, **variables)
    assert "\x1b" not in shown
    assert "drifted" in shown


@pytest.mark.parametrize("variables", [{}, {"TERM": "xterm-256color"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_a_pipe_gets_plain_text(project, pair, variables):
    """No escape, no line drawn, whatever the encoding is."""
    for words in (["diff", *pair], ["verify"], ["status"], ["audit"]):
        done = in_pipe([*HARNESS, *words], project, **variables)
        assert (done.stdout + done.stderr).isascii(), words
        assert "\x1b" not in done.stdout + done.stderr
        assert "Error" not in done.stderr


def test_the_command_to_type_next_comes_last(project):
    command = (
        f'next: harness add golden/tests/{next((project / "golden/tests").glob("*.tif")).name} --reason "..."'
    )
    assert in_pipe([*HARNESS, "verify"], project).stdout.splitlines()[-1] == command
    assert in_pipe([*HARNESS, "status"], project).stdout.splitlines()[-1] == command


def interrupted(command: list[str], folder: Path, sign: str, **variables: str) -> tuple[str, int]:
    """Press Ctrl-C when a command has printed *sign*; return all that it prints, and its exit code."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        watch = threading.Timer(120, process.kill)  # in place of a test that never ends
        watch.start()
        shown = ""
        while sign not in shown and (character := process.stdout.read(1)):
            shown += character
        os.killpg(process.pid, signal.SIGINT)
        shown += process.stdout.read()
        watch.cancel()
    return shown, process.returncode


@pytest.mark.parametrize(
    ("words", "sign"),
    [
        (["calibrate", "--quick", "--reason", "why"], "tests 1/4"),
        (["reproduce"], "the tests of recorded arrays"),
    ],
)
def test_ctrl_c_is_one_line_and_leaves_nothing(project, words, sign):
    """While other processes run tests of the project."""
    before = {
        path: path.read_bytes() for path in project.rglob("*") if path.is_file() and path.suffix != ".pyc"
    }
    shown, code = interrupted([*HARNESS, *words], project, sign, SLEEP="3")
    assert (code, shown.splitlines()[-1]) == (130, "harness: interrupted")
    assert "Traceback" not in shown
    after = {
        path: path.read_bytes() for path in project.rglob("*") if path.is_file() and path.suffix != ".pyc"
    }
    assert after == before


def test_ctrl_c_while_many_gigabytes_are_read(tmp_path):
    """The threads that read them stop, too."""
    size, zeros = 1 << 36, "0" * 32
    (tmp_path / "golden").mkdir()
    entries = {}
    for name in ("golden/a.bin", "golden/b.bin"):
        with (tmp_path / name).open("wb") as file:
            try:
                file.truncate(size)
            except OSError:
                pytest.skip("the file system has no files of this size")
        if (tmp_path / name).stat().st_blocks > 1 << 20:
            pytest.skip("the file system has no sparse files")
        entries[name] = {
            "kind": "file", "record": f"sha256:{zeros * 2}", "sha256": f"sha256:{zeros * 2}", "size": size,
            "xxh128": f"xxh128:{zeros}",
        }  # fmt: skip
    (tmp_path / "registry.json").write_text(json.dumps({"entries": entries, "schema": 2}))
    shown, code = interrupted([*HARNESS, "verify"], tmp_path, "GB\n")
    assert (code, shown) == (130, "verify: 137.4 GB\nharness: interrupted\n")


def test_ctrl_c_while_a_recording_is_made_again(project, tmp_path):
    """Nothing is recorded, and nothing that was staged is left."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "test_optics.py").write_text(SUITE)
    command = [*PYTEST, "--regen-all", "--golden-reason", "first"]
    shown, code = interrupted(command, tmp_path, "in two new processes", SLEEP="3")
    assert code == pytest.ExitCode.INTERRUPTED
    assert "nothing recorded (2 golden files differ): the recording was interrupted" in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "golden").exists()
    assert not (tmp_path / "registry.json").exists()
    assert not [path for path in (tmp_path / ".harness").rglob("*") if path.suffix in {".npz", ".staged"}]
