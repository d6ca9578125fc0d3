"""Messages come out of a pipe as they went in, whole or not at all."""

from __future__ import annotations

import io
import os

import pytest

from harness.core.system.executors.frames import is_whole, read_frame, write_frame


@pytest.mark.parametrize("data", [b"", b"one", bytes(300_000)])
def test_a_message_goes_through_a_pipe(data):
    pipe = io.BytesIO()
    write_frame(pipe, data)
    write_frame(pipe, b"next")
    pipe.seek(0)
    assert [read_frame(pipe), read_frame(pipe), read_frame(pipe)] == [data, b"next", None]


@pytest.mark.parametrize("left", [1, 8, 9])
def test_a_message_that_was_cut_is_none(left):
    pipe = io.BytesIO()
    write_frame(pipe, b"one")
    whole = pipe.getvalue()
    assert is_whole(whole)
    assert not is_whole(whole[:left])
    assert read_frame(io.BytesIO(whole[:left])) is None


def test_the_end_of_the_other_side_is_an_error():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe, pytest.raises(BrokenPipeError):
        write_frame(pipe, b"one")
