"""What a pytest process of a mutant is asked, and what it answers, as files of one directory.

The module ``harness.plugin.children.mutant_checks`` writes the answers.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

VARIABLE = "HARNESS_MUTANT_CHECKS"
"""Environment variable with the path of the process's :class:`Job`."""

CONTEXT = "HARNESS_MUTANT_CONTEXT"
"""Environment variable with the context in which coverage notes the lines of child processes."""

HERE = "here:"
"""Start of the contexts of the pytest process itself."""

CLEAN = "clean"
"""Name of the directory with the arrays of the clean run."""


class Job(msgspec.Struct, frozen=True):
    """What a pytest process is to do.

    Attributes
    ----------
    root : str
        Root of the copy.
    answers : str
        Directory for the answers.
    clean : str
        Directory with what the clean run handed over; the clean run itself writes it.
    tests : tuple of str
        Ids of the tests to run; all that use our fixtures if it is empty.
    is_clean : bool
        Whether this is a clean run, which does not stop at the first failure.
    """

    root: str
    answers: str
    clean: str
    tests: tuple[str, ...] = ()
    is_clean: bool = False


class Handed(msgspec.Struct, frozen=True):
    """What a test handed to one check, and how far it is from the golden file and from the clean run.

    Attributes
    ----------
    test, file : str
        The test's id and the golden file, as the registry writes it.
    values : dict of str to str
        What was handed over: digests of arrays, metrics as text.
    outcome : str
        Empty if the check passed, else a word of :class:`~harness.core.verdict.Outcome`.
    away : float or None
        Largest difference from the golden values, in tolerances; None if it cannot be counted in them.
    name : str
        The array or metric of ``away``.
    moved : dict of str to float or None
        The same from the clean run, for what changed.
    """

    test: str
    file: str
    values: dict[str, str]
    outcome: str = ""
    away: float | None = 0.0
    name: str = ""
    moved: dict[str, float | None] = {}


class Ended(msgspec.Struct, frozen=True):
    """How a test ended.

    Attributes
    ----------
    test : str
        Its id; empty for a file that could not be collected.
    outcome : str
        passed, failed or skipped.
    kind : str
        Class of the exception that ended it.
    is_ours : bool
        Whether that is an error of this package.
    found : str
        The first line of the failure.
    seconds : float
        Wall time with its fixtures.
    contexts : tuple of str
        Contexts in which coverage noted its lines.
    """

    test: str
    outcome: str
    kind: str = ""
    is_ours: bool = False
    found: str = ""
    seconds: float = 0.0
    contexts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """All answers of one run."""

    handed: tuple[Handed, ...]
    ended: tuple[Ended, ...]

    @property
    def failures(self) -> tuple[Ended, ...]:
        """Tests that failed, and files that could not be collected."""
        return tuple(one for one in self.ended if one.outcome == "failed")


def write_answer(folder: str, answer: Handed | Ended) -> None:
    """Append an answer to this process's own file."""
    name = f"{os.getpid()}.{type(answer).__name__}.jsonl"
    with Path(folder, name).open("ab") as file:
        file.write(msgspec.json.encode(answer) + b"\n")


def read_answers(folder: Path) -> Answers:
    """Return all answers in a directory; a line that a stopped process left unfinished is left out."""
    return Answers(tuple(_lines(folder, Handed)), tuple(_lines(folder, Ended)))


def _lines(folder: Path, kind: type) -> list:  # type: ignore[type-arg]
    lines = (line for file in sorted(folder.glob(f"*.{kind.__name__}.jsonl")) for line in _whole_lines(file))
    return [msgspec.json.decode(line, type=kind) for line in lines]


def _whole_lines(file: Path) -> list[bytes]:
    return file.read_bytes().split(b"\n")[:-1]
