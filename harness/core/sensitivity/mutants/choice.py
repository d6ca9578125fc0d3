"""Which mutants are tried: a random choice that is the same for the same seed and sources."""

from __future__ import annotations

import difflib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.sensitivity.mutants.operators import find_candidates, mutated
from harness.core.sensitivity.mutants.source import mutable_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.sensitivity.mutants.operators import Candidate
    from harness.core.sensitivity.mutants.source import SourceFile


@dataclass(frozen=True, slots=True)
class Mutant:
    """One source file with one change.

    Attributes
    ----------
    path : str
        Of the file, relative to the project.
    line : int
        Where it is changed.
    operator : str
        Name of cosmic-ray's operator.
    text : str
        The whole file with the change.
    diff : str
        The change as a unified diff.
    tests : tuple of str
        The golden tests that execute the line.
    """

    path: str
    line: int
    operator: str
    text: str
    diff: str
    tests: tuple[str, ...]

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.path}:{self.line}"


def choose_mutants(sources: Sequence[SourceFile], count: int, seed: int) -> list[Mutant]:
    """Return up to *count* mutants of the lines that golden tests execute.

    Every place is as likely as any other, and a place gets a second mutant only when all have one. A larger
    *count* with the same seed keeps those of a smaller one.

    Raises
    ------
    DependencyError
        If cosmic-ray is not installed.
    """
    found: list[Mutant] = []
    for source, candidate in _shuffled(sources, seed):
        text = mutated(source.text, candidate)
        if text is not None and all((text, source.path) != (one.text, one.path) for one in found):
            found.append(_mutant(source, candidate, text))
        if len(found) == count:
            break
    return found


def _shuffled(sources: Sequence[SourceFile], seed: int) -> Iterator[tuple[SourceFile, Candidate]]:
    """Yield all candidates: one of each place in random order, then a second one of each, and so on."""
    every = [
        (source, candidate)
        for source in sorted(sources, key=lambda source: source.path)
        for candidate in find_candidates(source.text, mutable_lines(source))
    ]
    random.Random(seed).shuffle(every)  # noqa: S311 - nobody gains by guessing it
    seen: dict[tuple[str, int, int], int] = {}
    rounds: dict[int, list[tuple[SourceFile, Candidate]]] = {}
    for source, candidate in every:
        place = (source.path, candidate.line, candidate.column)
        seen[place] = seen.get(place, 0) + 1
        rounds.setdefault(seen[place], []).append((source, candidate))
    for number in sorted(rounds):
        yield from rounds[number]


def _mutant(source: SourceFile, candidate: Candidate, text: str) -> Mutant:
    lines = difflib.unified_diff(
        source.text.splitlines(),
        text.splitlines(),
        f"a/{source.path}",
        f"b/{source.path}",
        n=1,
        lineterm="",
    )
    tests = tuple(sorted(mutable_lines(source)[candidate.line]))
    return Mutant(source.path, candidate.line, candidate.operator, text, "\n".join(lines), tests)
