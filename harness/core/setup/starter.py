"""What a project needs for golden files -> the files to make or to extend.

Nothing is touched until a step is applied. A file that exists only gets more lines, and none of its own is
changed. Where that is not safe, a note says what to add. In a repository of several projects, the CI job and
the hook are at the root of the repository, because nothing reads them elsewhere.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UnreadableError
from harness.core.registry.format import Registry, encode_registry
from harness.core.registry.install_git import attribute_lines
from harness.core.setup.ci_jobs import github_workflow, gitlab_jobs, hook, hook_command, job_name
from harness.core.setup.place import GITHUB, GITLAB, GITLAB_FILE, find_place, services
from harness.core.storage.atomic import make_directory, replace_file
from harness.core.storage.project import REGISTRY, WORKSPACE
from harness.core.storage.pytest_settings import find_pytest_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.core.setup.place import Place
    from harness.core.storage.project import Project

    _Extend = Callable[[Project, str | None], str | None]

_HEADER = "[tool.pytest.ini_options]"
_SETTINGS = 'golden_require_reason = true\ngolden_unreferenced = "warn"\n'

_TEST = '''\
"""A first golden test: let it compute something of your own."""

import numpy as np


def test_spectrum(arrays_regression):
    signal = np.sin(np.arange(64) / 4)
    arrays_regression.check({"spectrum": np.abs(np.fft.rfft(signal))})
'''


@dataclass(frozen=True, slots=True)
class Step:
    """A file or directory to make, or lines to add to a file.

    Attributes
    ----------
    path : str
        Relative to the project's root, with / between its parts; a directory ends with /. A file of the
        repository that is outside of the project starts with ``../``.
    added : str
        The text that is new; empty for a directory.
    data : bytes
        The whole file afterwards.
    exists : bool
        Whether the file is there already.
    needs : str
        Path of a file that the added lines name, so that they make no sense without it; or empty.
    """

    path: str
    added: str
    data: bytes
    exists: bool
    needs: str = ""

    @property
    def is_outside(self) -> bool:
        """Whether the file is outside of the project: at the root of its repository."""
        return self.path.startswith("../")


@dataclass(frozen=True, slots=True)
class Start:
    """Everything to do, in order, and what is left to a person.

    Attributes
    ----------
    steps : tuple of Step
    notes : tuple of str
        What to add by hand, and where.
    """

    steps: tuple[Step, ...]
    notes: tuple[str, ...]


class _ByHand(Exception):  # noqa: N818 - not an error: what is to be added, and where
    """A file cannot be extended safely."""


def plan_start(project: Project) -> Start:
    """Return what *project* lacks; nothing if it has everything.

    Raises
    ------
    UnreadableError
        If pytest's configuration, or a file to be extended, cannot be read.
    """
    steps: list[Step] = []
    notes: list[str] = []
    for path, extended in _files(project, find_place(project.root)):
        file = _absolute(project, path)
        before = _read(file)
        try:
            after = extended(project, before)
        except _ByHand as note:
            notes.append(str(note))
            continue
        if after is None or after == before:
            continue
        if file.is_symlink():
            notes.append(f"{path} is a link: add `{_added(before or '', after)}` yourself")
        else:
            added = _added(before or "", after)
            steps.append(Step(path, added, after.encode(), before is not None, _needed(path, steps)))
    if not project.golden.is_dir():
        steps.insert(0, Step(f"{project.golden_name}/", "", b"", exists=False))
    return Start(tuple(steps), tuple(notes))


def apply_step(project: Project, step: Step) -> None:
    """Make the file or directory of *step*, or extend the file.

    Raises
    ------
    UnwritableError
        If it cannot be written. The old file is unchanged then.
    """
    path = _absolute(project, step.path)
    if step.path.endswith("/"):
        make_directory(path)
    else:
        replace_file(path, step.data)


def _needed(path: str, before: Sequence[Step]) -> str:
    """Return the path of the job's file that GitLab's configuration includes, if it is to be made."""
    is_include = path.endswith(GITLAB_FILE)
    return before[-1].path if is_include and before and "/.gitlab/" in f"/{before[-1].path}" else ""


def _absolute(project: Project, path: str) -> Path:
    """Return a step's path, also of a project whose root does not exist yet, which ../ could not leave."""
    return Path(os.path.normpath(project.root / path))


def _files(project: Project, place: Place) -> Iterator[tuple[str, _Extend]]:
    """Yield the files that a project has, each with the function that makes or extends its text."""
    yield REGISTRY, _registry
    yield "pyproject.toml", _configuration
    yield ".gitattributes", _attributes
    yield ".gitignore", _ignored
    yield f"{place.above}.pre-commit-config.yaml", partial(_hooks, place)
    known, name = services(place), job_name(place)
    if GITHUB in known:
        yield f"{place.above}.github/workflows/{name}.yml", partial(_made, github_workflow, place)
    if GITLAB in known:
        yield f"{place.above}.gitlab/{name}.yml", partial(_made, gitlab_jobs, place)
        yield f"{place.above}{GITLAB_FILE}", partial(_include, f".gitlab/{name}.yml")
    yield f"{_tests(project)}/test_golden.py", _test


def _registry(_project: Project, before: str | None) -> str:
    return encode_registry(Registry({})).decode() if before is None else before


def _made(text: Callable[[Place, str], str], place: Place, project: Project, before: str | None) -> str:
    """Return a job's text, unless there is one already."""
    return text(place, _requirements(project)) if before is None else before


def _requirements(project: Project) -> str:
    """Return what a job installs for the tests, as words of a shell with a space in front."""
    if any(map(_is_package, (project.root / "pyproject.toml", project.root / "setup.py"))):
        return " -e ."
    return " -r requirements.txt" if (project.root / "requirements.txt").is_file() else ""


def _include(file: str, _project: Project, before: str | None) -> str:
    """Return GitLab's configuration with an include of *file*, if it has none and the stage of the job."""
    line = f"local: /{file}"
    if before and line in before:
        return before
    keys = re.findall(r"(?m)^(\w+):", before or "")
    if "include" in keys or ("stages" in keys and not re.search(r"\btest\b", before or "")):
        raise _ByHand(f"add to `include:` in {GITLAB_FILE}: `- {line}`; its job is in the stage test")
    return _appended(before, f"{chr(10) if before else ''}include:\n  - {line}\n")


def _is_package(file: Path) -> bool:
    text = _read(file)
    return text is not None and (file.suffix == ".py" or re.search(r"(?m)^\[project\]", text) is not None)


def _test(project: Project, before: str | None) -> str | None:
    """Return the first test, unless the project has golden files, and so has tests."""
    from harness.core.registry.registry import read_registry

    return _TEST if before is None and not read_registry(project.registry).entries else before


def _tests(project: Project) -> str:
    """Return the directory of the project's tests, relative to its root."""
    return next((name for name in ("tests", "test") if (project.root / name).is_dir()), "tests")


def _ignored(_project: Project, before: str | None) -> str:
    known = {line.strip().strip("/") for line in (before or "").splitlines()}
    return before or "" if WORKSPACE in known else _appended(before, f"{WORKSPACE}/\n")


def _attributes(project: Project, before: str | None) -> str:
    known = {" ".join(line.split()) for line in (before or "").splitlines()}
    new = [line for line in attribute_lines(project) if line not in known]
    return _appended(before, "".join(f"{line}\n" for line in new)) if new else before or ""


def _configuration(project: Project, before: str | None) -> str | None:
    """Return pyproject.toml with pytest's settings of golden files, if they are not set anywhere."""
    settings = find_pytest_settings(project.root, "")
    if settings.values.keys() & {"golden_require_reason", "golden_unreferenced"}:
        return before
    if settings.file is None:
        return _appended(before, f"\n{_HEADER}\n{_SETTINGS}" if before else f"{_HEADER}\n{_SETTINGS}")
    if settings.file != project.root / "pyproject.toml" or before is None:
        raise _ByHand(
            f"add to {settings.file.name}: golden_require_reason = true, golden_unreferenced = warn"
        )
    end = _line_end(before)
    header = re.compile(rf"(?m)^{re.escape(_HEADER)}[ \t]*(#.*)?\r?\n")
    found = header.findall(before)
    after = header.sub(lambda match: match[0] + _SETTINGS.replace("\n", end), before)
    if len(found) != 1 or not _adds_settings(before, after):
        raise _ByHand(
            "add to pytest's table in pyproject.toml: golden_require_reason = true, "
            'golden_unreferenced = "warn"'
        )
    return after


def _adds_settings(before: str, after: str) -> bool:
    """Whether the two texts are TOML with the same values, except for the settings that were added."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        old, new = tomllib.loads(before), tomllib.loads(after)
        table = new["tool"]["pytest"]["ini_options"]
        added = table.pop("golden_require_reason"), table.pop("golden_unreferenced")
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return False
    return added == (True, "warn") and old == new


def _hooks(place: Place, _project: Project, before: str | None) -> str:
    """Return pre-commit's configuration with the hook, if it is a list that ends the file."""
    command, entry = hook_command(place), hook(place)
    if before is None:
        return f"repos:\n{entry}"
    is_upstream = not place.folder and re.search(r"repo: \S*/golden-harness\b", before)
    if is_upstream or re.search(rf"{re.escape(command)}(?! --root)(?![\w./-])", before):
        return before
    keys = re.findall(r"(?m)^[^\s#-][^\n]*", before)
    items = re.findall(r"(?m)^( *)- repo:", before)
    if not keys or keys[-1].rstrip() != "repos:" or not items or "---" in before or "\t" in before:
        raise _ByHand(f"add to .pre-commit-config.yaml a local hook that runs `{command}`")
    return _appended(before, "".join(f"{items[0]}{line}\n" for line in entry.splitlines()))


def _appended(before: str | None, added: str) -> str:
    """Return a text with lines after it, which end as its own lines do."""
    if not before:
        return added
    end = _line_end(before)
    separator = "" if before.endswith("\n") else end
    return before + separator + added.replace("\n", end)


def _added(before: str, after: str) -> str:
    """Return the lines that are only in the text afterwards; nothing is ever taken away."""
    old, new = before.splitlines(), after.splitlines()
    start = next((n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(old))
    return "\n".join(new[start : start + len(new) - len(old)]).strip("\n")


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _read(file: Path) -> str | None:
    """Return the text of a file; None if there is none."""
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        found = "bytes that are not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise UnreadableError(
            str(file), expected="a text file", found=str(found), remedy="Correct it, then run this again."
        ) from error
