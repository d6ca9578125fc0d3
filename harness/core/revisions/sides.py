"""The golden files of one revision: of a commit, read from git's objects, or of the work tree.

No commit is checked out, and nothing that a repository configures is run. A file is copied to a directory
when it is compared, so that one pair of files is on disk at a time.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from harness.core.errors import HarnessError, RefusedError, StaleFormatError, UnreadableError
from harness.core.registry.committed_bytes import digests_of_files
from harness.core.registry.format import decode_registry
from harness.core.registry.history import History, decode_history, read_history
from harness.core.registry.registry import HISTORY_NAME, read_registry
from harness.core.registry.stored.cached_store import absent_files, find_cached_store
from harness.core.registry.verify import is_present, unregistered
from harness.core.storage.digest import sha256_file
from harness.core.storage.lfs import absent_content
from harness.core.storage.project import REGISTRY, require_inner
from harness.core.system.git import BoundedStream
from harness.core.system.git_links import find_files
from harness.core.system.git_objects import GitFile, ask_git, read_files
from harness.core.system.pointers import MAX_BYTES, parse_annex_link, parse_annex_pointer, parse_pointer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.core.registry.format import Entry
    from harness.core.revisions.values import RevisionName
    from harness.core.storage.project import Project
    from harness.core.system.pointers import Pointer

_BLOCK_BYTES = 1 << 20
_SHA1_DIGITS = 40
_LINK = "120000"


class Side(Protocol):
    """The golden files of one revision.

    Attributes
    ----------
    name : RevisionName
    entries : mapping of str to Entry
        Of its registry; empty if it has none.
    history : History
        Its records; empty if it has none, or if they cannot be read.
    obstacle : str
        Why its records cannot be read; empty if they can.
    paths : frozenset of str
        The registered files that are there, and other files in the golden directory.
    """

    name: RevisionName
    entries: Mapping[str, Entry]
    history: History
    obstacle: str
    paths: frozenset[str]

    def object_name(self, path: str) -> str:
        """Return the name that git has, or would have, for a file's bytes."""

    def read_digests(self, paths: Iterable[str]) -> None:
        """Read the digests of several files at once, which :meth:`sha256` then has at hand."""

    def sha256(self, path: str) -> str:
        """Return the digest of a file's content, also if only a pointer to it is there."""

    def fetch(self, path: str, target: Path) -> Path:
        """Return a file with the content: the file itself, or a copy at *target*.

        Raises
        ------
        UnreadableError
            If the content is not here.
        """


class _Stored:
    """The registered files of one side whose bytes are in the project's store, as it is set today.

    Attributes
    ----------
    paths : frozenset of str
        Those of *absent* that the store has; none if the project has no store. Of a store that does not
        answer, it is only known when a file is fetched.
    """

    def __init__(self, project: Project, entries: Mapping[str, Entry], absent: Collection[str]) -> None:
        self._entries = entries
        self._remote = find_cached_store(project) if absent else None
        self.paths = frozenset(self._found(absent) if self._remote else ())

    def _found(self, absent: Collection[str]) -> Iterator[str]:
        wanted = {path: self._entries[path] for path in absent}
        there = self._remote.known(wanted.values()) if self._remote else None
        yield from (path for path, entry in wanted.items() if there is None or entry.sha256 in there)

    def sha256(self, path: str) -> str:
        """Return the digest by which the store knows a file; empty if it is not one of these."""
        return self._entries[path].sha256 if path in self.paths else ""

    def fetch(self, path: str) -> Path:
        """Return a file of the cache with the bytes, fetched from the store if need be."""
        if self._remote is None:
            raise KeyError(path)
        return self._remote.copy_of(self._entries[path])


class CommitSide:
    """The golden files of a commit."""

    def __init__(self, project: Project, name: RevisionName) -> None:
        """Read the registry and the history of *project* in a commit.

        Raises
        ------
        UnreadableError, StaleFormatError, RefusedError
            If the registry cannot be read, or git lacks an object of the commit.
        """
        self.name = name
        self._project = project
        self._prefix = ask_git(project.root, "rev-parse", "--show-prefix").removesuffix("\n")
        self._files = self._listed()
        self.entries = self._read_entries()
        self._files |= self._through_links(self.entries.keys() - self._files.keys())
        inner = f"{project.golden_name}/"
        golden = {path for path in self._files if path.startswith(inner) and _is_visible(path[len(inner) :])}
        self._stored = _Stored(project, self.entries, self.entries.keys() - self._files.keys())
        registered = self.entries.keys() & self._files.keys() | self._stored.paths
        self.paths = frozenset(filter(_may_be_registered, golden | registered))
        self._digests: dict[GitFile, str] = {}
        self.history, self.obstacle = self._read_history()

    def object_name(self, path: str) -> str:
        """Return the name of the file's object; in the store it is its SHA-256."""
        return self._stored.sha256(path) or self._files[path].blob

    def read_digests(self, paths: Iterable[str]) -> None:
        """Read the digests of several files with one call of git."""
        wanted = {self._files[path] for path in paths if path in self._files} - self._digests.keys()
        self._digests |= digests_of_files(self._project, wanted) if wanted else {}

    def sha256(self, path: str) -> str:
        """Return the digest of a file's content, which only its pointer may have."""
        if path in self._stored.paths:
            return self._stored.sha256(path)
        self.read_digests([path])
        return self._digests[self._files[path]]

    def fetch(self, path: str, target: Path) -> Path:
        """Copy a file from git to *target*; a pointer is followed to what is here, or to the store."""
        if path in self._stored.paths:
            return self._stored.fetch(path)
        pointer = self._copy(self._files[path], target)
        if pointer is None:
            return target
        content = self._content(path, pointer)
        if content is None:
            raise self._absent(path, pointer)
        return content

    def _listed(self) -> dict[str, GitFile]:
        """All files of the project that are neither links nor in other repositories, by their paths."""
        options = "ls-tree", "-r", "-z", "--full-tree", self.name.commit
        where = ("--", self._prefix) if self._prefix else ()
        found = {}
        for line in ask_git(self._project.root, "--literal-pathspecs", *options, *where).split("\0"):
            head, _, path = line.partition("\t")
            mode, _, rest = head.partition(" ")
            kind, _, blob = rest.partition(" ")
            if kind == "blob" and mode != _LINK:
                found[path.removeprefix(self._prefix)] = GitFile(blob)
        return found

    def _through_links(self, paths: set[str]) -> dict[str, GitFile]:
        """Files that are links, or in directories that are, as a checkout would find them."""
        places = {(self.name.commit, f"{self._prefix}{path}"): path for path in sorted(paths)}
        found = find_files(self._project.root, places) if places else {}
        return {places[place]: file for place, file in found.items() if file}

    def _read_entries(self) -> Mapping[str, Entry]:
        text = self._text(REGISTRY)
        if text is None:
            return {}
        try:
            return decode_registry(text, self._label(REGISTRY)).entries
        except StaleFormatError as error:
            raise StaleFormatError(
                error.thing,
                expected=error.expected,
                found=error.found,
                message=error.message,
                remedy="Compare two revisions with this format.",
            ) from error

    def _read_history(self) -> tuple[History, str]:
        path = f"{self._project.golden_name}/{HISTORY_NAME}"
        text = self._text(path)
        if text is not None and parse_pointer(text[:MAX_BYTES]):
            return History(), f"{self._label(path)} is a pointer of Git LFS"
        try:
            return decode_history(text or b"", self._label(path)), ""
        except HarnessError as error:
            return History(), f"{self._label(path)} cannot be read: {error.found}"

    def _text(self, path: str) -> bytes | None:
        """Return the bytes of a file; None if the commit has none at *path*."""
        file = self._files.get(path) or self._through_links({path}).get(path)
        if file is None:
            return None
        ((_, data),) = read_files(self._project.root, [file.blob], BoundedStream.read)
        return data

    def _copy(self, file: GitFile, target: Path) -> Pointer | None:
        """Copy an object to *target*; return the pointer that it is instead of content, if it is one."""

        def read(stream: BoundedStream) -> Pointer | None:
            first = stream.read(MAX_BYTES)
            if file.is_link:
                return parse_annex_link(first)
            pointer = None if stream.left else parse_pointer(first) or parse_annex_pointer(first)
            target.unlink(missing_ok=True)  # an array of the last file may still be mapped
            with target.open("wb") as copy:
                copy.write(first)
                while block := stream.read(_BLOCK_BYTES):
                    copy.write(block)
            return pointer

        ((_, found),) = read_files(self._project.root, [file.blob], read)
        return found

    def _content(self, path: str, pointer: Pointer) -> Path | None:
        """Return a file of the clone with the content of a pointer: in Git LFS's store, or checked out."""
        if pointer.digest is None:
            return None
        digits = pointer.digest.removeprefix("sha256:")
        common = ask_git(self._project.root, "rev-parse", "--git-common-dir").removesuffix("\n")
        store = self._project.root / common / "lfs" / "objects" / digits[:2] / digits[2:4] / digits
        places = [store, *([self._project.root / path] if is_present(self._project.root / path) else [])]
        return next((file for file in places if file.is_file() and sha256_file(file) == pointer.digest), None)

    def _absent(self, path: str, pointer: Pointer) -> UnreadableError:
        text = pointer.digest or "content without a SHA-256"
        return UnreadableError(
            self._label(path),
            expected="a file whose content is in this clone",
            found=f"a pointer to {text}",
            message=f"{self._label(path)} is a pointer of Git LFS or git-annex, and its content is not here",
            remedy=f"Run `git lfs fetch origin {self.name.commit}`, or `git annex get`, then try again.",
        )

    def _label(self, path: str) -> str:
        return f"{self.name.typed}:{path}"


class WorkTreeSide:
    """The golden files on disk."""

    def __init__(self, project: Project, name: RevisionName) -> None:
        """Read the registry and the history of *project* on disk.

        Raises
        ------
        UnreadableError, StaleFormatError, RefusedError
            If the registry cannot be read.
        """
        self.name = name
        self._project = project
        self.entries = read_registry(project.registry).entries
        registered = {path for path in self.entries if is_present(project.locate(path))}
        pointers = {path for path in self.entries if absent_content(project.root, path)}
        others = filter(_may_be_registered, unregistered(project, self.entries))
        self._stored = _Stored(project, self.entries, absent_files(project, self.entries))
        self.paths = frozenset((*registered, *pointers, *self._stored.paths, *others))
        digits = len(ask_git(project.root, "rev-parse", "HEAD").strip())
        self._algorithm = "sha1" if digits == _SHA1_DIGITS else "sha256"
        try:
            self.history, self.obstacle = read_history(project), ""
        except HarnessError as error:
            self.history, self.obstacle = History(), str(error)

    def object_name(self, path: str) -> str:
        """Return the name that git would give the file's bytes; in the store it is their SHA-256.

        Empty if they are not here.
        """
        if path in self._stored.paths:
            return self._stored.sha256(path)
        file = self._project.locate(path)
        if not is_present(file):
            return ""
        state = hashlib.new(self._algorithm, usedforsecurity=False)
        state.update(b"blob %d\0" % file.stat().st_size)
        for block in _blocks(file):
            state.update(block)
        return state.hexdigest()

    def read_digests(self, paths: Iterable[str]) -> None:
        """Do nothing: a file on disk is as fast on its own."""

    def sha256(self, path: str) -> str:
        """Return the digest of the file, or that of the content that a pointer stands for."""
        if path in self._stored.paths:
            return self._stored.sha256(path)
        absent = absent_content(self._project.root, path)
        if absent is not None:
            return absent.pointer.digest or absent.found
        return sha256_file(self._project.locate(path))

    def fetch(self, path: str, target: Path) -> Path:  # noqa: ARG002 - the file itself is at hand
        """Return the file itself, or a copy of what the store has."""
        if path in self._stored.paths:
            return self._stored.fetch(path)
        absent = absent_content(self._project.root, path)
        if absent is None:
            return self._project.locate(path)
        raise UnreadableError(
            path,
            expected="a file whose content is in this clone",
            found=absent.found,
            message=f"{path} is {absent.found}, and its content is not here",
            remedy=f"Run `{absent.command}`.",
        )


def open_side(project: Project, name: RevisionName) -> Side:
    """Return the golden files of a revision of *project*. Raises as the sides' constructors."""
    return WorkTreeSide(project, name) if name.is_work_tree else CommitSide(project, name)


def _is_visible(inner: str) -> bool:
    """Whether a file below the golden directory may be a golden file: neither hidden nor the history."""
    return inner != HISTORY_NAME and not any(part.startswith(".") for part in inner.split("/"))


def _may_be_registered(path: str) -> bool:
    """Whether the registry can have a path; no golden file has another name."""
    try:
        require_inner(path)
    except RefusedError:
        return False
    return True


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            yield block
