"""The server's own part: what it answers before the first stage, and what it takes for an exit status."""

from __future__ import annotations

import os
import socket
import sys
import threading

import pytest

from harness.ptycho.pipeline import warm_server
from harness.ptycho.pipeline.warm_server import LARGEST_REQUEST, threads_after_a_fork

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux is served")


def run_server(monkeypatch, threads):
    """Run the server in this process, without its imports, and return its first answer."""
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(warm_server, "PRELOADED", ())
    monkeypatch.setattr(warm_server, "threads_after_a_fork", lambda: threads)
    monkeypatch.setattr(warm_server.signal, "signal", lambda *_: None)
    with mine:
        if threads == 1:
            mine.shutdown(socket.SHUT_WR)  # the parent ends at once
        warm_server.main(str(its.detach()))
        return mine.recv(LARGEST_REQUEST)


def test_it_says_that_it_is_ready_and_ends_with_its_parent(monkeypatch):
    assert run_server(monkeypatch, 1) == b"ready"


def test_it_runs_nothing_beside_other_threads(monkeypatch):
    """A thread that holds a lock would be missing in the child, which would wait for it for ever."""
    assert run_server(monkeypatch, 2) == b"2 threads"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 warns of what is tested
def test_threads_are_counted():
    """One that is running is found."""
    before, end = threads_after_a_fork(), threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert threads_after_a_fork() == before + 1
    finally:
        end.set()
        thread.join()


@pytest.mark.parametrize(("code", "status"), [(None, 0), (0, 0), (3, 3), ("a sentence", 1)])
def test_exit_status(code, status, capsys):
    """As the interpreter does: a sentence is printed, and its status is 1."""
    assert warm_server._code(code) == status
    assert capsys.readouterr().err == ("a sentence\n" if status == 1 else "")


def test_torch_is_among_what_is_loaded():
    """Stages import nothing more, so nothing of their import is paid twice."""
    for module in warm_server.PRELOADED:
        __import__(module)
    assert "torch" in sys.modules
