"""Processes that run, that have ended, and that there cannot be."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.core.system.running import is_running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot be asked like this")


def test_a_process_runs_until_it_ends():
    assert is_running(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert is_running(process.pid)
        process.communicate(b"\n")
    assert not is_running(process.pid)


def test_a_number_that_no_process_has():
    assert not is_running(10**30)
