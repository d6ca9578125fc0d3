"""Messages of any length through a pipe: each has its length in front of it."""

from __future__ import annotations

import struct
from typing import IO

_LENGTH = struct.Struct(">Q")

HEAD = _LENGTH.size
"""Number of bytes in front of a message."""


def write_frame(pipe: IO[bytes] | None, data: bytes) -> None:
    """Write a message, whole.

    Raises
    ------
    BrokenPipeError
        If the other side has ended.
    """
    assert pipe is not None  # noqa: S101 - for type checkers: a process without pipes has none
    left = memoryview(_LENGTH.pack(len(data)) + data)
    while left:
        left = left[pipe.write(left) :]
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> bytes | None:
    """Read a message; None at the end.

    >>> import io
    >>> pipe = io.BytesIO()
    >>> write_frame(pipe, b"one")
    >>> _ = pipe.seek(0)
    >>> read_frame(pipe), read_frame(pipe)
    (b'one', None)
    """
    head = pipe.read(HEAD)
    if len(head) < HEAD:
        return None
    size = _LENGTH.unpack(head)[0]
    data = pipe.read(size)
    return data if len(data) == size else None


def is_whole(received: bytes) -> bool:
    r"""Whether a message has been received to its end.

    >>> is_whole(b""), is_whole(bytes(7) + b"\x01"), is_whole(bytes(7) + b"\x01a")
    (False, False, True)
    """
    return len(received) >= HEAD and len(received) == HEAD + _LENGTH.unpack(received[:HEAD])[0]
