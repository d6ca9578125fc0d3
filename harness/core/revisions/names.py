"""Names of revisions, as people type them -> commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import UnreadableError, UsageError, printable
from harness.core.revisions.values import RevisionName
from harness.core.system.git_objects import ask_git, git_failed, is_in_repository, try_git

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HEAD = "HEAD"
_SYMMETRIC, _RANGE = "...", ".."
_NO_REPOSITORY = 128
_BOTH = 2


def find_revisions(folder: Path, words: Sequence[str]) -> tuple[RevisionName, RevisionName]:
    """Return the two revisions that one or two words name.

    Parameters
    ----------
    folder : Path
        A directory of the work tree.
    words : sequence of str
        ``REV1 REV2``; ``REV1..REV2``; ``REV1...REV2``, which begins at the newest common commit, as in
        ``git diff``; or ``REV1`` alone, which is compared with the work tree.

    Raises
    ------
    UsageError
        If a word names no commit, or more than one.
    UnreadableError
        If there is no repository, or git cannot read it.
    """
    _require_repository(folder, words)
    if len(words) == _BOTH:
        return find_revision(folder, words[0]), find_revision(folder, words[1])
    (word,) = words
    for separator in (_SYMMETRIC, _RANGE):
        one, found, other = word.partition(separator)
        if found:
            before, after = (find_revision(folder, name or _HEAD) for name in (one, other))
            return (_merge_base(folder, before, after) if separator == _SYMMETRIC else before), after
    return find_revision(folder, word), RevisionName()


def find_revision(folder: Path, name: str) -> RevisionName:
    """Return the one commit that a name stands for.

    Raises
    ------
    UsageError
        If it names no commit, or more than one.
    UnreadableError
        If git cannot be run.
    """
    if not name or "\0" in name:
        raise _unknown(folder, name, "")
    options = "-c", "core.warnAmbiguousRefs=true", "rev-parse", "--verify", "--end-of-options"
    done = try_git(folder, *options, f"{name}^{{commit}}")
    if done.code is None:
        raise git_failed(folder, done)
    words = done.error.splitlines()
    if any("is ambiguous" in line for line in words):
        raise UsageError(
            name,
            expected="the name of one commit",
            found="a name of several",
            message=f"{name!r} is the name of more than one commit or branch in git",
            remedy="Give all digits of the commit, or the full name, such as refs/heads/main.",
        )
    if not done.succeeded:
        raise _unknown(folder, name, " ".join(line for line in words if line.startswith("error:")))
    return RevisionName(name, done.output.strip())


def is_revision(folder: Path, name: str) -> bool:
    """Whether a word names a commit, or several, of the repository of *folder*."""
    try:
        _require_repository(folder, [name])
        find_revision(folder, name)
    except UnreadableError:
        return False
    except UsageError as error:
        return error.found == "a name of several"
    return True


def _merge_base(folder: Path, before: RevisionName, after: RevisionName) -> RevisionName:
    done = try_git(folder, "merge-base", before.commit, after.commit)
    if done.succeeded:
        return RevisionName(before.typed, done.output.strip())
    if done.error.strip():
        raise git_failed(folder, done)
    raise UnreadableError(
        f"{before.typed}{_SYMMETRIC}{after.typed}",
        expected="two revisions with a common commit",
        found="none",
        message=f"git has no common commit of {before.typed!r} and {after.typed!r}",
        remedy=_deepen(folder) or f"Compare the two themselves: {before.typed}{_RANGE}{after.typed}.",
    )


def _require_repository(folder: Path, words: Sequence[str]) -> None:
    """Raise unless git can read the repository of *folder*; if there is none, the words name nothing."""
    if not is_in_repository(folder):
        raise UnreadableError(
            words[0],
            expected="a file, or a revision of a git repository",
            found="neither",
            message=f"{printable(words[0])!r} is not a file, and {folder} is not in a git repository",
            remedy="Give two .npz files, or change to the repository.",
        )
    ask_git(folder, "rev-parse", "--git-dir")


def _unknown(folder: Path, name: str, said: str) -> UsageError:
    git = f": {printable(said)}" if said else ""
    return UsageError(
        name,
        expected="a file, or the name of a commit",
        found="neither",
        message=f"{printable(name)!r} is neither a file nor a commit that git has here{git}",
        remedy=_deepen(folder) or "Give two .npz files, or two revisions such as `harness diff main HEAD`.",
    )


def _deepen(folder: Path) -> str:
    """What to do in a clone that leaves out older commits; empty in a complete one."""
    shallow = try_git(folder, "rev-parse", "--is-shallow-repository").output.strip() == "true"
    return "This is a shallow clone: run `git fetch --unshallow`, or fetch that revision." if shallow else ""
