"""The registry and the disk -> verdicts. Intact files are verified without numpy, msgspec or click."""

from __future__ import annotations

import errno
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import HarnessError, StaleFormatError, UnreadableError, printable
from harness.core.registry.registry import HISTORY_NAME, read_registry
from harness.core.storage.atomic import is_absent
from harness.core.storage.digest import digest_file, digest_plain_file, digests_of_file, hashing
from harness.core.storage.project import REGISTRY, TRANSACTION, WORKSPACE
from harness.core.storage.pytest_settings import RECORD, with_required_reason
from harness.core.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project

_LARGE_BYTES = 1 << 18
"""Files from this size on gain from threads; with smaller ones, threads wait for the interpreter."""

_MANY_BYTES = 1 << 26
"""Below so many bytes in large files, starting threads costs more than it saves."""

_WATCHED_BYTES = 1 << 31
"""So many bytes take about a second to read: somebody who waits wants to know for how long."""

_MANY_FILES = 20
"""Git is asked for the commits of so many files; it takes a tenth of a second for each."""

_TEXT = frozenset({"manifest", "baseline", "tolerances", "file"})
_LARGEST_TEXT = 1 << 26


class _Known(NamedTuple):
    """A project, its registry's entries, how to restore a file, and who judges one that is not here."""

    project: Project
    entries: Mapping[str, Entry]
    restore: Callable[[str], str]
    absent: Callable[[str], Verdict | None]


def verify(
    project: Project,
    *,
    sha256: bool = False,
    reads_store: bool = True,
    intact: Collection[str] = (),
    watch: Callable[[int], AbstractContextManager[None]] | None = None,
) -> tuple[Verdict, ...]:
    """Compare every registered file with its entry, and look for files that have no entry.

    A file that is not here may be in the project's store. Then its bytes are read there.

    Parameters
    ----------
    project : Project
    sha256 : bool, optional
        Whether to compare SHA-256 digests too. xxh128 is faster and finds accidents; other bytes of one
        size can be made to have the same xxh128.
    reads_store : bool, optional
        Whether to read the files that are only in the store. Without it, the store is asked for their sizes.
    intact : collection of str, optional
        Registered paths whose files were read elsewhere and have the recorded bytes.
    watch : callable, optional
        Called with the number of bytes in all files, if they are so many that it takes seconds to read them;
        they are read within the context that it returns.

    Returns
    -------
    tuple of Verdict
        One per registered path, one per unregistered file in the golden directory, one for a regeneration
        that was interrupted, and one for names that some file systems do not distinguish, sorted by name.

    Raises
    ------
    UnreadableError, StaleFormatError, RefusedError
        If the registry cannot be read, or a path leaves the repository.

    Examples
    --------
    >>> from pathlib import Path
    >>> from harness import Project
    >>> _ = Path("registry.json").write_text('{"entries": {}, "schema": 2}')
    >>> Path("golden").mkdir()
    >>> Path("golden/scan.npz").touch()
    >>> for verdict in verify(Project(Path.cwd())):
    ...     print(f"{verdict.name}: {verdict.outcome.value}")
    golden/scan.npz: unregistered
    """
    entries = read_registry(project.registry).entries
    new = [
        Verdict(path, Outcome.UNREGISTERED, "not in registry.json", _RECORD)
        for path in unregistered(project, entries)
    ]
    others = [*new, *_interrupted(project), *_namesakes(entries)]
    elsewhere: list[str] = []
    judge = verifier(project, entries, sha256=sha256, absent=_noting(project, elsewhere))
    unread = {path: entry for path, entry in entries.items() if path not in intact} if intact else entries
    size = sum(entry.size for entry in unread.values())
    with nullcontext() if watch is None or size < _WATCHED_BYTES else watch(size):
        verdicts = _verify_all(unread, judge)
        if elsewhere:
            found = _verify_stored(project, entries, elsewhere, reads=reads_store)
            verdicts = [found.get(verdict.name, verdict) for verdict in verdicts]
    verdicts += [Verdict(path, Outcome.SAME) for path in intact]
    return tuple(sorted(verdicts + others, key=lambda verdict: verdict.name))


def _noting(project: Project, elsewhere: list[str]) -> Callable[[str], Verdict | None]:
    """Return a function that notes the paths of files which are not here, if the project has a store."""
    has_store: list[bool] = []

    def note(path: str) -> Verdict | None:
        if not has_store:
            from harness.core.storage.remote.settings import find_store  # verify starts without it

            has_store.append(find_store(project) is not None)
        if not has_store[0]:
            return None
        elsewhere.append(path)
        return Verdict(path, Outcome.UNKNOWN)

    return note


def _verify_stored(
    project: Project, entries: Mapping[str, Entry], paths: Sequence[str], *, reads: bool
) -> dict[str, Verdict]:
    """Return the verdicts on files that may be in the store, by path."""
    from harness.core.registry.stored.verdicts import verdicts_in_store  # verify starts without it

    found = verdicts_in_store(project, {path: entries[path] for path in paths}, reads=reads)
    judge = verifier(project, entries)
    for path, stored in found.items():
        if stored.outcome is Outcome.MISSING:  # what else can restore it?
            here = judge(path)
            found[path] = here._replace(detail=f"{here.detail}, {stored.detail}")
    return found


def verifier(
    project: Project,
    entries: Mapping[str, Entry],
    *,
    sha256: bool = False,
    absent: Callable[[str], Verdict | None] = lambda _: None,
) -> Callable[[str], Verdict]:
    """Return a function that compares the file of a registered path with its entry, also by *sha256*.

    Where nothing is at a path, *absent* is asked for the verdict first.

    Each directory is looked up once, so a verifier should not outlive changes of the directory tree. The
    function raises :class:`RefusedError` for a path that leaves the repository, and :class:`UnreadableError`
    for a file whose directory may not be searched.
    """
    root = os.path.realpath(project.root)
    inside: dict[str, bool] = {}
    known = _Known(project, entries, _restorer(project, entries), absent)

    def is_inside(folder: str) -> bool:
        if folder not in inside:
            target = os.path.realpath(f"{root}/{folder}")
            within = target == root or target.startswith(f"{root.rstrip(os.sep)}{os.sep}")
            inside[folder] = within and f"{os.sep}.git{os.sep}" not in f"{target[len(root) :]}{os.sep}"
        return inside[folder]

    def verdict(path: str) -> Verdict:
        entry = entries[path]
        found = None
        if not sha256 and is_inside(path.rpartition("/")[0]):
            found = digest_plain_file(f"{root}/{path}", entry.size)
            if found == entry.xxh128:
                return Verdict(path, Outcome.SAME)
        return _explain(known, path, found, sha256=sha256)

    return verdict


def _verify_all(entries: Mapping[str, Entry], verdict: Callable[[str], Verdict]) -> list[Verdict]:
    """Verdicts on all registered files. Threads read the large ones: hashing releases the interpreter."""
    large = [path for path, entry in entries.items() if entry.size >= _LARGE_BYTES]
    if sum(entries[path].size for path in large) < _MANY_BYTES:
        return list(map(verdict, entries))
    from concurrent.futures import ThreadPoolExecutor

    apart = set(large)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            waiting = pool.map(verdict, large)
            found = [verdict(path) for path in entries if path not in apart]
            found += waiting
        except BaseException:  # such as Ctrl-C, which threads do not get
            hashing.stopped = True
            pool.shutdown(cancel_futures=True)
            hashing.stopped = False
            raise
    return found


def is_intact(path: Path, entry: Entry) -> bool:
    """Whether a file has its entry's size and digest."""
    return path.stat().st_size == entry.size and digest_file(path) == entry.xxh128


def differs_in_line_endings(path: Path, entry: Entry) -> bool:
    """Whether a text file has its entry's content, but for CRLF at the ends of lines in place of LF."""
    if entry.kind not in _TEXT or not entry.size < path.stat().st_size <= min(2 * entry.size, _LARGEST_TEXT):
        return False
    import hashlib

    text = path.read_bytes().replace(b"\r\n", b"\n")
    return len(text) == entry.size and f"sha256:{hashlib.sha256(text).hexdigest()}" == entry.sha256


def unregistered(project: Project, entries: Container[str]) -> Iterator[str]:
    """Yield the files in the golden directory without an entry, but for hidden ones and the history."""
    for folder, folders, names in os.walk(project.golden):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inner = os.path.relpath(folder, project.root).replace(os.sep, "/")
        for name in names:
            ours = name == HISTORY_NAME and inner == project.golden_name
            if not (ours or name.startswith(".") or f"{inner}/{name}" in entries):
                yield printable(f"{inner}/{name}")  # a registered name has only printable characters


def _explain(known: _Known, path: str, found: str | None, *, sha256: bool) -> Verdict:
    """Verdict on a file that the fast comparison did not accept; *found* is its digest, if known."""
    project, entries, restore, absent = known
    file, entry = project.locate(path), entries[path]
    elsewhere = absent(path) if is_absent(file) else None
    missing = elsewhere or _absent(project, path, entry) or _missing(project, path, entry, restore)
    if missing is not None:
        return missing
    size = file.stat().st_size
    detail = f"expected {entry.size} bytes, found {size}"
    if size == entry.size:
        detail = _digest_detail(file, entry, found, sha256=sha256)
        if not detail:
            return Verdict(path, Outcome.SAME)
    if differs_in_line_endings(file, entry):
        detail = "line endings: expected LF, found CRLF, as git writes them if core.autocrlf is set"
        return Verdict(path, Outcome.DRIFTED, detail, _restore_line_endings(project))
    try:
        outcome = _content_outcome(project, path, entries)
    except StaleFormatError as error:
        return Verdict(path, Outcome.STALE, error.found, error.remedy)
    except HarnessError as error:
        return Verdict(path, Outcome.CORRUPT, f"{detail}; {error.found}", restore(path))
    return Verdict(path, outcome, detail, restore(path))


def _absent(project: Project, path: str, entry: Entry) -> Verdict | None:
    """Verdict on a file whose content Git LFS or git-annex keeps, and that this clone does not have."""
    from harness.core.storage.lfs import absent_content

    absent = absent_content(project.root, path, entry.sha256)
    if absent is None:
        return None
    detail = f"expected {entry.size} bytes, found {absent.found} to content that this clone does not have"
    return Verdict(path, Outcome.MISSING, detail, f"Run `{absent.command}`.")


def _missing(project: Project, path: str, entry: Entry, restore: Callable[[str], str]) -> Verdict | None:
    """Verdict on a path without a file; None if there is one."""
    file = project.locate(path)
    if is_present(file):
        return None
    there = os.path.exists(file)  # noqa: PTH110 - pathlib's raises an error if a link's target is too long
    present = "something that is not a file" if there else "no file"
    detail = f"expected {entry.size} bytes, found {present}"
    command = _sparse_remedy(project, path)
    if command:
        return Verdict(path, Outcome.MISSING, f"{detail}: a sparse checkout left it out", f"Run `{command}`.")
    return Verdict(path, Outcome.MISSING, detail, restore(path))


def _sparse_remedy(project: Project, path: str) -> str:
    """Command that checks out a file which a sparse checkout left out; empty for any other file."""
    from harness.core.system.git_objects import is_in_repository
    from harness.core.system.work_tree import check_out_all, left_out

    try:
        is_left_out = is_in_repository(project.root) and left_out(project.root, path)
    except UnreadableError:
        return ""  # a file is missing, whatever git says
    return check_out_all(project.golden_name) if is_left_out else ""


def _digest_detail(file: Path, entry: Entry, found: str | None, *, sha256: bool) -> str:
    """How the digests of a file of the right size differ from its entry's; empty if they do not."""
    if sha256:
        digests = digests_of_file(file)
        pairs = [(entry.sha256, digests[1]), (entry.xxh128, digests[0])]
    else:
        pairs = [(entry.xxh128, found or digest_file(file))]
    return next((f"expected {one}, found {other}" for one, other in pairs if one != other), "")


def is_present(path: Path) -> bool:
    """Whether there is a regular file. A link to a target that no path can be leads to none.

    Raises
    ------
    UnreadableError
        If that cannot be known.
    """
    try:
        return path.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise UnreadableError(
            str(path),
            expected="a golden file that may be read",
            found=error.strerror or str(error),
            remedy="Correct its permissions, or those of its directory.",
        ) from error


def _content_outcome(project: Project, path: str, entries: Mapping[str, Entry]) -> Outcome:
    """Verdict on changed bytes that can still be read as what they were. Raise if they cannot."""
    kind = entries[path].kind
    if kind == "fixture":
        return _archive_outcome(project, path, entries)
    if kind == "manifest":
        from harness.core.fixtures.manifest import read_manifest

        read_manifest(project.locate(path))
    elif kind == "baseline":
        from harness.core.baselines.baseline import read_baseline

        read_baseline(project.locate(path))
    elif kind == "tolerances":
        from harness.core.baselines.array_tolerances import read_tolerance_document

        read_tolerance_document(project.locate(path))
    return Outcome.DRIFTED


def _archive_outcome(project: Project, path: str, entries: Mapping[str, Entry]) -> Outcome:
    """Whether another archive has the arrays that an intact manifest describes, both by SHA-256.

    xxh128 must not decide: anybody can make other arrays, and another manifest, that have the same one.
    """
    from pathlib import PurePosixPath

    from harness.core.fixtures.manifest import read_manifest
    from harness.core.registry.golden_names import manifest_of
    from harness.core.registry.repacked import is_repacked
    from harness.core.storage.npz import Arrays

    archive = project.locate(path)
    manifest = str(manifest_of(PurePosixPath(path)))
    if (
        manifest not in entries
        or verifier(project, entries, sha256=True)(manifest).outcome is not Outcome.SAME
    ):
        for _ in Arrays(archive).values():  # raises if it is not even a sound archive
            pass
        return Outcome.DRIFTED
    repacked = is_repacked(archive, read_manifest(project.locate(manifest)))
    return Outcome.REPACKED if repacked else Outcome.DRIFTED


def _namesakes(entries: Mapping[str, Entry]) -> Iterator[Verdict]:
    """Yield a verdict on names that differ only by case or Unicode form, as after a merge of two branches."""
    if all(path.isascii() and path == path.lower() for path in entries):
        return  # without the cost of Unicode
    from harness.core.storage.names import ONLY_BY_CASE, namesakes

    for _, path, other in namesakes(sorted(entries)):
        detail = f"{other!r} and {path!r} {ONLY_BY_CASE}"
        yield Verdict(REGISTRY, Outcome.CORRUPT, detail, _RENAME)


def _interrupted(project: Project) -> list[Verdict]:
    """A verdict on a regeneration that has begun and not ended, if there is one."""
    if not project.is_interrupted:
        return []
    from harness.core.storage.lock import is_write_locked

    if is_write_locked(project):
        return [Verdict("regeneration", Outcome.INTERRUPTED, "running now", "Wait for it to end.")]
    from harness.core.storage.journal_token import FOREIGN, is_foreign_journal

    if is_foreign_journal(project):
        remedy = f"Delete {TRANSACTION}; if git tracks it, run `git rm -r -q -f {WORKSPACE}`."
        return [Verdict("regeneration", Outcome.INTERRUPTED, FOREIGN, remedy)]
    detail = "golden files may be partly old and partly new"
    return [Verdict("regeneration", Outcome.INTERRUPTED, detail, "Run `harness recover`.")]


def _restore_line_endings(project: Project) -> str:
    files = f"{project.golden_name} {REGISTRY}"
    again = f"`git rm -r -q --cached {files}`, then `git checkout HEAD -- {files}`"
    return f"Run `harness install-git`, then {again}."


def _restorer(project: Project, entries: Mapping[str, Entry]) -> Callable[[str], str]:
    """Return a function that says how to get the recorded bytes of a file back.

    The command works also if other bytes were committed. To find the commit takes time, so git is asked for
    a few files only.
    """
    asked: set[str] = set()

    def restore(path: str) -> str:
        from harness.core.storage.lfs import fetch_again, is_damaged_content, kept_places

        if is_damaged_content(project.root, path, entries[path].sha256):
            return fetch_again(kept_places(project.root, path)[0])
        asked.add(path)
        first = _restore_from_git(project, path, entries[path]) if len(asked) <= _MANY_FILES else _ASK_AUDIT
        if entries[path].kind == "tolerances":
            return f"{first}, or {_MEASURE}"
        return with_required_reason(f"{first}, or {_AGAIN}", project.root)

    return restore


def _restore_from_git(project: Project, path: str, entry: Entry) -> str:
    import shlex

    from harness.core.registry.committed_bytes import SHORT, find_commit
    from harness.core.system.git_objects import is_in_repository

    if not is_in_repository(project.root):
        return "Restore it from a copy"
    try:
        commit, place = find_commit(project, path, entry.sha256)
    except UnreadableError:
        return "Restore it from a copy, because git cannot be asked for it"
    if not commit:
        return "Restore it from a copy, because no commit has the recorded bytes"
    return f"Restore it with `git checkout {commit[:SHORT]} -- {shlex.quote(place)}`"


_RECORD = "Register it with `harness add`, or delete it."
_RENAME = "Record one of them under another name, then delete its old file and entry."
_AGAIN = f"re-record it with `{RECORD}`."
_MEASURE = 'measure again with `harness calibrate --reason "..."`.'
_ASK_AUDIT = "Restore it with the command that `harness audit` prints"
