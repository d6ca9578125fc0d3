"""An engine that is a program of any kind: its command lines run one after another, and its result is read.

The fixture that the program reads has a flat object, so the program never has the answer. An exit status of 0
alone proves nothing: what is missing, unreadable, not finite or flat is refused.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from harness.core.errors import DependencyError, RefusedError, UnreadableError, UsageError
from harness.core.storage.npz import read_archive
from harness.ptycho.engines.command.fixture import require_format
from harness.ptycho.engines.command.outputs import place_of, read_output, require_not_flat
from harness.ptycho.engines.command.program import Program, Workspace, require_program
from harness.ptycho.engines.command.settings import PREDICT, UNTRAINED, Polar, read_settings, replaced
from harness.ptycho.engines.handshake import require_handshake, shake_hands
from harness.ptycho.engines.interface import Reconstruction
from harness.ptycho.engines.run import EnginePipeline
from harness.ptycho.engines.start import starting_point
from harness.ptycho.scan.residual import Dataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from harness.core.domain.interface import Stage
    from harness.ptycho.engines.command.outputs import Part
    from harness.ptycho.engines.command.settings import Settings
    from harness.ptycho.engines.handshake import Handshake
    from harness.ptycho.engines.interface import Job

    Arrays = Mapping[str, np.ndarray]

FOLDER = "program"
HANDSHAKE_FOLDER = "handshake"
"""Folders below a job's output, for the reconstruction and for the handshake."""


def pipeline(name: str, table: Mapping[str, Any], root: Path) -> EnginePipeline:
    """Return the pipeline of a table ``[tool.harness.engines.NAME]``, for a project at *root*.

    Raises
    ------
    UsageError
        The table is wrong, see :func:`~harness.ptycho.engines.command.settings.read_settings`.

    Examples
    --------
    >>> from pathlib import Path
    >>> table = {"reconstruct": "mine {fixture}", "object": "{output}/o.npz:object"}
    >>> pipeline("mine", table, Path()).limit
    45.0
    """
    settings = read_settings(name, table)
    return EnginePipeline(CommandEngine(name, settings, root), limit=settings.time_limit)


@dataclass(frozen=True, slots=True)
class CommandEngine:
    """A program with its settings.

    Attributes
    ----------
    name : str
    settings : Settings
    root : Path
        The project's directory, in which the program runs.
    """

    name: str
    settings: Settings
    root: Path

    def require(self) -> None:
        """Raise an error if something that the table names is not installed.

        Raises
        ------
        DependencyError
            A program or a package is missing; the message names it.
        UsageError
            There is no such format for the fixture.
        """
        for stage, line in self.settings.lines.items():
            require_program(self.name, stage, line, self.root, self.settings.environment)
        self.versions()
        require_format(self.name, self.settings.fixture_format)

    def versions(self) -> Mapping[str, str]:
        """Return the version of each package that the table lists.

        Raises
        ------
        DependencyError
            One is not installed.
        """
        return {package: _version(self.name, package) for package in self.settings.packages}

    def reconstruct(self, job: Job) -> Reconstruction:
        """Run the program on *job*'s fixture; see :class:`~harness.ptycho.engines.interface.Engine`."""
        _require_no_options(self.name, job.options)
        arrays = read_archive(job.fixture)
        data = Dataset.of(arrays)
        start = starting_point(data, self.settings.start_defocus)
        handshake, asked = self._handshake(job, arrays)
        given = {**arrays, "objectGuess": start.object, "probeGuess": start.probe}
        program = self._program(job, FOLDER, given)
        done = self._run(program, self.settings.stages)
        with _blamed_on(program, *list(self.settings.stages.items())[-1]):
            obj, probe = self._results(program.workspace, data, start)
            require_not_flat(obj, data)
        return Reconstruction(
            obj,
            probe,
            start.probe,
            (*asked, *done),
            self._parameters(job),
            self.versions(),
            handshake,
            refines_probe=self.settings.probe is not None,
            notes=program.workspace.notes,
            untrained=self._untrained(job, given, data, start),
        )

    def _untrained(
        self, job: Job, given: Arrays, data: Dataset, start: Dataset
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Return object and probe of the control, which is the same without training; it may be flat."""
        lines = self.settings.untrained_stages
        if not lines:
            return None
        program = self._program(job, UNTRAINED, given)
        self._run(program, lines)
        with _blamed_on(program, *list(lines.items())[-1]):
            return self._results(program.workspace, data, start)

    def _run(self, program: Program, lines: Mapping[str, str]) -> list[Stage]:
        return [program.run(stage, line) for stage, line in lines.items()]

    def _handshake(self, job: Job, arrays: Arrays) -> tuple[Handshake | None, tuple[Stage, ...]]:
        """Compare what the program predicts of the stored object and probe with our model, if it can."""
        line, place = self.settings.predict, self.settings.prediction
        if line is None or place is None:
            return None, ()
        program, data = self._program(job, HANDSHAKE_FOLDER, arrays), Dataset.of(arrays)
        stage = program.run(PREDICT, line)
        with _blamed_on(program, PREDICT, line):
            predicted = _read(program.workspace, "diffraction", place, data.diffraction.shape)
        found = shake_hands(data, predicted)
        require_handshake(self.name, found)
        return found, (stage,)

    def _program(self, job: Job, folder: str, arrays: Arrays) -> Program:
        settings = self.settings
        workspace = Workspace.make(
            job.output / folder,
            arrays,
            settings.fixture_format,
            root=self.root,
            seed=job.seed,
            threads=job.threads,
        )
        return Program(self.name, workspace, settings.environment, job.deadline, job.progress)

    def _results(self, place: Workspace, data: Dataset, start: Dataset) -> tuple[np.ndarray, np.ndarray]:
        obj = _read(place, "object", self.settings.object, data.object.shape)
        if self.settings.probe is None:
            return obj, start.probe
        return obj, _read(place, "probe", self.settings.probe, data.probe.shape)

    def _parameters(self, job: Job) -> dict[str, Any]:
        return {**msgspec.to_builtins(self.settings), "seed": job.seed, "threads": job.threads}


@contextmanager
def _blamed_on(program: Program, stage: str, line: str) -> Iterator[None]:
    """Say of an error in what a program left which command line it was, and how its output ends."""
    try:
        yield
    except (RefusedError, UnreadableError) as error:
        raise program.unusable(stage, line, error) from None


def _read(place: Workspace, part: Part, where: str | Polar, shape: tuple[int, ...]) -> np.ndarray:
    if isinstance(where, Polar):
        amplitude = _read(place, "amplitude", where.amplitude, shape)
        return amplitude * np.exp(1j * _read(place, "phase", where.phase, shape))
    return read_output(part, place_of(replaced(where, place.values)), place.folder, shape)


def _require_no_options(engine: str, options: Mapping[str, Any]) -> None:
    if options:
        raise UsageError(
            f"options of engine {engine!r}",
            expected="none: its command lines say everything",
            found=", ".join(options),
            remedy=f"Change [tool.harness.engines.{engine}] in pyproject.toml.",
        )


def _version(engine: str, package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        raise DependencyError(
            f"engine {engine!r}",
            expected=f"the package {package}",
            found="none installed",
            message=f"engine {engine!r} needs the package {package}, which is not installed",
            remedy="Install it where harness is installed.",
        ) from None
