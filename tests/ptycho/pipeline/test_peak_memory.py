"""Peak memory is that of the running process, and it stays after the memory is freed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.ptycho.pipeline import peak_memory
from harness.ptycho.pipeline.peak_memory import peak_mb

MEASURED = sys.platform in {"linux", "darwin"}
ALLOCATE = """
from harness.ptycho.pipeline.peak_memory import peak_mb
before = peak_mb()
block = bytearray(b"x") * 100_000_000
del block
print(peak_mb() - before)
"""
CHILD = "from harness.ptycho.pipeline.peak_memory import peak_mb; print(peak_mb())"


def of_child(script):
    return float(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout)


@pytest.mark.skipif(not MEASURED, reason="peak memory is not measured on this system")
def test_memory_counts_after_it_is_freed():
    """A block of 100 MB raises the peak by 100 MB, and the peak stays: the unit is 1e6 bytes."""
    assert 95 < of_child(ALLOCATE) < 130


@pytest.mark.skipif(sys.platform != "linux", reason="how Linux accounts for forked processes")
def test_memory_of_the_parent_does_not_count():
    """A child started by a parent that holds 200 MB reports less than that."""
    block = bytearray(b"x") * 200_000_000
    assert 1 < of_child(CHILD) < 150
    assert peak_mb() > 200
    del block


def test_a_status_file_is_read_in_kib(monkeypatch, tmp_path):
    """1000 KiB are 1.024 MB."""
    (tmp_path / "status").write_text("VmPeak:\t  9999 kB\nVmHWM:\t  1000 kB\nVmRSS:\t  1 kB\n")
    monkeypatch.setattr(peak_memory, "STATUS", tmp_path / "status")
    assert peak_mb() == 1.024


def test_a_system_that_does_not_report_it(monkeypatch, tmp_path):
    """The result is 0, not an error."""
    monkeypatch.setattr(peak_memory, "STATUS", tmp_path / "none")
    monkeypatch.setattr(sys, "platform", "win32")
    assert peak_mb() == 0
