"""One mutant: the golden tests that execute its line run in a copy of the project that has it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.core.sensitivity.mutants.golden_run import GoldenRun, Origin, run_golden
from harness.core.sensitivity.mutants.whole_copy import copy_again, replace_source

if TYPE_CHECKING:
    from harness.core.sensitivity.mutants.choice import Mutant
    from harness.core.sensitivity.mutants.survey import Survey
    from harness.core.storage.project import Project

_FACTOR, _MORE_SECONDS = 4.0, 10.0


class Trial(NamedTuple):
    """A mutant, and what its process needs.

    Attributes
    ----------
    mutant : Mutant
    base : Project
        The copy to copy.
    clean : str
        Directory with what the clean run handed over.
    origin : Origin
    seconds : float
        When it is stopped.
    folder : str
        Directory for its own copy, which is removed.
    """

    mutant: Mutant
    base: Project
    clean: str
    origin: Origin
    seconds: float
    folder: str


def plan_trial(mutant: Mutant, known: Survey, folder: Path) -> Trial:
    """Return the trial of a mutant: it may take 4 times as long as without it, and 10 s more."""
    expected = known.start + sum(known.seconds.get(test, 0.0) for test in mutant.tests)
    return Trial(
        mutant,
        known.base,
        str(known.clean),
        known.origin,
        _FACTOR * expected + _MORE_SECONDS,
        str(folder),
    )


def run_trial(trial: Trial) -> GoldenRun:
    """Run the tests of a mutant in a copy, which is removed afterwards."""
    mutant = trial.mutant
    # Processes that left the group may still be writing when the directory is removed.
    with tempfile.TemporaryDirectory(dir=trial.folder, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        copy = copy_again(trial.base, folder)
        replace_source(copy, mutant.path, mutant.text)
        work = folder / "work"
        work.mkdir()
        return run_golden(
            copy,
            trial.origin,
            work,
            tests=mutant.tests,
            clean=Path(trial.clean),
            seconds=trial.seconds,
        )
