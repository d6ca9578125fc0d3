"""What comes of an answer in time, and waiting that can be stopped."""

from __future__ import annotations

import asyncio
import threading

import pytest

pytest.importorskip("fsspec", reason="the extra stores is not installed")

from harness.core.errors import UsageError
from harness.core.storage.remote.kinds.access import BLOCK_BYTES
from harness.core.storage.remote.kinds.loop import file_system, next_block, wait_for
from harness.core.storage.remote.trouble import Cancelled, Trouble


class Parts:
    """An answer in parts: bytes, pauses in seconds, an error; it keeps what it did not give out."""

    def __init__(self, *parts, kept=b""):
        self._parts, self._kept = list(parts), kept

    async def read(self, _count):
        while self._parts:
            part = self._parts.pop(0)
            if isinstance(part, Exception):
                self._parts.insert(0, part)
                raise part
            if isinstance(part, bytes):
                return part
            await asyncio.sleep(part)
        return b""

    def _read_nowait(self, _count):
        kept, self._kept = self._kept, b""
        return kept


def block(parts, seconds=5.0):
    return asyncio.run(next_block(parts.read, parts, seconds))


def test_parts_become_a_block():
    parts = Parts(bytes(BLOCK_BYTES - 1), b"ab", b"c")
    assert len(block(parts)) == BLOCK_BYTES + 1
    assert block(parts) == b"c"
    assert block(parts) == b""


def test_what_came_before_an_error_is_given_first():
    parts = Parts(b"a", ValueError("broken"), kept=b"b")
    assert block(parts) == b"ab"
    with pytest.raises(ValueError, match="broken"):
        block(parts)


def test_a_pause_that_is_too_long_is_an_error():
    with pytest.raises(asyncio.TimeoutError):
        block(Parts(10.0, b"a"), 0.05)


def test_single_bytes_are_not_progress():
    with pytest.raises(Trouble, match=r"only \d+ bytes within 0\.05 s"):
        block(Parts(*[0.02, b"a"] * 20), 0.05)


def test_what_comes_slowly_is_handed_on():
    assert len(block(Parts(*[0.02, bytes(1 << 14)] * 20), 0.05)) < 20 << 14


def test_waiting_ends_when_the_transfer_is_stopped():
    from fsspec.asyn import get_loop

    stopped = threading.Event()
    assert wait_for(get_loop(), asyncio.sleep(0, "done"), stopped) == "done"
    threading.Timer(0.05, stopped.set).start()
    with pytest.raises(Cancelled):
        wait_for(get_loop(), asyncio.sleep(1000), stopped)


def test_an_unknown_protocol_is_named():
    with pytest.raises(UsageError, match="found 'nosuch'"):
        file_system("nosuch")
