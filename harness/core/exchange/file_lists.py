"""Lists of files and hashes: a pooch registry, the lines of ``sha256sum``, a hash library of pytest-mpl.

Reading one opens no file that it lists.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.core.errors import UnreadableError
from harness.core.exchange.foreign_files import read_utf8, readable
from harness.core.storage.json_limits import structure_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.core.registry.format import Entry

Format: TypeAlias = Literal["pooch", "sha256sum"]
FORMATS: tuple[Format, ...] = ("pooch", "sha256sum")

_CHECKSUM = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)")
_TAGGED = re.compile(r"(\\?)SHA256 \((.+)\) = ([0-9a-fA-F]{64})")
_HASH = re.compile(r"[0-9a-fA-F]+")
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
_IMAGES = "png"
_DEFAULT = "sha256"


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a list.

    Attributes
    ----------
    name : str
        As the list has it.
    algorithm, digest : str
        Such as ``sha256``, and hexadecimal digits in lower case.
    paths : tuple of str
        Where the file may be, relative to the list's directory or the project's root.
    """

    name: str
    algorithm: str
    digest: str
    paths: tuple[str, ...]


def is_list(path: Path) -> bool:
    """Whether a file is one of the lists, by its first line that is not a comment."""
    if path.suffix == ".json":
        return True
    if path.suffix not in {"", ".txt", ".sha256", ".sha256sum", ".sums"}:
        return False
    try:
        lines = _lines(read_utf8(path))
    except UnreadableError:
        return False
    _, first = next(lines, (0, ""))
    return bool(_checksum(first)) or _is_pooch(first)


def read_list(path: Path) -> tuple[Listed, ...]:
    """Return what a list says, in its order.

    Raises
    ------
    UnreadableError
        If a line is of another form, a name is there twice, or one leads out of the list's directory.
    """
    text = read_utf8(path)
    with readable(path, "a pooch registry, a list of sha256sum or a hash library of pytest-mpl"):
        listed = tuple(_from_library(text) if path.suffix == ".json" else _from_lines(text))
        if not listed:
            raise ValueError("no entries")
        seen: set[str] = set()
        for item in listed:
            if item.name in seen:
                raise ValueError(f"{item.name!r} twice")
            seen.add(item.name)
    return listed


def write_list(entries: Mapping[str, Entry], form: Format) -> str:
    """Return the lines for golden files, sorted by path.

    Examples
    --------
    >>> from harness.core.registry.format import Entry
    >>> entry = Entry("file", 3, f"xxh128:{'0' * 32}", f"sha256:{'1' * 64}", f"sha256:{'2' * 64}")
    >>> write_list({"golden/a b.txt": entry}, "pooch").startswith("'golden/a b.txt' sha256:111")
    True
    """
    lines = [_line(path, entries[path].sha256, form) for path in sorted(entries)]
    return "".join(f"{line}\n" for line in lines)


def _line(path: str, digest: str, form: Format) -> str:
    return f"{shlex.quote(path)} {digest}" if form == "pooch" else f"{digest.partition(':')[2]}  {path}"


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Every line with its number, without empty lines and comments."""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.rstrip("\r")
        if stripped.strip() and not stripped.lstrip().startswith("#"):
            yield number, stripped


def _from_lines(text: str) -> Iterator[Listed]:
    lines = list(_lines(text))
    is_checksums = bool(lines) and _checksum(lines[0][1]) is not None
    for number, line in lines:
        found = _checksum(line) if is_checksums else _pooch_entry(line)
        if found is None:
            raise ValueError(f"another form in line {number}: {line[:80]!r}")
        name, algorithm, digest = found
        yield Listed(name, algorithm, digest.lower(), (_inner(name),))


def _checksum(line: str) -> tuple[str, str, str] | None:
    if found := _CHECKSUM.fullmatch(line):
        escaped, digest, name = found.groups()
    elif found := _TAGGED.fullmatch(line):
        escaped, name, digest = found.groups()
    else:
        return None
    return re.sub(r"\\[\\nr]", lambda part: _ESCAPES[part[0]], name) if escaped else name, _DEFAULT, digest


def _is_pooch(line: str) -> bool:
    try:
        return _pooch_entry(line) is not None
    except ValueError:
        return False


def _pooch_entry(line: str) -> tuple[str, str, str] | None:
    """Name, algorithm and digest; a third word is where the file is downloaded from, which is not kept."""
    words = shlex.split(line)
    if not (words and words[1:] and not words[3:]):
        return None
    algorithm, colon, digest = words[1].rpartition(":")
    algorithm = algorithm.lower() if colon else _DEFAULT
    if not _HASH.fullmatch(digest) or len(digest) != 2 * _size(algorithm):
        return None
    return words[0], algorithm, digest


def _size(algorithm: str) -> int:
    """Bytes of a digest; -1 for an algorithm that is not known, or has none of a fixed size."""
    if algorithm not in hashlib.algorithms_guaranteed:
        return -1
    return hashlib.new(algorithm, usedforsecurity=False).digest_size or -1


def _from_library(text: str) -> Iterator[Listed]:
    import msgspec

    problem = structure_problem(text.encode())
    if problem:
        raise ValueError(problem.found)
    for name, digest in msgspec.json.decode(text, type=dict[str, str]).items():
        if not _HASH.fullmatch(digest) or len(digest) != 2 * _size(_DEFAULT):
            raise ValueError(f"{digest[:80]!r} for {name!r}, not 64 hexadecimal digits")
        yield Listed(name, _DEFAULT, digest.lower(), tuple(map(_inner, _images(name))))


def _images(test: str) -> Iterable[str]:
    """Where pytest-mpl keeps the image of a test: by its name with or without the module."""
    head, bracket, parameters = test.partition("[")
    short = f"{head.rpartition('.')[2]}{bracket}{parameters}"
    for name in (short, test):
        plain = re.sub(r"[\[\]/]", "_", name).removesuffix("_")
        for folder in ("", "baseline/", "golden/"):
            yield f"{folder}{plain}.{_IMAGES}"


def _inner(name: str) -> str:
    """Return a relative path in its plain form; raise ValueError if it leads out of its directory."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if (
        name.startswith("/")
        or not parts
        or ".." in parts
        or "\\" in name
        or ":" in name
        or not name.isprintable()
    ):
        raise ValueError(f"{name!r}, which is not a path inside the directory")
    return "/".join(parts)
