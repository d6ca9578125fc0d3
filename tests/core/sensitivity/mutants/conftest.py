"""A survey of a project, and mutants of it that are made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from golden_field import make_project

from harness.core.sensitivity.mutants.choice import Mutant
from harness.core.sensitivity.mutants.run import plan_trial, run_trial
from harness.core.sensitivity.mutants.source import mutable_lines
from harness.core.sensitivity.mutants.survey import Survey, survey
from harness.core.sensitivity.mutants.verdicts import MutantResult, judge_mutant

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.storage.project import Project


@dataclass(frozen=True)
class Known:
    """A project and what a survey has found in it."""

    project: Project
    survey: Survey
    folder: Path

    def mutant(self, old: str, new: str) -> Mutant:
        """Return a mutant by hand: *new* in place of *old*, which one file has once."""
        source = next(source for source in self.survey.sources if old in source.text)
        assert source.text.count(old) == 1
        line = source.text.partition(old)[0].count("\n") + 1
        tests = tuple(sorted(mutable_lines(source)[line]))
        return Mutant(source.path, line, "by hand", source.text.replace(old, new), f"-{old}", tests)

    def result(self, mutant: Mutant, seconds: float = 60.0) -> MutantResult:
        """Return what comes of a mutant."""
        trial = plan_trial(mutant, self.survey, self.folder)._replace(seconds=seconds)
        return judge_mutant(mutant, run_trial(trial), self.survey)


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Known:
    """The project, surveyed once for all tests of a module."""
    project = make_project(tmp_path_factory.mktemp("project"))
    folder = tmp_path_factory.mktemp("survey")
    found = survey(project, ["field.py", "inner.py"], folder, lambda *_: None)
    return Known(project, found, tmp_path_factory.mktemp("trials"))
