"""What a reconstruction code of another group is to harness: a fixture in, object and probe out.

An :class:`Engine` does the whole of it, in processes of its own. Where the code is a Python package, it is
enough to write an :class:`Adapter`; :mod:`harness.ptycho.engines.packages.engine` runs it in a child process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import numpy as np

    from harness.core.domain.interface import Stage
    from harness.ptycho.engines.handshake import Handshake
    from harness.ptycho.pipeline.parent_process import Deadline
    from harness.ptycho.scan.residual import Dataset

    Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What an engine is asked to do.

    Attributes
    ----------
    fixture : Path
        A dataset that keeps the contract. Its ``objectGuess`` is for the handshake, never for reconstructing.
    output : Path
        An existing folder, for logs and for what the engine leaves.
    seed, threads : int
    options : mapping of str to object
        The engine's own options, as the caller named them.
    deadline : Deadline
        When to stop every process.
    progress : callable, optional
        Called with a stage's name and the fraction done.
    """

    fixture: Path
    output: Path
    seed: int
    threads: int
    options: Mapping[str, Any]
    deadline: Deadline
    progress: Progress | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Reconstruction:
    """What an engine made of a fixture.

    Attributes
    ----------
    object : (M, M') complex
        On the pixels of the fixture's ``objectGuess``.
    probe : (H, W) complex
    start_probe : (H, W) complex
        The probe that the engine started from.
    stages : tuple of Stage
        One for each process, in order.
    parameters : mapping of str to object
        Every setting that decides the result; can be written as JSON.
    versions : mapping of str to str
        Version of each package that took part, by its name.
    handshake : Handshake or None
        Residuals of the engine's prediction and of ours; None if the engine cannot predict.
    refines_probe : bool
        Whether the engine is expected to change the probe.
    notes : tuple of str
        Remarks that a reader of the figures needs.
    untrained : pair of ndarray or None
        Object and probe that the engine leaves without training: a control. None if it does not train.
    """

    object: np.ndarray
    probe: np.ndarray
    start_probe: np.ndarray
    stages: tuple[Stage, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    handshake: Handshake | None = None
    refines_probe: bool = True
    notes: tuple[str, ...] = ()
    untrained: tuple[np.ndarray, np.ndarray] | None = None


class Engine(Protocol):
    """A reconstruction code, with all that is needed to run it."""

    @property
    def name(self) -> str:
        """Name of the engine, and of its pipeline."""

    def require(self) -> None:
        """Raise :class:`~harness.core.errors.DependencyError` if what the engine runs is not installed."""

    def reconstruct(self, job: Job) -> Reconstruction:
        """Reconstruct a fixture in processes of the engine's own.

        Raises
        ------
        OvertimeError
            The deadline passed, and every process was stopped.
        RefusedError
            The engine's prediction differs from ours, its options are wrong, or it left no usable result.
        HarnessError
            A process failed; the error has the last lines of its output and names the log.
        """


class Adapter(Protocol):
    """A Python package as it is called in a child process; its modules are imported there only."""

    def predict(self, data: Dataset) -> np.ndarray:
        """Return the amplitudes of the package's own model, (N, H, W) float, zero frequency at the centre.

        They are those of the object and the probe of *data* at its positions, in stored units.
        """

    def reconstruct(self, start: Dataset, epochs: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return object, (M, M') complex, and probe, (H, W) complex, in stored units.

        start : a flat object and the start probe. epochs : to be iterated, one pass over the data for each.
        """
