"""Whose error it is that nobody expected: that of the project's code, or a bug of this package.

Verbs call code that they do not know: generators, pipelines, checks, the modules of a catalogue. It may raise
anything, also SystemExit.
"""

from __future__ import annotations

import re
import sys
import traceback
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.domain.references import is_standard_library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_DISTRIBUTION = "golden-harness"
_OURS = frozenset({"harness", "golden_harness_pytest", "click"})
"""Packages that call code of a project; click is where this package's verbs are called from."""

_PACKAGE = Path(__file__).parents[2]
_REMOTE_FILE = re.compile(r'File "([^"]+)", line (\d+)')


@dataclass(frozen=True, slots=True)
class Crash:
    """An unexpected error: one line about it, its traceback, and whether the project's code raised it.

    ``cause`` is the line without advice, for a report that does not show the traceback.
    """

    message: str
    traceback: str
    of_project: bool
    cause: str


def describe_crash(error: BaseException) -> Crash:
    """Return what to report about an *error* that nobody expected.

    The traceback of an error of the project begins in the project's code.
    """
    place = _place_in_project(error)
    raised = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if place is None:
        cause = f"a bug in harness: {raised}"
        message = f"{cause}. Please report it with the traceback on standard error."
        return Crash(message, _formatted(error, error.__traceback__), of_project=False, cause=cause)
    where, begin = place
    cause = f"the project's code raised {raised} ({where})"
    message = f"{cause}. Fix it there; the lines above are its traceback."
    return Crash(message, _formatted(error, begin), of_project=True, cause=cause)


def is_of_project(error: BaseException) -> bool:
    """Whether code of the project raised *error*, or code that it called."""
    return _place_in_project(error) is not None


def _place_in_project(error: BaseException) -> tuple[str, TracebackType | None] | None:
    """Return the file and line of the project's innermost code, and where the project's traceback begins."""
    first = _first_of_project(error.__traceback__)
    if first is not None:
        return _shown(*_innermost(first)), first
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return _shown(error.filename, error.lineno or 1), None
    remote = [(file, int(line)) for file, line in _REMOTE_FILE.findall(_remote_traceback(error))]
    own = [(file, line) for file, line in remote if _is_of_project(file)]
    return (_shown(*own[-1]), None) if own else None  # the text of the other process has its traceback


def _first_of_project(begin: TracebackType | None) -> TracebackType | None:
    """Return where this package called code that is not its own, Python's or a dependency's."""
    from_ours, known = True, _dependencies()
    for entry in _entries(begin):
        package = _package(entry)
        if is_standard_library(package) or package.startswith("_frozen"):
            continue
        if entry.tb_frame.f_code.co_name == "find_spec":  # a finder, which every import asks
            continue
        if from_ours and package not in _OURS | known:
            return entry
        from_ours = package in _OURS
    return None


def _innermost(first: TracebackType) -> tuple[str, int]:
    """Return file and line of the last code of the package, or of the directory, in which *first* is."""
    package, folder = _package(first), Path(first.tb_frame.f_code.co_filename).parent
    own = [
        entry
        for entry in _entries(first)
        if _package(entry) == package or folder in Path(entry.tb_frame.f_code.co_filename).parents
    ]
    return own[-1].tb_frame.f_code.co_filename, own[-1].tb_lineno


def _entries(begin: TracebackType | None) -> Iterator[TracebackType]:
    while begin is not None:
        yield begin
        begin = begin.tb_next


def _package(entry: TracebackType) -> str:
    name = str(entry.tb_frame.f_globals.get("__name__", ""))
    return name.partition(".")[0]


def _dependencies() -> frozenset[str]:
    """Names of the packages that this one requires, the extras' included, as they are imported."""
    try:
        required = {_plain(text) for text in metadata.requires(_DISTRIBUTION) or ()}
    except metadata.PackageNotFoundError:
        return frozenset()
    packages = metadata.packages_distributions()
    return frozenset(name for name, homes in packages.items() if required & set(map(_plain, homes)))


def _plain(requirement: str) -> str:
    """Return a distribution's name, as in a requirement, with one spelling for all."""
    name = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""


def _remote_traceback(error: BaseException) -> str:
    """Return the traceback of an error that another process raised; empty if this one did."""
    cause = error.__cause__
    return str(cause) if cause is not None and type(cause).__name__ == "_RemoteTraceback" else ""


def _is_of_project(file: str) -> bool:
    """Whether a file of another process's traceback is neither ours, nor Python's, nor of a package."""
    path = Path(file)
    python = (Path(sys.base_prefix), Path(sys.prefix))
    installed = any(place in path.parents for place in python) or "site-packages" in path.parts
    return path.is_file() and _PACKAGE not in path.parents and not installed


def _shown(file: str, line: int) -> str:
    path, here = Path(file), Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}, line {line}"


def _formatted(error: BaseException, begin: TracebackType | None) -> str:
    return "".join(traceback.format_exception(type(error), error, begin)).rstrip("\n")
