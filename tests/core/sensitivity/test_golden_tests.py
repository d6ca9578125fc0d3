"""A project's own tests are asked what they see of moved golden arrays."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.core.baselines.baseline import Metric, encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.errors import UsageError
from harness.core.fixtures.fixture import write_fixture
from harness.core.recording.staged import Staged
from harness.core.sensitivity.generic_faults import GENERIC_FAULTS, GoldenMove
from harness.core.sensitivity.golden_tests import (
    Answer,
    Assignment,
    GoldenFile,
    Question,
    _golden_file,
    ask_tests,
    judge_baselines,
)

WAVES = """
import numpy as np
from harness import Generator, Source, make_fixture

def waves(*, name: str = "waves"):
    heights = np.random.default_rng(0).uniform(1, 2, (4, 4)) * 1e-10
    call = Generator("swell:waves", 1, {"name": name})
    return make_fixture(name, {"heights": heights}, generator=call, source=Source("simulated", "none"))
"""
TESTS = """
import pytest
import swell

@pytest.fixture
def again(fixture_regression):
    return fixture_regression

def test_strict(fixture_regression):
    fixture_regression.check(swell.waves())

def test_also(again):
    again.check(swell.waves(), {"heights": {"rtol": 10.0}})

def test_loose(fixture_regression):
    fixture_regression.check(swell.waves(name="loose"), {"heights": {"rtol": 10.0}})

def test_other():
    raise AssertionError("no golden file, so it is not run")
"""
ARCHIVES = ("golden/waves.npz", "golden/loose.npz", "golden/lonely.npz")
IDS = tuple(fault.id for fault in GENERIC_FAULTS)


@pytest.fixture
def swell(module, empty, record, tmp_path):
    """A project with golden files: one compared well, one compared loosely, and one not compared."""
    module("swell", WAVES)
    (empty.root / "swell.py").write_text(WAVES)
    (empty.root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (empty.root / "test_swell.py").write_text(TESTS)
    import swell as made

    staged = []
    for name in ("waves", "loose", "lonely"):
        archive, manifest = write_fixture(made.waves(name=name), tmp_path / "made")
        staged += [
            Staged(f"golden/{name}.npz", "fixture", archive),
            Staged(f"golden/{name}.json", "manifest", manifest),
        ]
    record(staged)
    return empty


def test_every_golden_file_is_judged_by_the_tests_that_compare_with_it(swell):
    """A fault is seen if one test sees it; no golden file is changed."""
    before = {p: p.read_bytes() for p in (*swell.golden.iterdir(), swell.registry)}
    waves, loose, lonely = ask_tests(Question(swell, ARCHIVES, IDS))
    assert waves.tests == ("test_swell.py::test_strict", "test_swell.py::test_also")
    assert waves.correct
    assert {move.fault for move in waves.blind} <= {"G09"}
    assert loose.tests == ("test_swell.py::test_loose",)
    assert not loose.correct
    assert {"G01", "G02", "G03", "G05", "G06", "G07"} <= {move.fault for move in loose.blind}
    assert (lonely.tests, lonely.problem) == ((), "no test compares a fixture with it")
    assert {p: p.read_bytes() for p in (*swell.golden.iterdir(), swell.registry)} == before


def test_a_test_that_fails_already_says_nothing_about_faults(swell):
    (swell.root / "swell.py").write_text(WAVES.replace("(4, 4)", "(10, 10)"))
    (waves,) = ask_tests(Question(swell, ARCHIVES[:1], IDS))
    assert waves.problem.startswith("its check fails without any fault, in test_swell.py::test_strict")
    assert not waves.correct


def test_tests_that_cannot_be_collected_are_named(swell):
    (swell.root / "test_swell.py").write_text("import no_such_module\n")
    (waves,) = ask_tests(Question(swell, ARCHIVES[:1], IDS))
    assert waves.problem == ("no test compares a fixture with it; failed or not collected: test_swell.py")


def test_tests_that_fail_before_their_check_are_named(swell):
    (swell.root / "test_swell.py").write_text(
        TESTS.replace("again.check", "1 / 0").replace("fixture_regression.check", "1 / 0")
    )
    (waves,) = ask_tests(Question(swell, ARCHIVES[:1], IDS))
    assert "failed or not collected: test_swell.py::test_strict, test_swell.py::test_also" in waves.problem


def test_no_answer_is_an_error(empty, monkeypatch):
    """Our plugin was not loaded in that process, so that no answer does not mean that there is no test."""
    ended = SimpleNamespace(returncode=1, stdout=b"ImportError: no plugin\n\n")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: ended)
    with pytest.raises(UsageError, match="pytest cannot run in this project: ImportError: no plugin"):
        ask_tests(Question(empty, ARCHIVES, IDS))


def test_a_project_in_which_pytest_cannot_run(swell):
    (swell.root / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--no-such-option"\n')
    with pytest.raises(UsageError, match="pytest cannot run in this project"):
        ask_tests(Question(swell, ARCHIVES[:1], IDS))


def test_golden_files_are_not_recorded_even_if_the_environment_asks_for_it(swell, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--force-regen")
    (swell.root / "swell.py").write_text(WAVES.replace("(4, 4)", "(10, 10)"))
    before = {p: p.read_bytes() for p in (*swell.golden.iterdir(), swell.registry)}
    (loose,) = ask_tests(Question(swell, ARCHIVES[1:2], IDS))
    assert loose.problem.startswith("its check fails without any fault")
    assert {p: p.read_bytes() for p in (*swell.golden.iterdir(), swell.registry)} == before


def test_nothing_is_run_if_there_is_nothing_to_ask(empty, monkeypatch):
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("pytest was started"))
    assert ask_tests(Question(empty, (), IDS)) == []
    assert ask_tests(Question(empty, ARCHIVES, ())) == []


def test_an_assignment_names_its_faults():
    chosen = Assignment(("G03", "G01"), ARCHIVES, "answers").chosen()
    assert [fault.id for fault in chosen] == ["G01", "G03"]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_tests_the_one_that_sees_a_fault_counts(order):
    seen = Answer("f", "a", passed=True, moves=(GoldenMove("f", "x", "G01", "", seen=True),))
    passed = Answer("f", "b", passed=True, moves=(GoldenMove("f", "x", "G01", "", seen=False),))
    assert _golden_file("f", (seen, passed)[::order]).blind == ()


def test_moves_that_pass_are_right_only_if_all_are_explained():
    explained = GoldenMove("f", "x", "G05", "", seen=False, explained=True)
    other = GoldenMove("f", "x", "G06", "axis 0", seen=False)
    assert GoldenFile("f", (), (explained,)).correct
    assert not GoldenFile("f", (), (explained, other)).correct
    assert not GoldenFile("f", (), (explained,), "no test").correct


def test_metrics_are_judged_by_the_tolerances_in_their_baseline(empty):
    import msgspec

    file = empty.golden / "waves.smooth.json"
    file.parent.mkdir(exist_ok=True)
    made = msgspec.structs.replace(provisional_baseline({"mean": 1.0}), metrics={"mean": Metric(1.0, 3.0)})
    file.write_bytes(encode_baseline(made))
    (found,) = judge_baselines(empty, [file], GENERIC_FAULTS)
    assert found.path == "golden/waves.smooth.json"
    assert [move.fault for move in found.blind] == ["G01", "G02", "G03"]
    assert list(judge_baselines(empty, [file], GENERIC_FAULTS[4:8])) == []  # metrics have no rows
