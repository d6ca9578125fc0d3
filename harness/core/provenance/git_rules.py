"""Rules that need what git keeps of golden files and their records -> findings.

There are two rules. No commit, merges included, may lose a history line that one of its parents had. And a
commit that changes golden bytes must have a record that vouches for the new bytes.

Honest mistakes break the first rule too: ``git revert`` takes the lines of the reverted commit out of the
history. Once they are added again nothing is lost. So only lines that are still missing today are held
against a commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness.core.provenance.finding import COMMIT, Rank, broken, note, restore, restore_state, weak
from harness.core.provenance.git_history import WORK_TREE
from harness.core.registry.committed_bytes import KEY, LINK
from harness.core.registry.history import own_records
from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.core.provenance.evidence import Evidence, FileEvidence
    from harness.core.provenance.finding import AuditFinding
    from harness.core.provenance.git_history import Change, Commit, GitHistory
    from harness.core.registry.history import Record


class _Version(NamedTuple):
    """A golden file's bytes as one commit has them, unlike a parent of it."""

    file: FileEvidence
    sha256: str
    commit: Commit
    change: Change


@dataclass(frozen=True, slots=True)
class _Index:
    """All records of git and of the work tree, by what rules look for.

    Attributes
    ----------
    today : frozenset of str
        History lines on disk.
    records : mapping of str to Record
        By digest.
    of_path : mapping of str to set of str
        Digests by path.
    of_bytes : mapping of str to set of str
        Digests by the SHA-256 that the record vouches for.
    arrived : mapping of str to int
        When each history line came to the main line of history (of first parents); smaller is earlier.
    """

    today: frozenset[str]
    records: Mapping[str, Record]
    of_path: Mapping[str, set[str]]
    of_bytes: Mapping[str, set[str]]
    arrived: Mapping[str, int]

    def rewritten_from(self, digest: str) -> list[str]:
        """Digests of records of the same bytes, after the same record, with other words."""
        record = self.records[digest]
        same = self.of_bytes[record.sha256] & self.of_path[record.path] - {digest}
        return sorted(other for other in same if self.records[other].previous == record.previous)


def judge_in_git(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield what git shows about golden files and their records."""
    index, git = _index(evidence), evidence.git
    for file in evidence.files.values():
        yield from _judge_rewritten(file, evidence, index)
    if git is None:
        return
    yield from _judge_lost_lines(evidence, git, index)
    yield from _judge_bytes(evidence, git, index)
    for file in evidence.files.values():
        yield from _judge_committed(file, git)
        if not git.shallow:
            yield from _judge_revisions(file, git)
            yield from _judge_restart(file, git, index)
            yield from _judge_forks(file, evidence, git, index)


def _index(evidence: Evidence) -> _Index:
    records = {**(evidence.git.records if evidence.git else {}), **evidence.history.records}
    of_path: dict[str, set[str]] = {}
    of_bytes: dict[str, set[str]] = {}
    for digest, record in records.items():
        of_path.setdefault(record.path, set()).add(digest)
        of_bytes.setdefault(record.sha256, set()).add(digest)
    arrived = _arrivals(evidence.git) if evidence.git else {}
    return _Index(evidence.history.digests, records, of_path, of_bytes, arrived)


def _arrivals(git: GitHistory) -> dict[str, int]:
    """For each history line, its first commit among HEAD, its first parent, the first parent of that ..."""
    lines = {commit.id: commit.lines for commit in git.commits}
    main: list[str] = []
    commit = next(iter(git.parents), None)
    while commit is not None:
        main.append(commit)
        commit = next(iter(git.parents.get(commit, ())), None)
    arrived: dict[str, int] = {}
    for number, name in enumerate(reversed(main)):
        for line in lines.get(name, ()):
            arrived.setdefault(line, number)
    return arrived


def _judge_lost_lines(evidence: Evidence, git: GitHistory, index: _Index) -> Iterator[AuditFinding]:
    """No commit may lose a line of the history that one of its parents had."""
    commits = (*reversed(git.commits), git.work_tree)
    replacements = {commit.id: _replacements(commit, index) for commit in commits}
    # A line that any commit simply added is not false. Which of two branches came first does not matter.
    added = frozenset().union(*(commit.added - replacements[commit.id] for commit in commits))
    false: set[str] = set()  # lines that came in place of true ones
    for commit in commits:
        for change in commit.changes:
            yield from _judge_loss(evidence, index, commit, change, false)
        false |= replacements[commit.id] - added


def _judge_loss(
    evidence: Evidence, index: _Index, commit: Commit, change: Change, false: set[str]
) -> Iterator[AuditFinding]:
    """Judge the lines that a commit lost compared with one parent.

    A line that came in place of another may go: that is how a rewritten record is corrected.
    """
    by_path: dict[str, list[str]] = {}
    for line in change.lost:
        path = index.records[line].path if line in index.records else evidence.history_path
        by_path.setdefault(path, []).append(line)
    only_others = by_path.keys() == {evidence.history_path}
    for path, lines in sorted(by_path.items()):
        missing = [line for line in lines if line not in index.today and line not in false]
        if path == evidence.history_path and not only_others:
            continue  # environments that went with their records
        if missing and change.elsewhere:
            detail = f"{_where(commit)} put a project with the same files into {change.elsewhere}"
            yield weak(path, "merged", f"{detail}, and {_names(missing, index)} with it")
        elif missing and _is_taken_back(index, commit, path, missing):
            yield note(path, "restored", f"{_where(commit)} took back {_names(missing, index)}")
        elif missing:
            yield _lost(evidence, index, commit, change, path, _names(missing, index))
        elif commit.id != WORK_TREE:
            yield note(path, "restored", _found_again(commit))


def _is_taken_back(index: _Index, commit: Commit, path: str, lines: list[str]) -> bool:
    """Whether lost lines only say that files were removed or renamed, and all of them are as before that.

    Then nothing is hidden, as after ``git revert``: each file's bytes, entry and records are back.
    """
    records = [index.records[line] for line in lines if line in index.records]
    places = {path, *(place for record in records for place in (record.moved_from, record.moved_to) if place)}
    return (
        len(records) == len(lines)
        and not any(record.is_version for record in records)
        and places <= commit.restored
    )


def _lost(  # noqa: PLR0913, PLR0917 - what the sentence says
    evidence: Evidence, index: _Index, commit: Commit, change: Change, path: str, names: str
) -> AuditFinding:
    """Finding for lines that a commit lost and that are still missing.

    A file that lost all its records was not restored if it was recorded again, or if the same commit records
    other files, among which it may be under another name: its past is hidden.
    """
    parent, history = (change.parent or "")[:12], evidence.history_path
    command = f"git show {quote(f'{parent}:{change.history}')} >> {quote(history)}"
    if not index.today:  # not even the directory may be there
        command = f"git checkout {parent} -- {quote(history)}"
    remedy = f"Add them again with `{command}`, then commit."
    has_records = index.of_path.get(path, set()) & commit.lines
    is_gone = path not in evidence.files and not commit.added & index.records.keys()
    if (
        path in commit.restored
        and (has_records or is_gone)
        and not _is_rewriting_merge(commit, change, index)
    ):
        detail = f"{_where(commit)} took it back to an earlier state and lost {names}"
        return weak(path, "restored", detail, remedy)
    return broken(
        path, "lost", f"{names}: in the history of commit {parent}, lost in {_where(commit)}", remedy
    )


def _is_rewriting_merge(commit: Commit, change: Change, index: _Index) -> bool:
    """Whether a merge has a record of another branch in place of one of the same bytes that it lost."""
    is_merge = len({other.parent for other in commit.changes}) > 1
    lost = change.lost & index.records.keys()
    return is_merge and any(not commit.lines.isdisjoint(index.rewritten_from(line)) for line in lost)


def _replacements(commit: Commit, index: _Index) -> set[str]:
    """Records that a commit has in place of others of the same bytes, which it lost."""
    lost = {line for change in commit.changes for line in change.lost}
    new = (line for line in commit.added if line in index.records)
    return {line for line in new if lost.intersection(index.rewritten_from(line))}


def _judge_rewritten(file: FileEvidence, evidence: Evidence, index: _Index) -> Iterator[AuditFinding]:
    """The registry must not rely on a record that was rewritten, even if the true one is there as well.

    One recording writes one line. Two lines of the same bytes, after the same record, with the same date but
    another author or reason are one line that was rewritten; so are two lines one of which a commit put in
    place of the other. The one that was committed first is true. If two branches have one each, it is the one
    that was on the main line first; but a merge can swap the branches, so a doubt remains.
    """
    for digest in file.digests:
        for other in index.rewritten_from(digest):
            finding = _judge_twin(file, evidence, index, digest, other)
            if finding is not None:
                yield finding


def _judge_twin(
    file: FileEvidence, evidence: Evidence, index: _Index, digest: str, other: str
) -> AuditFinding | None:
    """Judge a record that the registry relies on, and another one of the same bytes."""
    git, record, twin = evidence.git, index.records[digest], index.records[other]
    detail = f"{_name(record)} was {_name(twin)} before it was rewritten"
    same_recording = record.at == twin.at
    if git is None or git.shallow:
        unclear = f"{_name(record)} and {_name(twin)} are one recording; git cannot say which is true"
        return weak(file.path, "rewritten", unclear) if same_recording and other in index.today else None
    mine, its = git.introduced.get(digest, git.work_tree), git.introduced.get(other, git.work_tree)
    replaced = any(other in change.lost for change in mine.changes)
    if not (same_recording or replaced) or _is_before(git, mine, its):
        return None
    arrival, its_arrival = (index.arrived.get(line, len(git.parents)) for line in (digest, other))
    if _is_before(git, its, mine) or its_arrival < arrival:
        return broken(file.path, "rewritten", f"{detail}, in {_where(mine)}", _remedy(evidence, its))
    if other not in index.today:
        return None
    unclear = f"{_name(record)} and {_name(twin)} are one recording; neither was committed before the other"
    return (weak if arrival < its_arrival else broken)(
        file.path, "rewritten", unclear, _remedy(evidence, its)
    )


def _is_before(git: GitHistory, commit: Commit, other: Commit) -> bool:
    """Whether a commit leads to another one; every commit leads to the work tree."""
    if commit.id in {other.id, WORK_TREE}:
        return False
    return other.id == WORK_TREE or commit.id in git.ancestors([other.id])


def _remedy(evidence: Evidence, commit: Commit) -> str:
    files = f"{REGISTRY} {quote(evidence.history_path)}"
    return f"`git checkout {commit.id[:12]} -- {files}` restores the state of commit {commit.id[:12]}."


def _judge_bytes(evidence: Evidence, git: GitHistory, index: _Index) -> Iterator[AuditFinding]:
    """A commit that changed golden bytes must have a record that vouches for them."""
    if git.in_lfs:
        return  # which records a commit had is not known
    reported: set[tuple[str, str]] = set()
    newest: dict[str, str | None] = {}
    for commit in git.commits:
        for path, content in commit.files.items():
            newest.setdefault(path, content)
    for commit in reversed(git.commits):  # a version is held against the first commit that has it
        for change in commit.changes:
            for path, sha256 in change.files.items():
                file = evidence.files.get(path)
                if file is None or sha256 is None or (path, sha256) in reported:
                    continue
                version = _Version(file, sha256, commit, change)
                is_known = not sha256.startswith((LINK, KEY))
                finding = _judge_version(version, index) if is_known else _unread(version, newest)
                if finding is not None:
                    yield finding
                    if finding.rank is not Rank.INFORMATIONAL:
                        reported.add((path, sha256))


def _judge_version(version: _Version, index: _Index) -> AuditFinding | None:
    file, sha256, commit, change = version
    path, where = file.path, _where(commit)
    anywhere = index.of_bytes.get(sha256, set())
    vouching = {line for line in anywhere if _is_record_of(index.records[line], path)}
    if vouching & commit.lines:
        if vouching & change.added:
            return None
        return note(path, "restored", f"{where} brought back bytes that were recorded before")
    if vouching & index.today:
        if commit.before_history:
            return None  # the records of that time are in today's history
        detail = f"{where} changed the bytes, another commit added their record"
        return weak(path, "separate", detail, COMMIT)
    if moved := anywhere & commit.lines:
        old = index.records[min(moved)].path
        return note(path, "renamed", f"{where} brought bytes that were recorded as {old}")
    return _unrecorded(version)


def _unread(version: _Version, newest: Mapping[str, str | None]) -> AuditFinding:
    """Finding for a version of which git has no content, and no SHA-256 of it either."""
    path = version.file.path
    start, _, what = version.sha256.partition(":")
    if f"{start}:" == KEY:
        detail = f"{_where(version.commit)} has the git-annex key {what}, which is not a SHA-256"
        return note(path, "unread", detail, _BACKEND)
    detail = f"{_where(version.commit)} has a link to {what} in its place, and nothing there"
    if newest.get(path) != version.sha256:
        return note(path, "unread", f"{detail}; it has been replaced since")
    return weak(path, "unread", detail, "Commit the file itself, or what the link leads to.")


def _unrecorded(version: _Version) -> AuditFinding:
    """Finding for bytes that no record vouches for."""
    file, where = version.file, _where(version.commit)
    is_current = file.on_disk is not None and file.on_disk.sha256 == version.sha256
    if version.commit.before_history:
        return note(file.path, "unrecorded", f"{where} changed the bytes before the project had a history")
    if is_current and file.repacked:
        return note(file.path, "repacked", f"{where} packed the same arrays differently")
    detail = f"{where} changed the bytes without a record of them"
    if is_current:
        return broken(file.path, "unrecorded", detail, _take_back(file))
    return weak(file.path, "replaced", f"{detail}; they have been replaced since")


def _take_back(file: FileEvidence) -> str:
    """How to get back the bytes that a record vouches for."""
    if file.sound_in:
        return restore_state(file.sound_paths, file.sound_in)
    if file.kept_in:
        return restore(file.kept_at, file.kept_in)
    return "Restore the bytes of the commit before, or record these."


def _is_record_of(record: Record, path: str) -> bool:
    """Whether a record is of the file at *path*, whatever the golden directory was called then."""
    return record.path == path or record.path.partition("/")[2] == path.partition("/")[2]


def _judge_committed(file: FileEvidence, git: GitHistory) -> Iterator[AuditFinding]:
    """The file, its registry entry and its record should be as in the newest commit, or in the store."""
    differs = git.head.get(file.path) != file.entry or file.entry.record in git.work_tree.added
    if differs or file.path in git.uncommitted:
        yield weak(file.path, "uncommitted", "the file or its record differs from the newest commit", COMMIT)
    elif file.path not in git.tracked and not (file.stored or file.store_problem):
        yield weak(file.path, "unkept", "no commit has the file", "Commit it; does git ignore it?")


def _judge_revisions(file: FileEvidence, git: GitHistory) -> Iterator[AuditFinding]:
    """A record should name the commit that it was made at, and its code should be committed.

    Only the newest record can still be replaced, so older ones are informational. Records that came with a
    publication name commits of another repository, and nothing was computed when it was fetched.
    """
    own = own_records(file.records)
    for digest, record in zip(file.digests[-len(own) :], own, strict=True):
        report = weak if record is file.record else note
        commit = git.introduced.get(digest)
        yield from _judge_revision(file, git, record, commit, report)
        if record.fetched_from or not record.is_version:
            continue  # nothing was computed
        if record.dirty and record is file.version and _has_uncommitted_code(file, record):
            detail = f"recorded at {record.at} with code that was not committed"
            yield weak(file.path, "dirty", detail, "Commit the code, then record it again.")
        elif record.dirty and record is not file.version:
            yield note(file.path, "dirty", f"recorded at {record.at} with uncommitted changes")


def _judge_revision(
    file: FileEvidence,
    git: GitHistory,
    record: Record,
    introduced: Commit | None,
    report: Callable[[str, str, str, str], AuditFinding],
) -> Iterator[AuditFinding]:
    if record.commit is None:
        is_first = introduced is None or not any(change.parent for change in introduced.changes)
        if not is_first:  # there was a commit, but not in this repository
            detail = f"recorded at {record.at} where git had no commit"
            yield report(file.path, "commit", detail, "Commit first, then record.")
    elif record.commit not in git.parents:
        detail = f"recorded at {record.at}, at commit {record.commit[:12]}, which is not an ancestor of HEAD"
        yield report(file.path, "commit", detail, "")


def _has_uncommitted_code(file: FileEvidence, record: Record) -> bool:
    """Whether a record was made by code that neither the commit that added it has nor the work tree.

    Committing code and golden files together is as good as committing the code first. A record that does not
    name its code says nothing about it: there the manifest beside the file decides.
    """
    return record.code is not msgspec.UNSET and record.code not in {file.code_today, file.committed_code}


def _judge_restart(file: FileEvidence, git: GitHistory, index: _Index) -> Iterator[AuditFinding]:
    """Records should continue older ones of the same file, also after it was removed and added again."""
    others = (index.of_path.get(file.path, set()) & index.today) - set(file.digests)
    if not others or not file.records:
        return
    commit = git.introduced.get(file.digests[0], git.work_tree)
    commits = ((line, git.introduced[line]) for line in others if line in git.introduced)
    older = [line for line, other in commits if _is_before(git, other, commit)]
    if older:
        report = weak if len(file.records) == 1 else note
        detail = f"its records start again at {file.records[0].at} and do not continue {_names(older, index)}"
        yield report(file.path, "restarted", detail)


def _judge_forks(
    file: FileEvidence, evidence: Evidence, git: GitHistory, index: _Index
) -> Iterator[AuditFinding]:
    """A record should continue the one that the registry named before it.

    After a rebase it may not. But if it is of the same bytes as an older record, it hides that one.
    """
    for digest, record in zip(file.digests, file.records, strict=True):
        if digest not in git.forked:
            continue
        commit = git.introduced.get(digest, git.work_tree)
        same = (index.of_bytes[record.sha256] & index.of_path[record.path]) - {digest}
        older = [
            line for line in sorted(same) if _is_before(git, git.introduced.get(line, git.work_tree), commit)
        ]
        if older:
            detail = f"{_name(record)} took the place of {_names(older, index)}, of the same bytes"
            yield weak(file.path, "rewritten", detail, _remedy(evidence, git.introduced[older[0]]))
        else:
            detail = f"{_name(record)} does not continue the record that the registry named before it"
            yield note(file.path, "forked", detail)


def _names(lines: list[str], index: _Index) -> str:
    """Records as a person knows them, the oldest first, and the number of other lines."""
    records = sorted((index.records[line] for line in lines if line in index.records), key=lambda r: r.at)
    others = len(lines) - len(records)
    plural = "" if others == 1 else "s"
    return "; ".join([*map(_name, records), *([f"{others} other line{plural}"] if others else [])])


def _found_again(commit: Commit) -> str:
    return f"{_where(commit)} lost history lines of it, none of which is missing today"


def _name(record: Record) -> str:
    return f"the record of {record.at} by {record.by}, {record.reason!r}"


def _where(commit: Commit) -> str:
    if commit.id == WORK_TREE:
        return "the work tree"
    return f"commit {commit.id[:12]} ({commit.author}, {commit.at[:10]}, {commit.subject!r})"


_BACKEND = "Let git-annex name contents by SHA-256: `git annex migrate --backend=SHA256E` converts them."
