"""Git's plumbing, read only: what a command prints, names of objects, and their bytes as a stream."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from typing import IO, TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

T = TypeVar("T")

# Literal paths, no lock, and no objects that a clone puts in place of others.
_CAREFULLY = ("--literal-pathspecs", "--no-optional-locks", "--no-replace-objects")


def read_git(folder: Path, *arguments: str) -> str | None:
    """What ``git ARGUMENTS`` prints in *folder*; None where it fails, or there is no git."""
    try:
        done = subprocess.run(_command(folder, *arguments), capture_output=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.decode("utf-8", "replace")


def object_names(folder: Path, revisions: Iterable[str]) -> Iterator[str | None]:
    """Object name of each of *revisions*, ``commit:path``; None where there is no such object."""
    with _asked(folder, revisions, "--batch-check=%(objectname)") as stream:
        for line in stream:
            name = line.decode().strip()
            yield None if name.endswith((" missing", " ambiguous")) else name


def read_objects(folder: Path, names: Iterable[str], read: Callable[[Limited], T]) -> Iterator[tuple[str, T]]:
    """What *read* makes of each object's bytes, with the object's name."""
    with _asked(folder, names, "--batch") as stream:
        while head := stream.readline().split():
            name, _kind, size = head
            content = Limited(stream, int(size))
            made = read(content)
            content.read()
            stream.read(1)  # the newline that ends an object
            yield name.decode(), made


class Limited:
    """The next *left* bytes of a stream."""

    def __init__(self, stream: IO[bytes], left: int) -> None:
        self._stream = stream
        self.left = left

    def read(self, size: int | None = None) -> bytes:
        """At most *size* bytes, or all that are left."""
        block = self._stream.read(self.left if size is None else min(size, self.left))
        self.left -= len(block)
        return block


@contextlib.contextmanager
def _asked(folder: Path, names: Iterable[str], form: str) -> Iterator[IO[bytes]]:
    """Output of ``git cat-file`` for a list of objects; it is a file, so that no pipe can fill up."""
    with tempfile.TemporaryFile() as listing:
        listing.write("".join(f"{name}\n" for name in names).encode())
        listing.seek(0)
        command = _command(folder, "cat-file", form)
        with subprocess.Popen(command, stdin=listing, stdout=subprocess.PIPE) as process:  # noqa: S603
            yield cast("IO[bytes]", process.stdout)


def _command(folder: Path, *arguments: str) -> list[str]:
    return ["git", "-C", str(folder), *_CAREFULLY, *arguments]
