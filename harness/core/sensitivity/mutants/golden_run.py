"""Run golden tests in a copy of a project, so that they import the copy and leave everything else alone."""

from __future__ import annotations

import importlib.util
import os
import site
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

import harness
from harness.core.domain.settings import pytest_pythonpath
from harness.core.rerun.environment import clean_environment
from harness.core.sensitivity.mutants.answers import CONTEXT, VARIABLE, Answers, Job, read_answers
from harness.core.sensitivity.mutants.limited_process import Ran, run_limited

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.storage.project import Project

_PLUGIN = "harness.plugin.children.mutant_checks"

# As the command `pytest`, and not `python -m pytest`: the current directory is not imported from.
_START = "import sys; sys.path.remove(''); {first}import pytest; sys.exit(pytest.main())"
_MEASURED = "import coverage; coverage.process_startup(); "

_ONE_THREAD = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_DROPPED = ("COVERAGE_", "PYTEST_XDIST_", "XDG_")
_WITHOUT = {"xdist": ("-n", "0"), "pytest_cov": ("--no-cov",)}
"""Arguments that switch off what the configuration of the project may ask for."""


class Origin(NamedTuple):
    """The project that copies are made of: its root, and directories in it to import from, relative to it."""

    root: str
    places: tuple[str, ...]


class GoldenRun(NamedTuple):
    """How a run ended, and what its tests have answered."""

    ran: Ran
    answers: Answers


def origin_of(project: Project) -> Origin:
    """Return where the project's modules are imported from here, and in what order."""
    root = os.path.realpath(project.root)
    usual = [".", "src", *map(str, pytest_pythonpath(project.root))]
    known = [Path(root, place) for place in (*usual, *sys.path) if place]
    inside = [place for place in map(os.path.realpath, known) if _is_inside(place, root)]
    places = dict.fromkeys(os.path.relpath(place, root) for place in inside if Path(place).is_dir())
    return Origin(root, tuple(places))


def run_golden(  # noqa: PLR0913 - a job and what it may use
    copy: Project,
    origin: Origin,
    folder: Path,
    *,
    tests: Sequence[str] = (),
    clean: Path,
    is_clean: bool = False,
    seconds: float | None = None,
    memory: int | None = None,
    coverage: Path | None = None,
) -> GoldenRun:
    """Run golden tests in *copy*.

    Parameters
    ----------
    copy : Project
    origin : Origin
        Of the project that it is a copy of.
    folder : Path
        Empty directory for all else that the run writes.
    tests : sequence of str
        Ids of the tests; all that use our fixtures if it is empty.
    clean : Path
        Directory with what the clean run has handed over.
    is_clean : bool
        Whether this is a clean run.
    seconds, memory : float and int, optional
        When to stop it, and how many bytes of memory it may use.
    coverage : Path, optional
        Settings of coverage, to measure which lines are executed.
    """
    job, answers = folder / "job.json", folder / "answers"
    for name in ("answers", "home", "temporary"):
        (folder / name).mkdir()
    job.write_bytes(
        msgspec.json.encode(Job(str(copy.root), str(answers), str(clean), tuple(tests), is_clean))
    )
    files = dict.fromkeys(str(copy.root / test.partition("::")[0]) for test in tests)
    environment = {**_environment(copy, origin, folder), VARIABLE: str(job)}
    if coverage is not None:
        environment |= {"COVERAGE_PROCESS_START": str(coverage), CONTEXT: ""}
    start = _START.format(first=_MEASURED if coverage is not None else "")
    ran = run_limited(
        [sys.executable, "-c", start, *_arguments(folder), *files],
        folder=copy.root,
        environment=environment,
        seconds=seconds,
        memory=memory,
    )
    return GoldenRun(ran, read_answers(answers))


def _arguments(folder: Path) -> Iterator[str]:
    yield from ("-q", "-p", _PLUGIN, "-p", "no:randomly", "--continue-on-collection-errors")
    yield from ("-o", f"cache_dir={folder / 'cache'}", f"--basetemp={folder / 'basetemp'}")
    for package, switches in _WITHOUT.items():
        if importlib.util.find_spec(package) is not None:
            yield from switches


def _environment(copy: Project, origin: Origin, folder: Path) -> dict[str, str]:
    """Return an environment in which the copy is imported, and that names no directory of the user."""
    kept = {name: value for name, value in clean_environment().items() if not name.startswith(_DROPPED)}
    places = [*_own_place(origin), *(str(copy.root / place) for place in origin.places)]
    others = [entry for entry in kept.get("PYTHONPATH", "").split(os.pathsep) if entry]
    places += [entry for entry in others if not _is_inside(os.path.realpath(entry), origin.root)]
    temporary = str(folder / "temporary")
    return {
        **dict.fromkeys(_ONE_THREAD, "1"),
        **kept,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(os.path.normpath(place) for place in places)),
        "PYTHONUSERBASE": site.getuserbase(),
        "HOME": str(folder / "home"),
        "USERPROFILE": str(folder / "home"),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), temporary),
    }


def _own_place(origin: Origin) -> list[str]:
    """Where this package is imported from, if the project has another one of its name."""
    own = Path(harness.__file__).resolve().parent
    names = [Path(origin.root, place, "harness") for place in origin.places]
    others = [name for name in names if name.exists() and name.resolve() != own]
    return [str(own.parent)] if others else []


def _is_inside(place: str, root: str) -> bool:
    """Whether a directory is the project's own, and not of an environment in it."""
    path = Path(place)
    parents = [folder for folder in (path, *path.parents) if folder.is_relative_to(root)]
    return bool(parents) and not any((folder / "pyvenv.cfg").is_file() for folder in parents)
