"""Progress on standard error: lines off a terminal, a bar on one, nothing on standard output."""

from __future__ import annotations

import io
import subprocess
import sys

from harness.report.terminal.progress import progress_bar


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
