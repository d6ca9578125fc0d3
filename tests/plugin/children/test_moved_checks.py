"""In a pytest process of ``harness sensitivity``, every accepted check is repeated with moved arrays."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from harness.core.sensitivity.golden_tests import VARIABLE, Answer, Assignment
from harness.core.storage.npz import write_archive
from harness.core.storage.project import Project
from harness.plugin.children import moved_checks
from harness.plugin.fixture_check import FixtureRegression


@pytest.fixture
def given(tmp_path):
    (tmp_path / "answers").mkdir()
    return Assignment(("G01", "G03"), ("golden/lattice.npz",), str(tmp_path / "answers"))


def answers(given) -> list[Answer]:
    from pathlib import Path

    files = Path(given.answers).glob("*.jsonl")
    return [msgspec.json.decode(line, type=Answer) for f in files for line in f.read_bytes().splitlines()]


@pytest.fixture
def check(tmp_path, lattice):
    """What the repeated check needs of a test's check, with its golden arrays."""
    project = Project(tmp_path)
    project.golden.mkdir()
    write_archive(project.golden / "lattice.npz", lattice().arrays)
    return SimpleNamespace(project=project, test="test_it", relative=lambda name: f"golden/{name}")


def test_a_check_that_passes_is_repeated_with_the_tolerances_of_the_test(check, given, lattice):
    called = []
    given_tolerances = {"a": {"atol": 5.0}}
    repeated = moved_checks._repeated(lambda *a, **k: called.append((a, k)), given)
    repeated(check, lattice(), given_tolerances, allow_constant=True)
    (((_, fixture, tolerances), options),) = called
    assert fixture.name == "lattice"
    assert tolerances is given_tolerances
    assert options == {"allow_constant": True}
    (answer,) = answers(given)
    assert (answer.file, answer.test, answer.passed) == ("golden/lattice.npz", "test_it", True)
    # 0 to 5 is doubled or zeroed within 5
    assert [(move.fault, move.seen) for move in answer.moves] == [("G01", False), ("G03", False)]


def test_a_check_that_fails_is_noted_and_fails(check, given, lattice):
    def fail(*_, **__):
        pytest.fail("drifted")

    with pytest.raises(pytest.fail.Exception, match="drifted"):
        moved_checks._repeated(fail, given)(check, lattice())
    assert [(answer.passed, answer.moves) for answer in answers(given)] == [(False, ())]


def test_golden_files_that_were_not_asked_about_are_only_checked(check, given, lattice):
    called = []
    moved_checks._repeated(lambda *a, **_: called.append(a), given)(check, lattice(name="other"))
    assert len(called) == 1
    assert answers(given) == []


def test_the_check_is_replaced_and_nothing_recorded_until_the_session_ends(monkeypatch, given):
    monkeypatch.setenv(VARIABLE, msgspec.json.encode(given).decode())
    cleanups, original = [], FixtureRegression.check
    option = SimpleNamespace(force_regen=True, regen_all=True)
    moved_checks.pytest_configure(SimpleNamespace(add_cleanup=cleanups.append, option=option))
    assert FixtureRegression.check is not original
    assert option == SimpleNamespace(force_regen=False, regen_all=False, golden_keeps_nothing=True)
    cleanups[0]()
    assert FixtureRegression.check is original


def test_failures_are_noted_without_a_golden_file(monkeypatch, given):
    monkeypatch.setenv(VARIABLE, msgspec.json.encode(given).decode())
    moved_checks.pytest_collectreport(SimpleNamespace(failed=True, nodeid="test_a.py"))
    moved_checks.pytest_runtest_logreport(SimpleNamespace(failed=True, nodeid="test_b.py::test_b"))
    moved_checks.pytest_runtest_logreport(SimpleNamespace(failed=False, nodeid="test_b.py::test_c"))
    assert [(a.file, a.test, a.passed) for a in answers(given)] == [
        ("", "test_a.py", False),
        ("", "test_b.py::test_b", False),
    ]


def test_other_tests_are_deselected():
    deselected = []

    def deselect(items: list[object]) -> None:
        deselected.extend(items)

    hook = SimpleNamespace(pytest_deselected=deselect)
    ours = SimpleNamespace(fixturenames=["tmp_path", "fixture_regression"])
    other = SimpleNamespace(fixturenames=["tmp_path"])
    items = [other, ours, SimpleNamespace()]
    moved_checks.pytest_collection_modifyitems(SimpleNamespace(hook=hook), items)
    assert items == [ours]
    assert len(deselected) == 2
