"""Tests that manifests name: only those of the project run, and each answers for itself."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from harness.core.errors import HarnessError, NotImportableError, RemakeError
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source, read_manifest
from harness.core.rerun import rerun_tests
from harness.core.rerun.answers import Task
from harness.core.rerun.rerun_tests import PytestCall, one_per_reason, run_tests

SUITE = """
import numpy as np
import pytest

def test_ramp(arrays_regression):
    arrays_regression.check(np.arange(3.0))

def test_broken(arrays_regression):
    raise ValueError("no data today")

@pytest.mark.skip(reason="not here")
def test_skipped(arrays_regression):
    arrays_regression.check(np.arange(3.0))

def test_silent(arrays_regression):
    pass
"""


@pytest.fixture
def ask(tmp_path):
    """Run the tests with these ids in a project; return an answer each."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "test_it.py").write_text(SUITE)
    (tmp_path / "test_outside.py").write_text(SUITE)

    def run(*tests, known=""):
        tasks = []
        for number, test in enumerate(tests):
            name = f"test_it/{test.rpartition('::')[2].removesuffix('.py') or 'none'}"
            call = Generator("test_it:test", 1, path=".", test=test)
            fixture = make_fixture(
                name, {"data": np.arange(3.0)}, generator=call, source=Source("test", "none")
            )
            manifest = write_fixture(fixture, tmp_path / "recorded" / str(number))[1]
            tasks.append(Task(manifest, None, tmp_path / "made" / str(number), known))
        return run_tests(tasks, project, PytestCall())

    return run


def test_a_test_hands_its_arrays_over(ask):
    (answer,) = ask("test_it.py::test_ramp")
    assert answer.error is None
    assert sorted(read_manifest(answer.manifest).arrays) == ["data"]
    assert answer.manifest.with_suffix(".npz").is_file()


def test_arrays_that_are_known_are_not_written_again(ask, tmp_path):
    """A thousand tests would make thousands of directories. The answer names the manifest that there is."""
    (first,) = ask("test_it.py::test_ramp")
    known = read_manifest(first.manifest).digest
    shutil.rmtree(tmp_path / "made")
    (answer,) = ask("test_it.py::test_ramp", known=known)
    assert answer.manifest is not None
    assert answer.manifest.is_relative_to(tmp_path / "recorded")
    assert not (tmp_path / "made").exists()
    (other,) = ask("test_it.py::test_ramp", known="xxh128:0")
    assert other.manifest.is_relative_to(tmp_path / "made")


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("test_it.py::test_broken", "ValueError: no data today"),
        ("test_it.py::test_skipped", "it was skipped: Skipped: not here"),
        ("test_it.py::test_silent", "it has no check of 'test_it/test_silent'"),
    ],
)
def test_a_test_without_arrays_is_an_error_that_says_why(ask, test, found):
    answers = ask("test_it.py::test_ramp", test)
    assert answers[0].error is None
    assert isinstance(answers[1].error, RemakeError)
    assert found in str(answers[1].error)
    assert test in str(answers[1].error)


@pytest.mark.parametrize("test", ["test_it.py::test_gone", "test_it.py::TestIt::test_gone", "test_it.py"])
def test_a_test_that_is_not_there_is_named(ask, test):
    """It cannot be told what it would make: it may have been renamed."""
    answers = ask("test_it.py::test_ramp", test)
    assert answers[0].error is None
    assert isinstance(answers[1].error, NotImportableError)
    assert f"test {test} is not run: no test of this id is collected" in str(answers[1].error)
    assert "harness mv" in str(answers[1].error)


@pytest.mark.parametrize(
    "test", ["../test_outside.py::test_ramp", "/etc/passwd::x", "setup.cfg::x", "-p::x", "gone.py::test_ramp"]
)
def test_only_files_of_the_project_are_run(ask, test):
    """A manifest is data, which a clone brings."""
    (answer,) = ask(test)
    assert isinstance(answer.error, NotImportableError)
    assert f"test {test} is not run" in str(answer.error)


def failed(test: str, found: str) -> HarnessError:
    """The error of a test that failed in the new process."""
    return rerun_tests._failed(test, found)


def test_one_reason_is_given_once_for_all_tests():
    """A new process that does not start at all fails for each of a thousand tests."""
    gone = rerun_tests._not_found("test_it.py::test_gone")
    every = [failed(f"test_it.py::test_{number}", "no module named 'field'") for number in range(12)]
    other = failed("test_it.py::test_other", "it was skipped")
    merged = one_per_reason([gone, *every, other, gone])
    assert [merged[0], *merged[2:]] == [gone, other, gone]
    assert str(merged[1]) == (
        "12 tests do not make their arrays again in a new pytest process: no module named 'field' "
        "(test 'test_it.py::test_0', test 'test_it.py::test_1', test 'test_it.py::test_2' and 9 more). "
        "Make the test independent of other tests, of their order and of files that they leave."
    )
    assert one_per_reason(every[:1]) == every[:1]
