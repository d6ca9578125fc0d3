"""pytest collects a project's tests in a new process, and runs none of them."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.core.exchange.collected_tests import ArrayCompare, collect_tests

MODULE = """
import pathlib
import pytest

@pytest.fixture
def wrapped(num_regression):
    return num_regression

@pytest.mark.parametrize("size", [8, 1.5])
@pytest.mark.array_compare(rtol=1e-3, file_format="fits", write_kwargs={"fmt": "%g"})
def test_power(wrapped, size):
    pathlib.Path("ran").touch()

class TestShapes:
    def test_named(self, ndarrays_regression):
        ndarrays_regression.check({}, basename="window")
        text = "not a name"
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = array_compare\naddopts = -k named -q\n")
    (tmp_path / "test_waves.py").write_text(MODULE)
    return tmp_path


def test_every_test_is_described_and_none_is_run(project):
    tests = {item.test: item for item in collect_tests(project, [project / "test_waves.py"])}
    assert list(tests) == [
        "test_waves.py::test_power[8]",
        "test_waves.py::test_power[1.5]",
        "test_waves.py::TestShapes::test_named",
    ]
    power = tests["test_waves.py::test_power[8]"]
    assert (power.golden, power.name, power.function) == (
        "test_waves/test_power-8",
        "test_power[8]",
        "test_power",
    )
    assert {"wrapped", "num_regression"} <= set(power.fixtures)
    assert power.array_compare == ArrayCompare(rtol=1e-3)
    assert power.generator.call == "test_waves:test_power"
    assert power.generator.test == power.test
    named = tests["test_waves.py::TestShapes::test_named"]
    assert (named.owner, named.array_compare) == ("TestShapes", None)
    assert "window" in named.texts
    assert power.texts == ()
    assert not (project / "ran").exists()


def test_a_module_that_cannot_be_imported_is_one_error(project):
    (project / "test_waves.py").write_text("import no_such_module\n")
    with pytest.raises(UsageError, match=r"cannot be collected: .*1 error"):
        collect_tests(project, [project])


def test_no_tests_are_none(project):
    (project / "test_waves.py").write_text("")
    assert collect_tests(project, [project]) == ()
    assert collect_tests(project, []) == ()
