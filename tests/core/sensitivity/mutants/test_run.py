"""Mutants of every kind, each run in a copy of a project; nothing of the project itself changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from harness.core.sensitivity.mutants.run import plan_trial
from harness.core.sensitivity.mutants.verdicts import Fate

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("cosmic_ray", reason="mutants need the extra `mutants`")
pytest.importorskip("coverage", reason="mutants need the extra `mutants`")

SPECTRUM = "tests/test_field.py::test_spectrum"


def state(folder: Path) -> dict[str, bytes]:
    """All files of a project but compiled ones."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize(
    ("old", "new", "fate", "found"),
    [
        ("0.75 + 0", "0.75 // 0", Fate.CRASHED, "ZeroDivisionError"),
        ("0.75 + 0", "__import__('os')._exit(3)", Fate.CRASHED, "pytest ended with exit status 3"),
        ("LEVEL = 2.0", "LEVEL = 3.0 +", Fate.CRASHED, "could not be collected"),
        ("found < 3", "found < 4", Fate.ASSERTED, "three are counted"),
        ("found += 1", "found += 0", Fate.TIMED_OUT, "stopped"),
        ("8) * 1", "8) / 1", Fate.EQUIVALENT, ""),
    ],
)
def test_what_comes_of_a_mutant(known, old, new, fate, found):
    mutant = known.mutant(old, new)
    result = known.result(mutant, seconds=8.0 if fate is Fate.TIMED_OUT else 60.0)
    assert result.fate is fate, result
    assert found in result.found


def test_a_golden_difference_names_the_file_and_the_distance(known):
    result = known.result(known.mutant("LEVEL = 2.0", "LEVEL = 2.5"))
    assert (result.fate, result.test) == (Fate.DIFFERED, SPECTRUM)
    assert (result.file, result.name) == ("golden/spectrum.npz", "power")
    assert result.tolerances == pytest.approx(250, rel=1e-3)


def test_a_metric_that_is_not_ahead_of_its_control_has_collapsed(known):
    result = known.result(known.mutant("0.75 + 0", "0.55 + 0"))
    assert (result.fate, result.file, result.name) == (Fate.COLLAPSED, "golden/score.json", "score")
    assert result.tolerances == pytest.approx(4)


def test_what_a_child_process_imports_is_mutated_too(known):
    mutant = known.mutant("value * 2", "value * 3")
    assert (mutant.path, mutant.tests) == ("inner.py", ("tests/test_field.py::test_child",))
    result = known.result(mutant)
    assert (result.fate, result.file, result.name) == (Fate.DIFFERED, "golden/child.json", "child")


def test_a_survivor_says_how_far_it_moved_an_output(known):
    result = known.result(known.mutant("LEVEL = 2.0", "LEVEL = 2.0002"))
    assert (result.fate, result.file, result.name) == (Fate.SURVIVED, "golden/spectrum.npz", "power")
    assert result.tolerances == pytest.approx(0.1, rel=1e-3)


def test_a_mutant_that_makes_a_test_skip_has_survived(known):
    """Pytest passes, but the output that would fail is not there."""
    result = known.result(known.mutant("found < 3", "found < 30"))
    assert (result.fate, result.tolerances) == (Fate.SURVIVED, math.inf)
    assert result.found == "the test was skipped: Skipped: too many"


def test_a_mutant_that_writes_and_deletes_does_so_in_its_copy(known, monkeypatch, tmp_path):
    """Also where it asks for the home directory or for a temporary one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    before = state(known.project.root)
    harm = (
        "(__import__('shutil').rmtree(Path(__file__).parent / 'golden'), "
        "(Path.home() / 'left').write_text('x'), (Path(__import__('tempfile').gettempdir()) / 'left')"
        ".write_text('x'), Path('left').write_text('x')) and 0.75 + 0"
    )
    result = known.result(known.mutant("0.75 + 0", harm))
    assert result.fate is Fate.CRASHED
    assert state(known.project.root) == before
    assert list(tmp_path.iterdir()) == []
    assert list(known.folder.iterdir()) == []


def test_the_limits_follow_from_the_clean_run(known):
    mutant = known.mutant("0.75 + 0", "0.75 - 0")
    trial = plan_trial(mutant, known.survey, known.folder)
    expected = known.survey.start + known.survey.seconds[mutant.tests[0]]
    assert trial.seconds == pytest.approx(4 * expected + 10)
    assert trial.memory == max(4 * known.survey.memory, 2 << 30)
