"""Progress on standard error: lines off a terminal, a bar on one, nothing on standard output."""

from __future__ import annotations

import io
import subprocess
import sys
import threading

from harness.report.terminal.progress import bytes_bar, progress_bar


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def test_a_line_when_a_stage_begins(capsys):
    """Not one for every fraction: a log of CI stays short."""
    with progress_bar("network") as progress:
        for stage, fraction in (("train", 0.0), ("train", 0.5), ("infer", 0.0), ("train", 1.0)):
            progress(stage, fraction)
    assert capsys.readouterr() == ("", "network: train\nnetwork: infer\n")


def test_a_bar_on_a_terminal(monkeypatch, capsys):
    """It shows label, stage and percentage, and removes the bar at the end."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("network") as progress:
        progress("train", 0.5)
    assert "network: train" in terminal.getvalue()
    assert "50%" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_rich_is_not_imported_off_a_terminal():
    """Importing it takes longer than some commands run."""
    code = (
        "import sys\nfrom harness.report.terminal.progress import progress_bar\n"
        "with progress_bar('a') as move: move('b', 1.0)\nprint('rich' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("False\n", "a: b\n")


def test_the_time_left_is_said_off_a_terminal(capsys):
    """From the second stage on, when something is known."""
    with progress_bar("calibrate") as progress:
        progress("run 1/4", 0.25)
        progress("run 2/4", 0.5)
        progress("run 4/4", 1.0)
    assert capsys.readouterr().err.splitlines() == [
        "calibrate: run 1/4",
        "calibrate: run 2/4; about 0 s left",
        "calibrate: run 4/4",
    ]


def test_the_time_left_is_not_guessed_from_little(capsys):
    """The first stages may be the slow ones."""
    with progress_bar("run") as progress:
        progress("network", 0.0)
        progress("iterative", 0.02)
    assert capsys.readouterr().err.splitlines() == ["run: network", "run: iterative"]


def test_a_dumb_terminal_has_lines(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "dumb")
    with progress_bar("network") as progress:
        progress("train", 0.5)
    assert terminal.getvalue() == "network: train\n"


def test_bytes_are_counted_on_a_terminal(monkeypatch):
    """The bar ends with the block, and so does the thread that looks."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with bytes_bar("verify", 4_000_000_000, lambda: 1):
        pass
    assert "verify: 4.0 GB" in terminal.getvalue()
    assert terminal.getvalue().rstrip().endswith("\x1b[2K")
    assert "\x1b[?25h" in terminal.getvalue()  # the cursor is back
    assert not [thread for thread in threading.enumerate() if thread.name == "bytes bar"]


def test_bytes_are_one_line_elsewhere(capsys):
    with bytes_bar("verify", 4_000_000_000, lambda: 0):
        pass
    assert capsys.readouterr() == ("", "verify: 4.0 GB\n")


def test_names_are_escaped(capsys):
    with progress_bar("a\x1b[31m") as progress:
        progress("::error::b", 0.0)
    assert "\x1b" not in capsys.readouterr().err
