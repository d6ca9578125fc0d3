"""What is to be made again in a new process, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import RemakeError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.errors import HarnessError


@dataclass(frozen=True, slots=True)
class Task:
    """One fixture to make: its manifest's file, its source file, and the directory for what is made.

    The archive is not written if its arrays have the digest ``known``: the caller has it already. Then a test
    writes nothing at all, and its answer has the manifest of the task.
    """

    manifest: Path
    source: Path | None
    folder: Path
    known: str = ""

    @property
    def made(self) -> Path:
        """The directory of the new archive and manifest."""
        return self.folder / "made"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one new process made of a task: the new manifest's file, or an error.

    ``unrecorded`` are the parameters of the generator that the given manifest does not record.
    """

    manifest: Path | None = None
    error: HarnessError | None = None
    unrecorded: tuple[str, ...] = ()


def failure(manifest: Path, found: str) -> RemakeError:
    """Return the error about a fixture that was not made again; *found* says what came instead."""
    return RemakeError(
        f"fixture {manifest.stem!r}",
        expected="a generator that makes it again in a new process",
        found=found.removesuffix("."),  # a sentence of another error
        remedy="Declare the generator as an importable module:function, and record all of its parameters.",
    )
