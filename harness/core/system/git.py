"""Run git, and read its objects as a stream.

:func:`read_git`, :func:`object_names` and :func:`read_objects` read a repository and change nothing in it.
:func:`run_git` runs any command. Whatever is run, a repository's configuration starts no other program: no
hook, filter, file system monitor, pager or credential helper, and nothing is fetched. Variables that point
git elsewhere, as git sets them for its hooks, have no effect.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeVar, cast

from harness.core.errors import UnreadableError, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

T = TypeVar("T")

_READ_ONLY_OPTIONS = (
    "--literal-pathspecs",  # a file's name may look like a pattern
    "--no-optional-locks",  # git status would refresh the index
    "--no-replace-objects",  # a clone may replace objects with others
)

_KEPT_VARIABLES = (
    "GIT_AUTHOR_",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMITTER_",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_KEY_",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_VALUE_",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH",
    "GIT_TEST_",
)
"""Starts of variables that say who the user is and where settings are. All other GIT_* are dropped."""

_FILTERED = frozenset({"add", "clone", "commit", "reset", "status"})
"""Commands that convert files, or compare converted ones."""

CUT_OFF = "Run `git fsck`; in a partial clone, run `git fetch --refetch --no-filter`."
"""What to do about objects that git cannot read."""

_BLOCK_BYTES = 1 << 20
_HEAD_PARTS = 3  # name, kind and size of an object
_NOT_FOLLOWED = frozenset({b"dangling", b"loop", b"notdir", b"symlink"})

_NO_PROGRAMS = {
    "commit.gpgSign": "false",
    "core.askPass": "",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.pager": "cat",
    "credential.helper": "",
    "log.showSignature": "false",
    "safe.bareRepository": "explicit",  # a directory of the project may look like a repository
}


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
    command = ["git", "-C", str(folder), *arguments]
    protocols = "file" if arguments[:1] == ("clone",) else "none"
    try:
        settings = _filters(str(folder)) if _FILTERED & set(arguments) else {}
        done = _run(command, git_environment(protocols=protocols, settings=settings))
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


def git_environment(*, protocols: str = "none", settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment, with git's variables and settings as every command here needs them.

    Parameters
    ----------
    protocols : str
        What git may fetch or clone from.
    settings : mapping of str to str, optional
        More of git's settings, which take the place of those in files.
    """
    values = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT_VARIABLES)
    }
    values |= {
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PAGER": "cat",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    first = int(count) if (count := values.get("GIT_CONFIG_COUNT", "")).isdecimal() else 0
    wanted = {**_NO_PROGRAMS, **(settings or {})}
    for number, (key, value) in enumerate(wanted.items(), first):
        values |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return values | {"GIT_CONFIG_COUNT": str(first + len(wanted))}


def _filters(folder: str) -> Mapping[str, str]:
    """Return settings that turn off all filters that the configuration defines: git would run them."""
    command = ["git", "-C", folder, "config", "--null", "--name-only", "--get-regexp", r"^filter\..*"]
    names = _run(command, git_environment()).stdout.split(b"\0")
    drivers = {os.fsdecode(name.rpartition(b".")[0]) for name in names if name}
    off = {"clean": "", "smudge": "", "process": "", "required": "false"}
    return {f"{driver}.{key}": value for driver in sorted(drivers) for key, value in off.items()}


def _run(command: list[str], variables: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - no shell
        command, capture_output=True, check=False, env=variables, stdin=subprocess.DEVNULL
    )


def object_names(folder: Path, revisions: Iterable[str], *, follow: bool = False) -> Iterator[str | None]:
    """Yield the object name of each revision, ``commit:path``; None if there is no such object.

    Parameters
    ----------
    folder : Path
    revisions : iterable of str
    follow : bool, optional
        Whether to follow symbolic links within a commit. One that leads out of it, or to nothing, is None.

    Raises
    ------
    UnreadableError
        If git fails, with git's own words.
    """
    options = ("--batch-check=%(objectname)", *(("--follow-symlinks",) if follow else ()))
    with _cat_file(folder, revisions, *options) as output:
        for _ in range(output.count):
            line = output.read_line()
            yield None if _is_absent(output, line) else line.decode("ascii", "replace")


def _is_absent(output: _Output, line: bytes) -> bool:
    """Whether a line of ``git cat-file --batch-check`` is about no object; read what belongs to it."""
    if line.endswith((b" missing", b" ambiguous")):
        return True
    kind, _, size = line.partition(b" ")
    if kind not in _NOT_FOLLOWED:
        return False
    output.stream.read(int(size) + 1)  # the name of the link, or where it leads, and a newline
    return True


def read_objects(
    folder: Path, names: Iterable[str], read: Callable[[BoundedStream], T]
) -> Iterator[tuple[str, T]]:
    """Call *read* on each object's bytes; yield the object's name and the result.

    Raises
    ------
    UnreadableError
        If git does not have an object, or fails, with git's own words.
    """
    with _cat_file(folder, names, "--batch") as output:
        for _ in range(output.count):
            head = output.read_line().split()
            if len(head) != _HEAD_PARTS:  # "NAME missing"
                raise output.cut_off(b" ".join(head))
            content = BoundedStream(output.stream, int(head[2]))
            result = read(content)
            while content.read(_BLOCK_BYTES):  # what read() left, so that the next object starts here
                pass
            if content.left or not output.stream.read(1):  # the newline after each object
                raise output.cut_off()
            yield head[0].decode(), result


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


class _Output:
    """What ``git cat-file`` prints about *count* objects, and its complaints."""

    def __init__(self, folder: Path, count: int, stream: IO[bytes], complaints: IO[bytes]) -> None:
        self._folder = folder
        self.count = count
        self.stream = stream
        self._complaints = complaints

    def read_line(self) -> bytes:
        """Return the next line without its end. Raise :class:`UnreadableError` if there is none."""
        line = self.stream.readline()
        if not line.endswith(b"\n"):
            raise self.cut_off()
        return line[:-1]

    def cut_off(self, words: bytes = b"") -> UnreadableError:
        """Return the error for an object that git cannot read; *words* are what git printed in its place."""
        self.stream.read()  # to the end, when git has said all
        self._complaints.seek(0)
        said = b" ".join([self._complaints.read(), words]).decode("utf-8", "replace")
        quoted = printable(" ".join(said.split()))
        return UnreadableError(
            str(self._folder),
            expected="all commits, directories and files of the history",
            found=quoted or "objects that git cannot read",
            message=f"git cannot read all files of the history of {self._folder}"
            + (f": {quoted}" if quoted else ""),
            remedy=CUT_OFF,
        )


@contextlib.contextmanager
def _cat_file(folder: Path, names: Iterable[str], *options: str) -> Iterator[_Output]:
    """Open the output of ``git cat-file`` for a list of objects.

    The list is passed as a file: writing it to a pipe while git writes the output could block both. So is
    what git complains about, which is quoted only if something is missing.
    """
    listed = [name.replace("\n", "\ufffd") + "\n" for name in names]  # names come from records too
    with tempfile.TemporaryFile() as listing, tempfile.TemporaryFile() as complaints:
        listing.write(b"".join(map(_encoded, listed)))
        listing.seek(0)
        command = ["git", "-C", str(folder), *_READ_ONLY_OPTIONS, "cat-file", *options]
        with subprocess.Popen(  # noqa: S603 - no shell
            command, stdin=listing, stdout=subprocess.PIPE, stderr=complaints, env=git_environment()
        ) as process:
            yield _Output(folder, len(listed), cast("IO[bytes]", process.stdout), complaints)


def _encoded(name: str) -> bytes:
    """Return a name in the bytes of the file system; one that no file system has, with replacements."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name.encode("utf-8", "replace")
