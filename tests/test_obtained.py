"""What a session leaves for later, end to end: results, data of failing checks, properties in reports."""

from __future__ import annotations

import importlib.util
import os
import shutil
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.core.baselines.baseline import encode_baseline, read_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.obtained.results import CheckResult, SessionResults, results_of
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.registry.history import Environment, record_digest
from harness.core.storage.digest import sha256_file
from harness.core.storage.npz import read_archive
from harness.core.storage.project import Project
from harness.core.system.environment import fingerprint
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
import os
import numpy as np
from harness import Generator, Source, make_fixture

SHIFT = float(os.environ.get("SHIFT", "0"))

def lattice(shift=SHIFT):
    call = Generator("lattice:lattice", 1, {})
    arrays = {"a": np.arange(6.0) + shift}
    return make_fixture("lattice", arrays, generator=call, source=Source("simulated", "none"))
"""
SUITE = """
from lattice import SHIFT, lattice

def test_fixture(fixture_regression):
    fixture_regression.check(lattice())

def test_metrics(metrics_regression):
    metrics_regression.check({"ssim": 0.5 + SHIFT}, "lattice.net")
"""
needs_xdist = pytest.mark.skipif(
    importlib.util.find_spec("xdist") is None, reason="pytest-xdist is not installed"
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with golden arrays and metrics."""
    folder = tmp_path_factory.mktemp("template")
    call = Generator("lattice:lattice", 1, {})
    arrays = {"a": np.arange(6.0)}
    fixture = make_fixture("lattice", arrays, generator=call, source=Source("simulated", "none"))
    archive, manifest = write_fixture(fixture, folder / "new")
    baseline = folder / "new" / "lattice.net.json"
    baseline.write_bytes(encode_baseline(provisional_baseline({"ssim": 0.5})))
    project = Project(folder)
    staged = [
        Staged("golden/lattice.npz", "fixture", archive),
        Staged("golden/lattice.json", "manifest", manifest),
        Staged("golden/lattice.net.json", "baseline", baseline),
    ]
    commit(project, plan(project, staged), reason="first", command="pytest --force-regen")
    shutil.rmtree(folder / "new")
    return folder


@pytest.fixture
def suite(pytester: pytest.Pytester, template: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A copy of that project with its tests."""
    monkeypatch.setenv("SHIFT", "0")
    shutil.copytree(template, pytester.path, dirs_exist_ok=True)
    pytester.makeini("[pytest]")
    pytester.makepyfile(lattice=MODULE, test_suite=SUITE)
    return pytester


def results(suite: pytest.Pytester) -> SessionResults:
    found = results_of(Project(suite.path))
    assert found is not None
    return found


def by_name(suite: pytest.Pytester) -> dict[str, CheckResult]:
    return {check.stem: check for check in results(suite).checks}


def obtained(suite: pytest.Pytester) -> list[str]:
    """What is in .harness/obtained."""
    folder = suite.path / ".harness" / "obtained"
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def drift(suite: pytest.Pytester, *arguments: str, shift: str = "1") -> pytest.RunResult:
    """Run the tests in a process of their own, with shifted numbers."""
    os.environ["SHIFT"] = shift  # the suite's monkeypatch restores it
    return suite.runpytest_subprocess(*arguments)


@pytest.mark.parametrize("arguments", [(), pytest.param(("-n", "2"), marks=needs_xdist)])
def test_a_session_with_drift_keeps_its_results_and_data(suite, arguments):
    """With pytest-xdist, those of all workers; nothing else is written in the project."""
    before = {path for path in suite.path.rglob("*") if path.is_file()}
    drift(suite, "-p", "no:cacheprovider", *arguments).assert_outcomes(failed=2)
    written = {path for path in suite.path.rglob("*") if path.is_file() and path.suffix != ".pyc"} - before
    places = {path.relative_to(suite.path).parts[0] for path in written}
    assert places - {"stdout", "stderr"} == {".harness"}  # those are pytester's own
    assert obtained(suite) == ["lattice.json", "lattice.net.json", "lattice.npz", "results.json"]
    folder = suite.path / ".harness" / "obtained"
    assert read_archive(folder / "lattice.npz")["a"].tolist() == [1, 2, 3, 4, 5, 6]
    assert read_baseline(folder / "lattice.net.json").metrics["ssim"].value == 1.5

    found = results(suite)
    assert found.complete
    assert found.environment == fingerprint()
    assert found.environment_digest == record_digest(Environment(fingerprint()))
    arrays, metrics = by_name(suite)["lattice"], by_name(suite)["lattice.net"]
    assert (arrays.test, arrays.kind, arrays.outcome) == (
        "test_suite.py::test_fixture",
        "fixture",
        Outcome.DRIFTED,
    )
    assert arrays.arrays[0].text == "a: 6 of 6 elements differ (100 %), largest difference 1 at [0]"
    assert arrays.lines[0] == "a: 6 of 6 elements differ (100 %)"
    assert arrays.seconds > 0
    assert (metrics.arrays[0].expected, metrics.arrays[0].found) == (0.5, 1.5)
    golden = suite.path / "golden"
    for check in (arrays, metrics):
        assert check.golden == {name: sha256_file(golden / name) for name in check.golden}
        assert check.files == {name: sha256_file(folder / name) for name in check.obtained}
        assert check.unfit == ""


def test_the_next_session_replaces_them(suite):
    """Also one that passes, and one that has only some of the tests."""
    drift(suite)
    drift(suite, "-k", "metrics")
    assert obtained(suite) == ["lattice.net.json", "results.json"]
    assert list(by_name(suite)) == ["lattice.net"]
    drift(suite, shift="0").assert_outcomes(passed=2)
    assert obtained(suite) == ["results.json"]
    assert {check.word for check in results(suite).checks} == {"identical"}


def test_a_session_without_golden_files_leaves_them(suite):
    drift(suite)
    suite.makepyfile(test_other="def test_other():\n    pass\n")
    suite.runpytest_subprocess("test_other.py").assert_outcomes(passed=1)
    assert "lattice.npz" in obtained(suite)


@pytest.mark.parametrize("arguments", [(), pytest.param(("-n", "2"), marks=needs_xdist)])
def test_reports_have_a_property_for_each_golden_check(suite, arguments):
    """As CI services show them."""
    drift(suite, "--junit-xml=report.xml", *arguments)
    cases = ET.parse(suite.path / "report.xml").iter("testcase")  # noqa: S314 - pytest wrote it
    found = {
        case.get("name"): [(one.get("name"), one.get("value")) for one in case.iter("property")]
        for case in cases
    }
    share = by_name(suite)["lattice"].arrays[0].share
    assert found["test_fixture"] == [("golden:lattice", f"drifted {share:.3g} tolerances in a at [0]")]
    ((name, value),) = found["test_metrics"]
    assert name == "golden:lattice.net"
    assert value.startswith("drifted ")
    assert value.endswith(" tolerances in ssim")


RERUN = """
import pytest
from _pytest.runner import runtestprotocol

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    for attempt in range(3):  # as pytest-rerunfailures does
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        again = attempt < 2 and any(report.failed for report in reports)
        for report in reports:
            if again and report.failed:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        if not again:
            return True
"""
UNSTABLE = """
from lattice import SHIFT, lattice
attempts = []

def test_fixture(fixture_regression):
    attempts.append(1)
    fixture_regression.check(lattice(shift=3.0 - len(attempts)))

def test_never(metrics_regression):
    attempts.append(1)
    metrics_regression.check({"ssim": float(len(attempts))}, "lattice.net")
"""


def test_the_last_attempt_counts(suite):
    """What earlier ones saved is removed."""
    suite.makeconftest(RERUN)
    suite.makepyfile(test_suite=UNSTABLE)
    drift(suite, "--junit-xml=report.xml").assert_outcomes(passed=1, failed=1)
    assert obtained(suite) == ["lattice.net.json", "results.json"]
    assert by_name(suite)["lattice"].word == "identical"
    assert by_name(suite)["lattice.net"].arrays[0].found == 6.0
    cases = ET.parse(suite.path / "report.xml").iter("testcase")  # noqa: S314 - pytest wrote it
    last = {case.get("name"): [one.get("value") for one in case.iter("property")] for case in cases}
    assert last["test_fixture"] == ["identical"]
    assert [value.startswith("drifted") for value in last["test_never"]] == [True]


UNUSUAL = """
import pytest
from lattice import lattice

@pytest.mark.xfail(reason="not there yet")
def test_marked(fixture_regression):
    fixture_regression.check(lattice(shift=1.0))
"""
CAUGHT = """
import pytest
from lattice import lattice

def test_caught(fixture_regression):
    with pytest.raises(pytest.fail.Exception):
        fixture_regression.check(lattice(shift=1.0))
"""
SKIPPED = """
import pytest
from lattice import lattice

def test_skipped(fixture_regression):
    try:
        fixture_regression.check(lattice(shift=1.0))
    finally:
        pytest.skip("no")
"""
ZERO = """
from lattice import lattice
from harness import Generator, Source, make_fixture
import numpy as np

def test_zero(fixture_regression):
    call = Generator("lattice:lattice", 1, {})
    fixture_regression.check(
        make_fixture("lattice", {"a": np.zeros(6)}, generator=call, source=Source("simulated", "none"))
    )
"""


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (UNUSUAL, "test_suite.py::test_marked is expected to fail"),
        (CAUGHT, "test_suite.py::test_caught passed although its check failed"),
        (SKIPPED, "test_suite.py::test_skipped was skipped"),
        (ZERO, "zero"),
    ],
    ids=["xfail", "caught", "skipped", "all zero"],
)
def test_what_must_not_become_golden_is_marked(suite, module, why):
    """By the rules of --force-regen; it is kept for looking at it."""
    suite.makepyfile(test_suite=module)
    suite.runpytest_subprocess()
    (check,) = results(suite).checks
    assert check.word == "drifted"
    assert check.obtained == ("lattice.npz", "lattice.json")
    assert why in check.unfit


@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="this pytest has no subtests")
def test_a_drift_in_a_subtest_is_kept(suite):
    """The subtest fails, so nobody has caught it; a later one does not hide it."""
    suite.makepyfile(
        test_suite="""
        from lattice import lattice

        def test_fixture(fixture_regression, subtests):
            for shift in (1.0, 0.0):
                with subtests.test(shift=shift):
                    fixture_regression.check(lattice(shift=shift))
        """
    )
    suite.runpytest_subprocess()
    (check,) = results(suite).checks
    assert (check.word, check.unfit) == ("drifted", "")
    assert read_archive(suite.path / ".harness/obtained/lattice.npz")["a"].tolist() == [1, 2, 3, 4, 5, 6]


def test_a_read_only_checkout_reports_the_drift(suite):
    """Nothing is kept, and that is no error of its own."""
    shutil.rmtree(suite.path / ".harness")
    (suite.path / ".harness").touch()  # where the directory would be made
    result = drift(suite)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*a: 6 of 6 elements differ*", "The obtained data could not be saved: *.harness*"]
    )
    result.stdout.no_fnmatch_line("*To see all differences*")
    assert drift(suite, shift="0").ret == 0


def test_a_link_that_a_clone_brought_along_is_not_followed(suite, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "keep").write_text("mine")
    (suite.path / ".harness" / "obtained").symlink_to(elsewhere)
    result = drift(suite)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["note: what this session found is not kept: *symbolic link*"])
    assert [path.name for path in elsewhere.iterdir()] == ["keep"]
    assert (elsewhere / "keep").read_text() == "mine"


@needs_xdist
def test_a_session_that_lost_a_worker_is_not_complete(suite):
    """What the others found is kept."""
    suite.makepyfile(test_crash="import os\ndef test_crash():\n    os._exit(1)\n")
    drift(suite, "-n", "2", "-p", "no:faulthandler")
    assert not results(suite).complete


def test_an_interrupted_session_is_not_complete(suite):
    suite.makepyfile(test_z="def test_z():\n    raise KeyboardInterrupt\n")
    drift(suite)
    assert not results(suite).complete
    assert len(results(suite).checks) == 2


def test_what_was_recorded_is_golden(suite):
    """A session that was not allowed to record has found drift."""
    drift(suite, "--regen-all").assert_outcomes(passed=2)
    assert {(check.word, check.outcome) for check in results(suite).checks} == {("recorded", Outcome.SAME)}
    suite.makepyfile(test_z="def test_z():\n    assert 0\n")
    drift(suite, "--regen-all", shift="2").assert_outcomes(passed=2, failed=1)
    assert {check.word for check in results(suite).checks} == {"drifted"}


def test_a_session_beside_a_running_one_keeps_what_that_has_saved(suite):
    """Two terminals in one checkout: a session that has nothing to show leaves the other's files."""
    drift(suite)
    workspace = suite.path / ".harness"
    (workspace / "obtained.session").write_text(f"{os.getpid()}-1")  # this process runs
    drift(suite, shift="0").assert_outcomes(passed=2)
    assert "lattice.npz" in obtained(suite)
    (workspace / "obtained.session").write_text(f"{2**22 + 1}-1")  # no process has this number
    drift(suite, shift="0").assert_outcomes(passed=2)
    assert obtained(suite) == ["results.json"]
