"""What may be a name: of a golden file, of an array, of a metric. One rule for all of them.

A name is a name on every system: no path out of a directory, nothing that Windows reserves, nothing that
looks like another name to a file system that ignores case or Unicode forms.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_BYTES = 200
"""Bytes of one part of a name with its suffix. File systems take 255, and drafts and copies add to a name."""

_KNOWN = 1 << 12  # names whose answer is remembered: each check of a test asks several times

_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\..*)?", re.IGNORECASE
)
_FORBIDDEN = frozenset('\\:<>"|?*')
ONLY_BY_CASE = "differ only by case or Unicode form, which some file systems ignore"
_MARKS = frozenset({"Mn", "Mc"})  # combining characters, which many scripts need
_JSON_SUFFIX = ".json"  # the longest suffix of a golden file


def name_problem(name: object, *, directories: bool = False, suffix: str = "") -> str | None:
    """Return why *name* is not valid, as a phrase; None if it is valid.

    Parameters
    ----------
    name : object
        Anything but a string is not valid.
    directories : bool
        Whether ``sub/name`` is valid too.
    suffix : str
        What is added to the name to make it a file's name; it counts in the name's length.

    Examples
    --------
    >>> name_problem("image")
    >>> name_problem("../image", directories=True)
    "a part that is '..'"
    >>> name_problem("aux")
    "'aux', which Windows reserves"
    """
    if not isinstance(name, str):
        return f"the type {type(name).__name__}, not a string"
    return _text_problem(str(name), directories, suffix)


@lru_cache(maxsize=_KNOWN)
def _text_problem(name: str, directories: bool, suffix: str) -> str | None:
    if problem := _character_problem(name):
        return problem
    if "/" in name and not directories:
        return "the character /"
    *folders, last = name.split("/")
    problems = (*map(_part_problem, folders), _part_problem(last, suffix))
    return next(filter(None, problems), None)


def _character_problem(name: str) -> str | None:
    if not name.isprintable():
        return "a character that cannot be printed"
    if found := _FORBIDDEN.intersection(name):
        return f"the character {min(found)}"
    if unicodedata.normalize("NFC", name) != name:
        return "characters that are not in Unicode's composed form (NFC)"
    return None


def require_name(thing: str, name: object, *, directories: bool = False, suffix: str = "") -> None:
    """Raise :class:`UsageError` unless *name* is valid; *thing* says what is named, such as ``array``."""
    if problem := name_problem(name, directories=directories, suffix=suffix):
        raise _invalid(thing, name, problem)


def require_golden_name(thing: str, name: object, *, dots: bool = False) -> None:
    """Raise :class:`UsageError` unless *name* may be that of a fixture or baseline: ``golden/NAME.json``.

    It must be valid, have only letters and digits of any script, ``_`` and ``-`` in each part, and start with
    a letter or digit, so that every command that is printed works as it is. Directories are allowed, and dots
    in their names.

    Parameters
    ----------
    thing : str
        What is named: ``fixture`` or ``baseline``.
    name : object
    dots : bool
        Whether a dot is allowed in the last part. In a baseline's file name the first one separates the
        fixture's name from the pipeline's.

    Examples
    --------
    >>> require_golden_name("fixture", "optics/lattice_v1")
    >>> require_golden_name("baseline", "lattice.network", dots=True)
    """
    require_name(thing, name, directories=True, suffix=_JSON_SUFFIX)
    if not _is_typeable(str(name), dots):
        raise UsageError(
            f"{thing} {name!r}",
            expected="a name of letters, digits, _ and -",
            found=repr(name),
            message=f"{thing} name {name!r} is not valid: use letters, digits, _ and -, "
            "and / for directories",
            remedy=f"Rename the {thing}.",
        )


@lru_cache(maxsize=_KNOWN)
def _is_typeable(name: str, dots: bool) -> bool:
    """Whether every command with a valid name works as it is printed."""
    *folders, last = name.split("/")
    return all(
        part[0].isalnum() and all(_is_plain(character, dots=dotted) for character in part)
        for part, dotted in (*((folder, True) for folder in folders), (last, dots))
    )


def require_distinct(thing: str, names: Iterable[str], known: Iterable[str] = ()) -> None:
    """Raise :class:`UsageError` if two names, or directories in them, differ only by case or Unicode form.

    Parameters
    ----------
    thing : str
        What is named: ``array``, ``metric`` or ``golden file``.
    names : iterable of str
        The new names.
    known : iterable of str
        Names that exist. Those that differ only by case among themselves are not refused.

    Examples
    --------
    >>> require_distinct("array", ["image", "phase"])
    """
    for name, path, other in namesakes(names, known):
        raise UsageError(
            f"{thing} {name!r}",
            expected="names that differ by more than case or Unicode form",
            found=f"{other!r} and {path!r}",
            message=f"{thing} names {other!r} and {path!r} {ONLY_BY_CASE}",
            remedy="Rename one of them.",
        )


def namesakes(names: Iterable[str], known: Iterable[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Yield names that differ from an earlier or *known* one only by case or Unicode form.

    Each comes with its part that differs, the name itself or a directory in it, and what that part differs
    from. Known names are not compared among themselves.

    Examples
    --------
    >>> list(namesakes(["golden/a.npz", "golden/A.npz", "Golden/b.npz"]))
    [('golden/A.npz', 'golden/A.npz', 'golden/a.npz'), ('Golden/b.npz', 'Golden', 'golden')]
    """
    spelled = {folded(path): path for name in known for path in _with_directories(name)}
    for name in names:
        for path in _with_directories(name):
            other = spelled.setdefault(folded(path), path)
            if other != path:
                yield name, path, other
                break


def folded(name: str) -> str:
    """Return *name* as a file system sees it that ignores case and Unicode forms."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _part_problem(part: str, suffix: str = "") -> str | None:
    if not part:
        return "an empty part"  # the first of an absolute path is empty too
    if part in {".", ".."}:
        return f"a part that is {part!r}"
    if part[-1] in ". " or part[0] == " ":
        return "a space at an end or a dot at the end"
    if _RESERVED.fullmatch(part):
        return f"{part!r}, which Windows reserves"
    length = len(f"{part}{suffix}".encode())
    return f"{length} bytes, more than {MAX_BYTES}" if length > MAX_BYTES else None


def _is_plain(character: str, *, dots: bool) -> bool:
    return (
        character.isalnum()
        or character in "_-"
        or (dots and character == ".")
        or unicodedata.category(character) in _MARKS
    )


def _with_directories(name: str) -> Iterator[str]:
    """Yield the path of each directory in *name*, then *name*."""
    for index, character in enumerate(name):
        if character == "/":
            yield name[:index]
    yield name


def _invalid(thing: str, name: object, problem: str) -> UsageError:
    return UsageError(
        f"{thing} {name!r}",
        expected="a name that is valid on every system",
        found=problem,
        message=f"{thing} name {name!r} is not valid: it has {problem}",
        remedy=f"Rename the {thing}.",
    )
