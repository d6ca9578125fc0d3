"""Run git, and read its objects as a stream.

:func:`read_git`, :func:`object_names` and :func:`read_objects` read a repository and change nothing in it.
:func:`run_git` runs any command, as a user would.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

T = TypeVar("T")

_READ_ONLY_OPTIONS = (
    "--literal-pathspecs",  # a file's name may look like a pattern
    "--no-optional-locks",  # git status would refresh the index
    "--no-replace-objects",  # a clone may replace objects with others
)


@dataclass(frozen=True, slots=True)
class GitResult:
    """How a git command ended; ``code`` is None if there is no git command on the path.

    Output is decoded as UTF-8, with undecodable bytes of file names kept as surrogates.
    """

    code: int | None
    output: str
    error: str

    @property
    def succeeded(self) -> bool:
        """Whether git ran and ended without an error."""
        return self.code == 0


def run_git(folder: Path, *arguments: str) -> GitResult:
    """Run ``git ARGUMENTS`` in *folder*, to its end. May change the repository."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's git
            capture_output=True,
            check=False,
        )
    except OSError as error:
        return GitResult(None, "", error.strerror or str(error))
    output, error_text = (stream.decode("utf-8", "surrogateescape") for stream in (done.stdout, done.stderr))
    return GitResult(done.returncode, output, error_text)


def read_git(folder: Path, *arguments: str) -> str | None:
    """Return what ``git ARGUMENTS`` prints in *folder*; None if it fails or there is no git.

    The command must be one that only reads, like ``log`` or ``rev-parse``. Undecodable bytes become U+FFFD,
    so that the text can be stored as JSON.
    """
    done = run_git(folder, *_READ_ONLY_OPTIONS, *arguments)
    if not done.succeeded:
        return None
    return done.output.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def object_names(folder: Path, revisions: Iterable[str]) -> Iterator[str | None]:
    """Yield the object name of each revision, ``commit:path``; None if there is no such object."""
    with _cat_file(folder, revisions, "--batch-check=%(objectname)") as stream:
        for line in stream:
            name = line.decode().strip()
            yield None if name.endswith((" missing", " ambiguous")) else name


def read_objects(
    folder: Path, names: Iterable[str], read: Callable[[BoundedStream], T]
) -> Iterator[tuple[str, T]]:
    """Call *read* on each object's bytes; yield the object's name and the result."""
    with _cat_file(folder, names, "--batch") as stream:
        while head := stream.readline().split():
            name, _kind, size = head
            content = BoundedStream(stream, int(size))
            result = read(content)
            content.read()  # what read() left, so that the next object starts here
            stream.read(1)  # the newline after each object
            yield name.decode(), result


class BoundedStream:
    """The next *left* bytes of a longer stream, as a stream of their own."""

    def __init__(self, stream: IO[bytes], left: int) -> None:
        self._stream = stream
        self.left = left

    def read(self, size: int | None = None) -> bytes:
        """Return at most *size* bytes; all that are left if it is None."""
        block = self._stream.read(self.left if size is None else min(size, self.left))
        self.left -= len(block)
        return block


@contextlib.contextmanager
def _cat_file(folder: Path, names: Iterable[str], form: str) -> Iterator[IO[bytes]]:
    """Open the output of ``git cat-file`` for a list of objects.

    The list is passed as a file: writing it to a pipe while git writes the output could block both.
    """
    with tempfile.TemporaryFile() as listing:
        listing.write("".join(f"{name}\n" for name in names).encode())
        listing.seek(0)
        command = ["git", "-C", str(folder), *_READ_ONLY_OPTIONS, "cat-file", form]
        with subprocess.Popen(command, stdin=listing, stdout=subprocess.PIPE) as process:  # noqa: S603
            yield cast("IO[bytes]", process.stdout)
