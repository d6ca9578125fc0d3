"""A program at work: its folder, its variables, its processes, and errors that name its command line."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.core.errors import DependencyError, HarnessError, OvertimeError, RefusedError, printable
from harness.ptycho.engines.command.fixture import write_fixture
from harness.ptycho.engines.command.settings import PLACEHOLDERS, replaced, words_of
from harness.ptycho.engines.process import run_program
from harness.ptycho.pipeline.parent_process import last_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.core.domain.interface import Stage
    from harness.ptycho.engines.interface import Progress
    from harness.ptycho.pipeline.parent_process import Deadline

Kind = TypeVar("Kind", bound=HarnessError)

LAST_LINES = 3
"""Lines of a program's output that its errors have."""

QUIET = {"MPLBACKEND": "Agg", "PYTHONUNBUFFERED": "1"}
"""Variables of a program, unless they are set: no window is opened, and a log is complete when a program is
stopped."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that hold the number of threads."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a program runs.

    Attributes
    ----------
    root : Path
        The project's directory: the program's working directory.
    folder : Path
        The program's own folder.
    values : mapping of str to str
        By name of the placeholder.
    notes : tuple of str
        What its fixture does not hold, or had to assume.
    """

    root: Path
    folder: Path
    values: Mapping[str, str]
    notes: tuple[str, ...]

    @classmethod
    def make(  # noqa: PLR0913 - the values of all placeholders
        cls, place: Path, arrays: Mapping[str, np.ndarray], form: str, *, root: Path, seed: int, threads: int
    ) -> Workspace:
        """Make a new folder at *place*, with a fixture of *arrays* in the format *form* beside it.

        What an earlier run left at *place* is removed first: it could be taken for a result.
        """
        shutil.rmtree(place, ignore_errors=True)
        folder = place / "output"
        folder.mkdir(parents=True)
        fixture, notes = write_fixture(place / "input", arrays, form)
        values = {
            "fixture": str(fixture),
            "output": str(folder),
            "positions": str(len(arrays["xcoords"])),
            "seed": str(seed),
            "threads": str(threads),
            **_places(root),
        }
        return cls(root, folder, values, notes)

    def log(self, stage: str) -> Path:
        """Return the file for the output of a stage."""
        return self.folder.parent / f"{stage}.log"

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the program's variables: those of its table, and ours, unless the caller set them."""
        quiet = {name: value for name, value in QUIET.items() if name not in os.environ}
        threads = dict.fromkeys(THREADS, self.values["threads"])
        own = {name: replaced(value, self.values) for name, value in given.items()}
        return {**quiet, **threads, "PATH": search_path(), **own}


@dataclass(frozen=True, slots=True)
class Program:
    """A program in its workspace, with the variables of its table, its time limit and its listener."""

    name: str
    workspace: Workspace
    variables: Mapping[str, str]
    deadline: Deadline
    progress: Progress | None = None

    def run(self, stage: str, line: str) -> Stage:
        """Run one command line to its end.

        Raises
        ------
        OvertimeError, HarnessError
            As :func:`~harness.ptycho.engines.process.run_program`, with the command line and the log.
        """
        self._report(stage, 0.0)
        try:
            done = run_program(
                stage,
                words_of(line, self.workspace.values),
                log=self.workspace.log(stage),
                deadline=self.deadline,
                folder=self.workspace.root,
                environment=self.workspace.environment(self.variables),
            )
        except OvertimeError as error:
            raise self._described(stage, line, error, f"{error.message}{self._last_output(stage)}") from None
        except HarnessError as error:
            raise self._described(stage, line, error, str(error.message)) from None
        self._report(stage, 1.0)
        return done

    def unusable(self, stage: str, line: str, error: HarnessError) -> RefusedError:
        """Return the error for a stage that ended with exit status 0, but whose result has an *error*."""
        found = f"{error.thing}: expected {error.expected}, found {error.found}"
        message = f"stage {stage!r} ended with exit status 0, but its result is not usable. {found}"
        refused = RefusedError(error.thing, expected=error.expected, found=error.found, remedy="")
        return self._described(stage, line, refused, message + self._last_output(stage))

    def _report(self, stage: str, fraction: float) -> None:
        if self.progress is not None:
            self.progress(stage, fraction)

    def _last_output(self, stage: str) -> str:
        lines = last_lines(self.workspace.log(stage), LAST_LINES)
        return f". Its output ends: {' | '.join(lines)}" if lines else ". It printed nothing"

    def _described(self, stage: str, line: str, error: Kind, message: str) -> Kind:
        """Return *error* with the engine, the command line and the log in its text."""
        command = shlex.join(words_of(line, self.workspace.values))
        return type(error)(
            f"engine {self.name!r}, {stage}",
            expected=error.expected,
            found=error.found,
            message=printable(f"engine {self.name!r}: {message}"),
            remedy=f"The command was `{command}`; its full output is in {self.workspace.log(stage)}.",
        )


def require_program(engine: str, stage: str, line: str, root: Path, variables: Mapping[str, str]) -> None:
    """Require that the program of a command line is installed.

    Raises
    ------
    DependencyError
        The message names the engine and the program.
    """
    program = words_of(line, {**dict.fromkeys(PLACEHOLDERS, ""), **_places(root)})[0]
    # One with a directory is relative to the project, in which it will run.
    place = str(root / program) if Path(program).name != program else program
    if shutil.which(place, path=variables.get("PATH", search_path())) is None:
        raise DependencyError(
            f"engine {engine!r}, {stage}",
            expected="a program that is installed",
            found=f"no program {program!r}",
            message=f"engine {engine!r} needs the program {program!r}, which is not installed",
            remedy=f"Install it, or correct {stage!r} in [tool.harness.engines.{engine}] of pyproject.toml.",
        )


def search_path() -> str:
    """Return where programs are looked for: first beside the interpreter that runs harness.

    >>> search_path().split(os.pathsep)[0] == str(Path(sys.executable).parent)
    True
    """
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


def _places(root: Path) -> dict[str, str]:
    return {"python": sys.executable, "root": str(root)}
