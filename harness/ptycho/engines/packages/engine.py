"""An engine that is a Python package: an adapter, run in a child process."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.domain.interface import Stage
from harness.core.errors import DependencyError
from harness.core.storage.npz import read_archive
from harness.ptycho.engines.handshake import Handshake
from harness.ptycho.engines.interface import Reconstruction
from harness.ptycho.pipeline.parent_process import run_stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.ptycho.engines.interface import Job

CHILD = "harness.ptycho.engines.packages.child"
TASK_FILE = "engine_task.json"
ANSWER_FILE = "engine_answer.json"
RESULT_FILE = "engine_result.npz"
"""Files of the output folder between parent and child."""

STAGE = "reconstruct"
HANDSHAKE_STAGE = "handshake"
"""Its time is not part of the reconstruction."""


class EngineTask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the child is asked: the adapter, its options, and when the run began (seconds since the epoch)."""

    engine: str
    adapter: str
    options: dict[str, Any]
    began: float


class EngineAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the child did, beside the arrays: the handshake's figures, every setting, the handshake's cost."""

    handshake: dict[str, float]
    parameters: dict[str, Any]
    handshake_cost: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class PackageEngine:
    """A Python package with an adapter.

    Attributes
    ----------
    name : str
    adapter : str
        Reference ``module:class`` of an :class:`~harness.ptycho.engines.interface.Adapter`. It is made in the
        child with ``seed``, ``threads`` and the options.
    module : str
        The module that must be importable.
    extra : str
        The extra of this package that installs it.
    packages : tuple of str
        Distributions whose versions are recorded.
    """

    name: str
    adapter: str
    module: str
    extra: str
    packages: tuple[str, ...]

    @property
    def takes_seconds(self) -> bool:
        """Whether it has an option ``seconds``: the wall time after which it ends."""
        return True

    def require(self) -> None:
        """Raise an error if the package is not installed, before any process starts.

        Raises
        ------
        DependencyError
            With the command that installs it.
        """
        if importlib.util.find_spec(self.module) is None:
            raise DependencyError(
                self.name,
                expected=f"the package {self.packages[0]}",
                found="none installed",
                message=f"engine {self.name!r} needs {self.packages[0]}, which is not installed",
                remedy=f"Install it with `pip install 'golden-harness[ptycho,{self.extra}]'`.",
            )

    def versions(self) -> Mapping[str, str]:
        """Return the version of each package, by its name."""
        return {name: metadata.version(name) for name in self.packages}

    def reconstruct(self, job: Job) -> Reconstruction:
        """Run the adapter in a child process; see :class:`~harness.ptycho.engines.interface.Engine`."""
        options = {"seed": job.seed, "threads": job.threads, **job.options}
        task = EngineTask(self.name, self.adapter, options, time.time())
        (job.output / TASK_FILE).write_bytes(msgspec.json.encode(task))
        stage = run_stage(
            STAGE,
            CHILD,
            (str(job.fixture), str(job.output)),
            output=job.output,
            deadline=job.deadline,
            progress=job.progress,
        )
        answer = msgspec.json.decode((job.output / ANSWER_FILE).read_bytes(), type=EngineAnswer)
        arrays = read_archive(job.output / RESULT_FILE)
        return Reconstruction(
            arrays["object"],
            arrays["probe"],
            arrays["start_probe"],
            _without_handshake(stage, answer.handshake_cost),
            answer.parameters,
            self.versions(),
            Handshake(**answer.handshake),
        )


def _without_handshake(whole: Stage, cost: Mapping[str, float]) -> tuple[Stage, Stage]:
    """Return the stage of a process as two: its handshake, and the rest with what was read."""
    seconds, cpu_seconds = cost.get("seconds", 0.0), cost.get("cpu_seconds", 0.0)
    return (
        Stage(HANDSHAKE_STAGE, seconds, whole.peak_mb, cpu_seconds=cpu_seconds),
        replace(
            whole,
            seconds=max(0.0, whole.seconds - seconds),
            cpu_seconds=max(0.0, whole.cpu_seconds - cpu_seconds),
        ),
    )
