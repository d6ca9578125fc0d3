"""pytest's entry: what it notes in every session, and when it imports the package."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import golden_harness_pytest as plugin
import harness

REPOSITORY = Path(harness.__file__).parent.parent


@pytest.fixture
def process():
    """A process that has not started."""
    return plugin.Process(SimpleNamespace())


def report(nodeid: str = "test_a", outcome: str = "failed", **more):
    return SimpleNamespace(nodeid=nodeid, outcome=outcome, failed=outcome == "failed", **more)


def test_a_failure_prevents_recording(process):
    """Unless it only says that a golden file will be recorded."""
    process.pytest_runtest_logreport(report("test_a"))
    process.pytest_runtest_logreport(report("test_b", harness_recorded=True))
    process.pytest_runtest_logreport(report("test_c", "skipped"))
    process.pytest_runtest_logreport(report("test_d", "passed"))
    process.pytest_runtest_logreport(report("test_d", "rerun"))
    assert process.obstacles == ["test_a failed"]
    assert process.gaps == ["test_a failed", "test_b failed", "test_c skipped"]


def test_a_file_that_cannot_be_collected_prevents_recording(process):
    """Deselected tests do not, but unused files are not reported then."""
    process.pytest_collectreport(report("test_x.py"))
    process.pytest_collectreport(report("", "failed"))
    process.pytest_collectreport(report("test_y.py", "passed"))
    process.pytest_deselected([object(), object()])
    assert process.obstacles == ["test_x.py could not be collected", "a test file could not be collected"]
    assert process.gaps[-1] == "2 tests deselected"


def test_a_crashed_worker_prevents_recording(process):
    """It sends nothing; one that has used no golden file does not either, and is no obstacle."""
    gateway = SimpleNamespace(id="gw0")
    process.pytest_testnodedown(SimpleNamespace(gateway=gateway, workeroutput={}), None)
    assert process.obstacles == []
    process.pytest_testnodedown(SimpleNamespace(gateway=gateway), None)
    assert process.obstacles == ["worker gw0 crashed"]


SILENT = """
import sys

def test_own():
    assert not any(name == "harness.plugin.hooks" for name in sys.modules)
"""


def test_a_session_without_our_fixtures_imports_nothing(pytester: pytest.Pytester, monkeypatch):
    """Other projects pay nothing for an installed plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    pytester.makepyfile(SILENT)
    arguments = ("-p", "golden_harness_pytest", "-p", "pytest_regressions.plugin")
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=1)
    pytester.makeini("[pytest]\ngolden_dir = reference\n")
    pytester.runpytest_subprocess(*arguments).assert_outcomes(failed=1)


def test_the_words_of_the_option_are_those_of_the_settings():
    """They are written twice, because the package is not imported for the options."""
    from typing import get_args

    from harness.plugin.settings import Unreferenced

    assert "choices=" + str(get_args(Unreferenced)).replace("'", '"') in Path(plugin.__file__).read_text(
        "utf-8"
    )


@pytest.mark.parametrize("value", [None, "a module"])
def test_a_name_that_is_no_module_is_somebody_elses(monkeypatch, value):
    """The error names what was found."""
    monkeypatch.setitem(sys.modules, "harness", value)
    with pytest.raises(pytest.UsageError, match="found another 'harness'"):
        plugin._require_package()
