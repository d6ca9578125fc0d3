"""Results do not depend on the number of processes, and errors reach the caller."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.core.errors import HarnessError, UsageError
from harness.core.storage.project import require_inner
from harness.core.system.executors.local import in_processes

MARKING = """
import os

def mark(item):
    os.environ["HARNESS_EXAMPLE"] = item
    return os.getpid()
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_item_gives_its_index_and_result(jobs):
    assert dict(in_processes(str.upper, ["a", "b", "c"], jobs)) == {0: "A", 1: "B", 2: "C"}


def test_no_items_give_no_results():
    assert list(in_processes(str.upper, [], 2)) == []


def test_a_variable_that_a_call_sets_stays_in_its_process(module):
    module("marking", MARKING)
    import marking

    found = dict(in_processes(marking.mark, ["a", "b", "c"], 2)).values()
    assert os.getpid() not in found
    assert "HARNESS_EXAMPLE" not in os.environ


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_reaches_the_caller(jobs):
    with pytest.raises(Exception, match="outside") as caught:
        list(in_processes(require_inner, ["inside", "../outside"], jobs))
    assert caught.value.exit_code == 1
    assert not isinstance(caught.value, UsageError)


LEAVING = """
import os, signal

def leave(item):
    os._exit(3)

def press_control_c(item):
    os.killpg(os.getpgrp(), signal.SIGINT)
    signal.pause()

def press_it_twice(item):
    os.killpg(os.getpgrp(), signal.SIGINT)

def press_it_in_the_parent(item):
    os.kill(os.getppid(), signal.SIGINT)
    while True:
        signal.pause()
"""

MAIN = """
import sys
from harness.core.system.executors.local import in_processes
import leaving

if __name__ == "__main__":
    try:
        list(in_processes(getattr(leaving, sys.argv[1]), ["a", "b", "c"], 2))
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_a_process_that_is_killed_is_reported(module):
    module("leaving", LEAVING)
    import leaving

    with pytest.raises(HarnessError, match="worker process was killed") as caught:
        list(in_processes(leaving.leave, ["a", "b"], 2))
    assert caught.value.exit_code == 2


@pytest.mark.skipif(os.name != "posix", reason="groups of processes are a matter of POSIX")
@pytest.mark.parametrize("name", ["press_control_c", "press_it_twice", "press_it_in_the_parent"])
def test_control_c_ends_all_processes_without_a_word(tmp_path, name):
    """Whether they work, wait or start, and also those that did not get the signal themselves."""
    (tmp_path / "leaving.py").write_text(LEAVING)
    (tmp_path / "main.py").write_text(MAIN)
    call = [sys.executable, "main.py", name]
    done = subprocess.run(
        call, cwd=tmp_path, capture_output=True, text=True, check=False, start_new_session=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")
