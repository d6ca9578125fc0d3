"""The plugin end to end: what a user's project sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import harness.plugin.fixture_check
from harness.core.registry.registry import describe_file
from harness.core.storage.journal_token import work_tree_token
from harness.core.storage.project import Project
from harness.core.system.ci import VARIABLES

REPOSITORY = str(Path(harness.__file__).parent.parent)

LATTICE = """
import os
import numpy as np
from harness import Generator, Source, make_fixture

SHIFT = float(os.environ.get("SHIFT", "0"))

def lattice(*, name="lattice", dtype="float64", size=12):
    a = np.arange(size, dtype=dtype).reshape(3, 4) + np.asarray(SHIFT, dtype)
    arrays = {"a": a, "b": np.array([1, 2])}
    call = Generator("lattice:lattice", 1, {"name": name, "dtype": dtype, "size": size})
    return make_fixture(name, arrays, generator=call, source=Source("simulated", "none"))
"""

SUITE = """
from lattice import SHIFT, lattice

def test_fixture(fixture_regression):
    fixture_regression.check(lattice())

def test_metrics(metrics_regression):
    metrics_regression.check({"ssim": 0.5 + SHIFT}, "lattice.net")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A user's project with one fixture and one metric, nothing recorded yet."""
    monkeypatch.delenv("SHIFT", raising=False)
    pytester.makeini("[pytest]")
    pytester.makepyfile(lattice=LATTICE, test_suite=SUITE)
    return pytester


RECORDED = {"lattice.npz", "lattice.json", "lattice.net.json", "registry.json", "history.jsonl"}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same project with its golden files recorded, made once."""
    folder = tmp_path_factory.mktemp("template")
    for name, text in (("tox.ini", "[pytest]\n"), ("lattice.py", LATTICE), ("test_suite.py", SUITE)):
        (folder / name).write_text(text)
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    subprocess.run([sys.executable, "-m", "pytest", "--regen-all"], cwd=folder, env=clean, check=True)
    return folder


@pytest.fixture
def recorded(suite: pytest.Pytester, template: Path) -> pytest.Pytester:
    """A copy of that project."""
    for name in ("golden", "registry.json", ".harness"):
        source = template / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, suite.path / name)
    return suite


def golden_bytes(suite: pytest.Pytester) -> dict[str, bytes]:
    """Return all golden files, the registry and the history, by name."""
    files = [*suite.path.glob("golden/**/*"), *suite.path.glob("registry.json")]
    return {file.name: file.read_bytes() for file in files}


def test_unrecorded_is_refused_and_nothing_is_written(suite: pytest.Pytester) -> None:
    """Without a flag, a missing golden file fails the test and stays missing."""
    result = suite.runpytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*golden file 'lattice.npz': expected a file at golden/lattice.npz, found none*"]
    )
    result.stdout.fnmatch_lines(["*pytest --force-regen*"])
    assert golden_bytes(suite) == {}


def test_force_regen_records_and_fails_once(suite: pytest.Pytester) -> None:
    """--force-regen rewrites and still fails, as in pytest-regressions; the next run passes."""
    result = suite.runpytest("--force-regen")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*recorded golden/lattice.npz: new -> *"])
    assert set(golden_bytes(suite)) == RECORDED
    suite.runpytest().assert_outcomes(passed=2)


def test_regen_all_records_and_passes(suite: pytest.Pytester) -> None:
    """--regen-all rewrites and passes."""
    suite.runpytest("--regen-all").assert_outcomes(passed=2)
    suite.runpytest().assert_outcomes(passed=2)


def test_registry_and_history_follow_every_regeneration(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry holds the new digests; the history keeps the old records, and their order."""
    before = json.loads((recorded.path / "registry.json").read_bytes())["entries"]
    lines = (recorded.path / "golden" / "history.jsonl").read_text().splitlines()
    monkeypatch.setenv("SHIFT", "1")
    recorded.runpytest("--force-regen", "--golden-reason", "a new lattice").assert_outcomes(failed=2)
    after = json.loads((recorded.path / "registry.json").read_bytes())["entries"]
    assert set(after) == set(before)
    now = (recorded.path / "golden" / "history.jsonl").read_text().splitlines()
    assert now[: len(lines)] == lines
    records = {r["path"]: r for r in map(json.loads, now[len(lines) :]) if r["type"] == "record"}
    for path, entry in after.items():
        assert entry["xxh128"] != before[path]["xxh128"]
        assert records[path]["sha256"] == entry["sha256"]
        assert records[path]["reason"] == "a new lattice"
        assert records[path]["previous"] == before[path]["record"]
    recorded.runpytest().assert_outcomes(passed=2)


@pytest.mark.parametrize("flag", ["--force-regen", "--regen-all"])
def test_what_did_not_drift_is_not_rewritten(recorded: pytest.Pytester, flag: str) -> None:
    """If nothing drifted, --force-regen and --regen-all change neither golden files nor registry."""
    before = golden_bytes(recorded)
    recorded.runpytest(flag).assert_outcomes(passed=2)
    assert golden_bytes(recorded) == before


def test_drift_is_refused_in_full_and_changes_nothing(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change is reported with its size, its place and the next command; golden files stay."""
    before = golden_bytes(recorded)
    monkeypatch.setenv("SHIFT", "1")
    result = recorded.runpytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "fixture 'lattice' differs from its golden files:",
            "*a: 12 of 12 elements differ (100 %)",
            "*largest difference: 1 absolute*",
            "*[[]0, 0[]]: expected 0.0, found 1.0",
            "*... and 2 more",
            "  harness diff golden/lattice.npz .harness/obtained/lattice.npz",
            "If the change is intended, re-record it with `pytest --force-regen`.",
        ]
    )
    result.stdout.fnmatch_lines(["*ssim: 1.5, baseline 0.5 +/- 5e-07, off by +1"])
    assert golden_bytes(recorded) == before


def test_a_sudden_gain_fails_too(recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tolerances apply on both sides: a metric that falls and one that rises both fail."""
    for shift in ("-1e-5", "1e-5"):
        monkeypatch.setenv("SHIFT", shift)
        recorded.runpytest("-k", "metrics").assert_outcomes(failed=1)


def test_tolerance_has_an_inside_and_an_outside(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A difference just within the caller's tolerance passes; one just beyond it fails."""
    loose = SUITE.replace("check(lattice())", 'check(lattice(), tolerances={"a": {"atol": 1e-3}})')
    recorded.makepyfile(test_suite=loose)
    monkeypatch.setenv("SHIFT", "0.00099")
    recorded.runpytest("-k", "fixture").assert_outcomes(passed=1)
    monkeypatch.setenv("SHIFT", "0.00101")
    recorded.runpytest("-k", "fixture").assert_outcomes(failed=1)


def test_mistyped_tolerance_is_refused(recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown tolerance key is an error that lists the valid ones."""
    loose = SUITE.replace("check(lattice())", 'check(lattice(), tolerances={"a": {"atoll": 1e-3}})')
    recorded.makepyfile(test_suite=loose)
    monkeypatch.setenv("SHIFT", "0.001")
    result = recorded.runpytest("-k", "fixture")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*expected keys among atol, rtol, ulp, found atoll*"])


def test_dtype_is_exact(recorded: pytest.Pytester) -> None:
    """float32 is not float64, whatever the values."""
    recorded.makepyfile(test_suite=SUITE.replace("check(lattice())", "check(lattice(dtype='float32'))"))
    result = recorded.runpytest("-k", "fixture")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*a: dtype: expected float64 (3, 4), found float32 (3, 4)"])


def test_generator_parameters_are_compared(recorded: pytest.Pytester) -> None:
    """The same arrays under another manifest are not the golden fixture."""
    recorded.makepyfile(lattice=LATTICE.replace('"size": size', '"size": 13'))
    result = recorded.runpytest("-k", "fixture")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*generator.parameters: expected {*'size': 12}, found {*'size': 13}"])


def test_tampered_golden_file_fails_though_the_digests_of_the_manifest_agree(
    recorded: pytest.Pytester,
) -> None:
    """One changed byte in the archive is found, because the registry is checked first."""
    path = recorded.path / "golden" / "lattice.npz"
    damaged = bytearray(path.read_bytes())
    damaged[-200] ^= 1
    path.write_bytes(damaged)
    result = recorded.runpytest("-k", "fixture")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*golden/lattice.npz: *: expected xxh128:*, found xxh128:*"])


def test_unregistered_golden_file_fails(recorded: pytest.Pytester) -> None:
    """A file in golden/ that is not in the registry is not accepted."""
    (recorded.path / "registry.json").unlink()
    result = recorded.runpytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*golden/lattice.npz: unregistered*"])


def test_same_fixture_passes_without_loading_an_array(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If all digests are equal, no array is read and nothing is written."""
    guard = """
        import harness.plugin.fixture_check

        def refuse(*_):
            raise AssertionError("an array was touched")

        harness.plugin.fixture_check.map_archive = harness.plugin.fixture_check.write_archive = refuse
    """
    recorded.makeconftest(textwrap.dedent(guard))
    recorded.runpytest_subprocess("-k", "fixture").assert_outcomes(passed=1)
    monkeypatch.setenv("SHIFT", "1")
    recorded.runpytest_subprocess("-k", "fixture").assert_outcomes(failed=1)


def test_repacked_golden_archive_is_accepted(recorded: pytest.Pytester) -> None:
    """The same arrays in a compressed archive are the same golden fixture."""
    path = recorded.path / "golden" / "lattice.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez_compressed(path, **arrays)
    recorded.runpytest("-k", "fixture").assert_outcomes(passed=1)


def test_works_under_xdist(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers send what they staged to the controller, which alone writes."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    suite.runpytest_subprocess("-n", "2", "--regen-all").assert_outcomes(passed=2)
    assert set(golden_bytes(suite)) == RECORDED
    suite.runpytest_subprocess("-n", "2").assert_outcomes(passed=2)
    monkeypatch.setenv("SHIFT", "1")
    suite.runpytest_subprocess("-n", "2").assert_outcomes(failed=2)


def test_two_tests_that_record_one_name_are_named(suite: pytest.Pytester) -> None:
    """If two tests record different content under one name, nothing is recorded and both are named."""
    more = "\ndef test_again(fixture_regression):\n    fixture_regression.check(lattice(dtype='float32'))\n"
    suite.makepyfile(test_suite=SUITE + more)
    result = suite.runpytest("--regen-all")
    result.stdout.fnmatch_lines(
        ["nothing recorded: *test_suite.py::test_fixture and *test_suite.py::test_again*"]
    )
    assert result.ret != 0
    assert golden_bytes(suite) == {}


def test_error_in_a_test_is_one_message(suite: pytest.Pytester) -> None:
    """An error of this package raised in a test is shown as its message, without a traceback."""
    suite.makepyfile(
        test_suite="""
        from harness.core.domain.references import missing_package

        def test_pipeline():
            raise missing_package("pipeline network", "torch")
        """
    )
    result = suite.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["DependencyError: pipeline network needs the package torch*pip install*"])
    result.stdout.no_fnmatch_line("*raise missing_package*")


def test_options_of_pytest_regressions_are_not_added_again(suite: pytest.Pytester) -> None:
    """--force-regen and --regen-all are in the help once, under pytest-regressions' heading."""
    shown = suite.runpytest("--help").stdout.str()
    assert shown.count("--force-regen ") == 1
    assert shown.count("--regen-all ") == 1
    assert "--golden-reason" in shown


def test_golden_directory_is_an_ini_key(suite: pytest.Pytester) -> None:
    """``golden_dir`` sets another directory."""
    suite.makeini("[pytest]\ngolden_dir = reference\n")
    suite.runpytest("--regen-all").assert_outcomes(passed=2)
    assert (suite.path / "reference" / "lattice.npz").is_file()
    assert not (suite.path / "golden").exists()


def test_conftest_in_a_subfolder(recorded: pytest.Pytester) -> None:
    """A conftest makes pytest compare its plugins; ours can be compared."""
    folder = recorded.mkdir("below")
    (folder / "conftest.py").write_text("")
    (folder / "test_below.py").write_text("def test_below():\n    assert True\n")
    recorded.runpytest("below/test_below.py").assert_outcomes(passed=1)


def test_reason_may_be_required(suite: pytest.Pytester) -> None:
    """With golden_require_reason, nothing is recorded without a reason, and advice has the option."""
    suite.makeini("[pytest]\ngolden_require_reason = true\n")
    suite.runpytest().stdout.fnmatch_lines(['*Record it with `pytest --force-regen --golden-reason "..."`*'])
    result = suite.runpytest("--regen-all")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        ["*not recorded without a reason (golden_require_reason is set)*--golden-reason*"]
    )
    assert golden_bytes(suite) == {}
    suite.runpytest("--regen-all", "--golden-reason", "first").assert_outcomes(passed=2)
    suite.makeini("[pytest]\ngolden_require_reason = true\ngolden_reason = always the same\n")
    suite.runpytest("--regen-all").assert_outcomes(passed=2)


@pytest.mark.parametrize("flag", ["--force-regen", "--regen-all"])
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CI", "true"),
        ("CI", "1"),
        ("GITHUB_ACTIONS", "true"),
        ("GITLAB_CI", "true"),
        ("BUILDKITE", "true"),
        ("CIRCLECI", "true"),
        ("JENKINS_URL", "http://localhost"),
        ("TEAMCITY_VERSION", "2025.1"),
    ],
)
def test_ci_never_writes(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, flag: str
) -> None:
    """In CI, --force-regen and --regen-all record nothing, and say so: the tests that would write fail."""
    monkeypatch.setenv(variable, value)
    result = suite.runpytest(flag)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.assert_outcomes(failed=2)
    line = f"nothing recorded: golden files are not written in CI ({variable} is set). Re-record locally and"
    assert result.outlines[-1] == f"{line} commit."
    assert golden_bytes(suite) == {}


def test_ci_leaves_golden_files_that_are_the_same_and_reports_drift(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what would be written is refused, and the drift is shown."""
    monkeypatch.setenv("CI", "true")
    recorded.runpytest("--regen-all").assert_outcomes(passed=2)
    monkeypatch.setenv("SHIFT", "1")
    result = recorded.runpytest("--regen-all")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*a: 12 of 12 elements differ*", "golden files are not written in CI (CI is set)*"]
    )


def test_other_users_of_pytest_regressions_are_left_alone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In CI too: nothing golden of ours would be written."""
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile("def test_data(file_regression):\n    file_regression.check('a')\n")
    pytester.runpytest("--regen-all").assert_outcomes(passed=1)
    assert not (pytester.path / ".harness").exists()


def test_ci_false_is_not_ci(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI=false may write. In CI a missing golden file fails its test and stays missing."""
    monkeypatch.setenv("CI", "false")
    suite.runpytest("--regen-all").assert_outcomes(passed=2)
    monkeypatch.setenv("CI", "true")
    suite.runpytest().assert_outcomes(passed=2)
    (suite.path / "golden" / "lattice.npz").unlink()
    suite.runpytest("-k", "fixture").assert_outcomes(failed=1)
    assert not (suite.path / "golden" / "lattice.npz").exists()


@pytest.mark.parametrize(
    ("more", "obstacle"),
    [
        ("\ndef test_other():\n    assert 0\n", "*test_suite.py::test_other failed*"),
        ("\ndef test_other():\n    raise KeyboardInterrupt\n", "*the session was interrupted*"),
        ("\ndef test_other(no_such_fixture):\n    pass\n", "*test_suite.py::test_other failed*"),
    ],
)
def test_session_that_ends_badly_records_nothing(suite: pytest.Pytester, more: str, obstacle: str) -> None:
    """If a test fails for another reason, or the session is interrupted, nothing is recorded."""
    suite.makepyfile(test_suite=SUITE + more)
    for flag in ("--force-regen", "--regen-all"):
        result = suite.runpytest_subprocess(flag)
        result.stdout.fnmatch_lines(["nothing recorded (3 golden files differ):", "  " + obstacle])
        assert golden_bytes(suite) == {}
    assert list((suite.path / ".harness" / "staged").iterdir()) == []


def test_file_that_cannot_be_collected_records_nothing(suite: pytest.Pytester) -> None:
    """If a test file cannot be imported, nothing is recorded."""
    suite.makepyfile(test_broken="import no_such_module")
    result = suite.runpytest("--regen-all", "--continue-on-collection-errors")
    lines = ["nothing recorded (3 golden files differ):", "  test_broken.py could not be collected"]
    result.stdout.fnmatch_lines(lines)
    assert golden_bytes(suite) == {}


def test_crashed_worker_records_nothing(suite: pytest.Pytester) -> None:
    """If a pytest-xdist worker crashes, nothing is recorded."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    suite.makepyfile(test_suite="import os\n" + SUITE + "\ndef test_other():\n    os.kill(os.getpid(), 9)\n")
    result = suite.runpytest_subprocess("-n", "1", "--regen-all", "--max-worker-restart", "0")
    assert "worker gw0 crashed" in result.stdout.str()
    assert golden_bytes(suite) == {}


def test_generator_that_is_not_repeatable_is_refused(suite: pytest.Pytester) -> None:
    """If new processes make other arrays, the fixture is refused with array, place and size."""
    suite.makepyfile(
        lattice=LATTICE.replace("SHIFT = float", "SHIFT = (os.getpid() % 1000) * 1e-3 + 1 + float")
    )
    result = suite.runpytest("--regen-all", "-k", "fixture")
    result.stdout.fnmatch_lines(
        ["nothing recorded: fixture 'lattice', array 'a': expected the same values from*"]
    )
    result.stdout.fnmatch_lines(["*first at [[]0, 0[]], largest *"])
    assert result.ret != 0
    assert golden_bytes(suite) == {}


def test_generator_that_cannot_be_called_again_is_refused(suite: pytest.Pytester) -> None:
    """A fixture whose generator cannot be imported is not recorded."""
    suite.makepyfile(lattice=LATTICE.replace("lattice:lattice", "lattice:gone"))
    result = suite.runpytest("--regen-all", "-k", "fixture")
    result.stdout.fnmatch_lines(["nothing recorded: *lattice*gone*"])
    assert golden_bytes(suite) == {}


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ("np.full(3, np.nan)", "NaN everywhere"),
        ("np.zeros(3)", "all zero"),
        ("np.full(3, 7)", "one value everywhere"),
        ("np.array([1.0, np.inf, 2.0])", "1 values that are not finite"),
    ],
)
def test_degenerate_data_is_refused(suite: pytest.Pytester, values: str, fault: str) -> None:
    """Arrays without information are not recorded, unless the call allows them."""
    suite.makepyfile(lattice=LATTICE.replace('"b": np.array([1, 2])', f'"b": {values}'))
    result = suite.runpytest("--regen-all", "-k", "fixture")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"DegenerateError: fixture 'lattice', array 'b': *found {fault}*"])
    assert golden_bytes(suite) == {}
    word = "allow_constant" if "zero" in fault or "one value" in fault else "allow_nonfinite"
    suite.makepyfile(test_suite=SUITE.replace("check(lattice())", f"check(lattice(), {word}=['b'])"))
    suite.runpytest("--regen-all", "-k", "fixture").assert_outcomes(passed=1)


WAVELENGTHS = '"b": np.array([1.2e-10, 1.5e-10, 1e-26 + SHIFT * 1e-9])'


def test_a_tolerance_that_hides_all_values_is_refused(suite: pytest.Pytester) -> None:
    """Nothing that a generator could return would fail: neither doubled, nor negated, nor zero."""
    suite.makepyfile(lattice=LATTICE.replace('"b": np.array([1, 2])', WAVELENGTHS))
    suite.makepyfile(test_suite=SUITE.replace("check(lattice())", "check(lattice(), {'b': {'atol': 1e-7}})"))
    result = suite.runpytest("--regen-all", "-k", "fixture")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["DegenerateError: fixture 'lattice', array 'b': every element could be*"])
    assert golden_bytes(suite) == {}


def test_small_values_are_compared_and_those_that_are_too_small_counted(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default, tolerances follow the array's own scale, and the summary counts what lies below it."""
    suite.makepyfile(lattice=LATTICE.replace('"b": np.array([1, 2])', WAVELENGTHS))
    result = suite.runpytest("--regen-all", "-k", "fixture")
    result.stdout.fnmatch_lines(
        ["note: golden/lattice.npz, b: 1 of 3 elements are smaller than the tolerance, so that no change*"]
    )
    monkeypatch.setenv("SHIFT", "0.001")
    result = suite.runpytest("-k", "fixture")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*b: 1 of 3 elements differ*"])


def test_a_recorded_metric_that_is_smaller_than_its_tolerance_is_noted(suite: pytest.Pytester) -> None:
    """No change to it could fail: doubled, negated and zeroed it would pass."""
    suite.makepyfile(
        test_suite="""
        def test_metrics(metrics_regression):
            metrics_regression.check({"ssim": 1e-9, "mae": 0.5}, "lattice.net", {"ssim": {"atol": 1e-6}})
        """
    )
    suite.runpytest("--force-regen").stdout.fnmatch_lines(
        ["note: golden/lattice.net.json, ssim: 1e-09 is not larger than its tolerance, 1e-06: no change*"]
    )


def test_what_was_rewritten_is_listed_with_what_moved(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change is listed with both digests, its largest difference and where it is."""
    monkeypatch.setenv("SHIFT", "0.25")
    result = recorded.runpytest("--regen-all")
    result.stdout.fnmatch_lines(
        [
            "recorded golden/lattice.net.json: ???????????? -> ????????????",
            "  ssim: 0.5 -> 0.75",
            "recorded golden/lattice.npz: ???????????? -> ????????????",
            "  a: 12 of 12 elements, largest difference 0.25 at [[]0, 0[]]",
        ]
    )


def test_unreferenced_golden_files_are_listed_after_a_full_run(recorded: pytest.Pytester) -> None:
    """A golden file that no test of a complete, passing run used is listed or rejected."""
    recorded.makepyfile(test_suite=SUITE.partition("def test_metrics")[0])
    line = "unreferenced: golden/lattice.net.json is registered, but no test used it"
    result = recorded.runpytest("--golden-unreferenced=warn")
    result.stdout.fnmatch_lines([line])
    assert result.ret == 0
    assert recorded.runpytest("--golden-unreferenced=reject").ret == 1
    recorded.runpytest().stdout.no_fnmatch_line("unreferenced:*")
    recorded.makeini("[pytest]\ngolden_unreferenced = reject\n")
    assert recorded.runpytest().ret == 1


@pytest.mark.parametrize(
    "arguments", [("-k", "fixture"), ("-m", "not slow"), ("test_suite.py",), ("-x",), ("--deselect", "a")]
)
def test_partial_run_reports_nothing_unreferenced(
    recorded: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    """A filtered run cannot know what is unreferenced."""
    recorded.makepyfile(test_suite=SUITE.partition("def test_metrics")[0])
    result = recorded.runpytest("--golden-unreferenced=reject", *arguments)
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*unreferenced:*")


def test_skipped_test_reports_nothing_unreferenced(recorded: pytest.Pytester) -> None:
    """The skipped test might have used it."""
    skip = "\nimport pytest\n\n@pytest.mark.skip(reason='not today')\ndef test_metrics():\n    pass\n"
    recorded.makepyfile(test_suite=SUITE.partition("def test_metrics")[0] + skip)
    assert recorded.runpytest("--golden-unreferenced=reject").ret == 0


def test_manifest_of_schema_1_is_refused_until_it_is_recorded_again(recorded: pytest.Pytester) -> None:
    """Its arrays had no SHA-256. The files are intact, so nothing else is wrong with them."""
    path, registry = recorded.path / "golden/lattice.json", recorded.path / "registry.json"
    document = json.loads(path.read_bytes()) | {"schema": 1}
    for spec in document["arrays"].values():
        del spec["sha256"]
    path.write_text(json.dumps(document))
    entries = json.loads(registry.read_bytes())
    entry = describe_file(path, "manifest", entries["entries"]["golden/lattice.json"]["record"])
    entries["entries"]["golden/lattice.json"] = entry._asdict()
    registry.write_text(json.dumps(entries))
    result = recorded.runpytest("-k", "fixture")
    result.stdout.fnmatch_lines(
        ["*lattice.json: expected schema 2, found schema 1. Re-record it with `pytest*"]
    )
    result.assert_outcomes(failed=1)
    result = recorded.runpytest("--force-regen", "-k", "fixture")
    result.stdout.fnmatch_lines(["recorded golden/lattice.json: *"])
    recorded.runpytest("-k", "fixture").assert_outcomes(passed=1)
    assert json.loads(path.read_bytes())["arrays"]["a"]["sha256"].startswith("sha256:")


def test_interrupted_regeneration_stops_the_next(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until an interrupted regeneration is recovered, nothing else is recorded."""
    monkeypatch.setenv("SHIFT", "1")
    journal = recorded.path / ".harness" / "transaction" / "journal.json"
    journal.parent.mkdir()
    token = work_tree_token(Project(recorded.path))
    journal.write_text(json.dumps({"schema": 1, "changes": [], "token": token}))
    result = recorded.runpytest("--regen-all")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*harness recover*"])


def test_names_with_directories_work_from_recording_to_reproducing(suite: pytest.Pytester) -> None:
    """As tests in packages have them: fixtures of one name in two directories, and their baselines."""
    names = {"lattice()": "lattice(name='optics/lattice')", '"lattice.net"': '"optics/lattice.net"'}
    text = SUITE.partition("def test_fixture")[2]
    for one, other in names.items():
        text = text.replace(one, other)
    suite.makepyfile(
        test_suite=SUITE, test_optics=f"from lattice import SHIFT, lattice\n\ndef test_fixture{text}"
    )
    result = suite.runpytest("--regen-all")
    result.assert_outcomes(passed=4)
    inner = {"optics/lattice.npz", "optics/lattice.json", "optics/lattice.net.json"}
    found = {path.relative_to(suite.path / "golden").as_posix() for path in suite.path.glob("golden/*/*")}
    assert found == inner
    assert list(suite.path.glob(".harness/staged/*")) == []
    suite.runpytest().assert_outcomes(passed=4)
    for verb in (["verify"], ["reproduce", "optics/lattice"], ["audit", "optics/lattice", "--json"], ["run"]):
        done = subprocess.run(
            [sys.executable, "-m", "harness", *verb],
            cwd=suite.path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == 0 or verb[0] in {"audit", "run"}, (verb, done.stdout, done.stderr)


def test_drift_of_a_fixture_in_a_directory_can_be_compared_and_recorded(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that the failure prints works, and so does re-recording."""
    suite.makepyfile(test_suite=SUITE.replace("lattice()", "lattice(name='optics/lattice')"))
    suite.runpytest("--regen-all")
    monkeypatch.setenv("SHIFT", "0.25")
    result = suite.runpytest("-k", "fixture", "--basetemp", suite.path / "kept")
    line = next(line for line in result.outlines if line.strip().startswith("harness diff "))
    assert "golden/optics/lattice.npz" in line
    command = line.split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "harness", *command], cwd=suite.path, capture_output=True, check=False
    )
    assert (done.returncode, b"12 of 12 elements" in done.stdout) == (1, True)
    result = suite.runpytest("--force-regen", "-k", "fixture")
    result.stdout.fnmatch_lines(["recorded golden/optics/lattice.npz: *"])
    suite.runpytest("-k", "fixture").assert_outcomes(passed=1)


@pytest.mark.parametrize("name", ["../lattice", "Lattice", "con"])
def test_names_that_some_system_cannot_keep_apart_are_refused(recorded: pytest.Pytester, name: str) -> None:
    """One rule for all names, also for two that differ only by case."""
    recorded.makepyfile(
        test_more=f"from lattice import lattice\n\ndef test_more(fixture_regression):\n"
        f"    fixture_regression.check(lattice(name={name!r}))\n"
    )
    before = golden_bytes(recorded)
    result = recorded.runpytest("--regen-all", "-k", "more")
    assert result.ret != 0
    result.stdout.fnmatch_lines(
        ["*names * differ only by case*" if name == "Lattice" else "*fixture name *is not valid*"]
    )
    assert golden_bytes(recorded) == before


MARKED = """
import pytest
from lattice import SHIFT, lattice

{mark}
def test_fixture(fixture_regression, request):
    {before}
    fixture_regression.check(lattice())
    {after}
"""
UNUSUAL = {
    "xfail": {"mark": "@pytest.mark.xfail"},
    "strict": {"mark": "@pytest.mark.xfail(strict=True)"},
    "not-run": {"mark": "@pytest.mark.xfail(run=False)"},
    "condition": {"mark": "@pytest.mark.xfail(True, reason='known')"},
    "added-before": {"before": "request.applymarker(pytest.mark.xfail)"},
    "added-after": {"after": "request.applymarker(pytest.mark.xfail(reason='late')); assert 0"},
    "imperative": {"after": "pytest.xfail('known')"},
    "skip": {"after": "pytest.skip('not today')"},
}


@pytest.mark.parametrize(
    ("flag", "case"),
    [
        (flag, case)
        for flag in ("--force-regen", "--regen-all")
        for case, parts in UNUSUAL.items()
        # With --force-regen the check fails before the test can say more, as it does without the flag.
        if not (flag == "--force-regen" and "after" in parts)
    ],
)
def test_an_xfail_or_skipped_test_leaves_its_golden_file_alone(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, flag: str, case: str
) -> None:
    """Whatever its result, and however it is marked."""
    parts = {"mark": "", "before": "", "after": ""} | UNUSUAL[case]
    recorded.makepyfile(test_suite=MARKED.format(**parts))
    monkeypatch.setenv("SHIFT", "1")
    before = golden_bytes(recorded)
    result = recorded.runpytest(flag)
    assert golden_bytes(recorded) == before
    assert result.ret == 0
    staged = recorded.path / ".harness" / "staged"
    assert not staged.exists() or list(staged.iterdir()) == []


@pytest.mark.parametrize(
    "mark", ["@pytest.mark.xfail(False, reason='elsewhere')", "@pytest.mark.skipif(False, reason='no')"]
)
def test_a_mark_that_does_not_apply_changes_nothing(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    """The golden file is recorded."""
    recorded.makepyfile(test_suite=MARKED.format(mark=mark, before="", after=""))
    monkeypatch.setenv("SHIFT", "1")
    recorded.runpytest("--regen-all").stdout.fnmatch_lines(["recorded golden/lattice.npz: *"])


def test_an_xfail_test_does_not_prevent_the_recording_of_others(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails as expected, strict or not, and the summary names what was left alone."""
    more = "\nimport pytest\ntest_fixture = pytest.mark.xfail(strict=True)(test_fixture)\n"
    recorded.makepyfile(test_suite=SUITE + more)
    monkeypatch.setenv("SHIFT", "1")
    result = recorded.runpytest("--regen-all")
    result.assert_outcomes(passed=1, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "recorded golden/lattice.net.json: *",
            "left alone: golden/lattice.npz (test_suite.py::test_fixture is expected to fail)",
        ]
    )
    result.stdout.no_fnmatch_line("recorded golden/lattice.npz*")


def test_a_check_whose_failure_is_expected_by_the_test_records_nothing(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test of the check itself must not change what it checks."""
    call = "fixture_regression.check(lattice())"
    caught = f"import pytest\n    with pytest.raises(pytest.fail.Exception):\n        {call}"
    recorded.makepyfile(test_suite=SUITE.replace(call, caught))
    monkeypatch.setenv("SHIFT", "1")
    before = golden_bytes(recorded)
    result = recorded.runpytest("--force-regen", "-k", "fixture")
    result.stdout.fnmatch_lines(
        ["left alone: golden/lattice.npz (*test_fixture passed although its check failed)"]
    )
    assert golden_bytes(recorded) == before


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
attempts = []

def test_metrics(metrics_regression):
    attempts.append(1)
    metrics_regression.check({"ssim": 0.1 * len(attempts)}, "lattice.net")
    assert len(attempts) == 3
"""


@pytest.mark.parametrize("arguments", [(), ("-n", "1")])
def test_the_last_attempt_of_a_repeated_test_counts(
    suite: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    """The first, failed ones are forgotten."""
    if arguments:
        pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    suite.makeconftest(RERUN)
    suite.makepyfile(test_suite=UNSTABLE)
    result = suite.runpytest_subprocess("--regen-all", *arguments)
    assert result.ret == 0
    baseline = json.loads((suite.path / "golden" / "lattice.net.json").read_bytes())
    assert baseline["metrics"]["ssim"]["value"] == 0.1 * 3
    assert list((suite.path / ".harness" / "staged").iterdir()) == []


def test_one_name_with_two_contents_in_one_test_is_refused(suite: pytest.Pytester) -> None:
    """Both places are named, and the last line of the output says that nothing was recorded."""
    twice = "    fixture_regression.check(lattice())\n    fixture_regression.check(lattice(dtype='float32'))"
    suite.makepyfile(test_suite=SUITE.replace("    fixture_regression.check(lattice())", twice))
    result = suite.runpytest("--regen-all")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.outlines[-1].startswith(
        "nothing recorded: golden/lattice.json is checked with different content"
    )
    assert "test_suite.py::test_fixture (test_suite.py:4 and test_suite.py:5)" in result.outlines[-1]
    assert golden_bytes(suite) == {}


def test_one_name_with_equal_content_in_two_tests_is_recorded(suite: pytest.Pytester) -> None:
    """There is nothing to choose."""
    more = "\ndef test_again(fixture_regression):\n    fixture_regression.check(lattice())\n"
    suite.makepyfile(test_suite=SUITE + more)
    suite.runpytest("--regen-all").assert_outcomes(passed=3)
    suite.runpytest().assert_outcomes(passed=3)


def test_a_name_that_one_check_accepts_and_another_would_change_is_refused(recorded: pytest.Pytester) -> None:
    """Otherwise the first test would fail from then on."""
    more = "\ndef test_again(fixture_regression):\n    fixture_regression.check(lattice(dtype='float32'))\n"
    recorded.makepyfile(test_suite=SUITE + more)
    before = golden_bytes(recorded)
    result = recorded.runpytest("--force-regen")
    assert "checked with different content" in result.outlines[-1]
    assert golden_bytes(recorded) == before


def test_a_golden_file_edited_by_hand_is_named_as_such(recorded: pytest.Pytester) -> None:
    """The code is not at fault."""
    path = recorded.path / "golden" / "lattice.net.json"
    path.write_text(path.read_text().replace("0.5", "0.25", 1))
    result = recorded.runpytest("-k", "metrics")
    result.stdout.fnmatch_lines(
        [
            "the baseline of metrics 'lattice.net' is not the one that was recorded:",
            "  golden/lattice.net.json: golden file changed since it was recorded: expected *",
            "Restore it from a copy, or re-record it with *",
        ]
    )


@pytest.mark.parametrize(
    "arguments", [("-p", "no:regressions"), ("-p", "no:regressions", "-p", "no:cacheprovider")]
)
def test_without_pytest_regressions_checks_only_compare(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """It is needed for writing alone."""
    recorded.runpytest_subprocess(*arguments).assert_outcomes(passed=2)
    monkeypatch.setenv("SHIFT", "1")
    result = recorded.runpytest_subprocess(*arguments)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*a: 12 of 12 elements differ*"])


@pytest.mark.parametrize("name", ["harness.pytest_plugin", "golden_harness_pytest"])
def test_without_autoload_the_plugin_can_be_given(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """By either of its names."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", REPOSITORY)
    recorded.runpytest_subprocess("-p", name).assert_outcomes(passed=2)
    recorded.runpytest_subprocess().assert_outcomes(errors=2)


@pytest.mark.parametrize("layout", ["package", "module"])
def test_a_project_with_its_own_harness_is_left_alone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    """Python finds the project's first; only a test that asks for our fixture is an error, in one line."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path}{os.pathsep}{REPOSITORY}")
    if layout == "package":
        pytester.mkpydir("harness")
    else:
        pytester.makepyfile(harness="raise SystemExit('imported')\n")
    arguments = ("-p", "golden_harness_pytest", "-p", "pytest_regressions.plugin")
    pytester.makepyfile("def test_own():\n    pass\n")
    pytester.runpytest_subprocess(*arguments, "--regen-all").assert_outcomes(passed=1)
    pytester.makepyfile("def test_ours(metrics_regression):\n    pass\n")
    result = pytester.runpytest_subprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: *expected the package 'harness' of golden-harness, found another*Rename*"]
    )


def test_a_read_only_checkout_is_compared(recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only obtained data are written below the project, so no error of the disk can hide the drift."""
    shutil.rmtree(recorded.path / ".harness")
    (recorded.path / ".harness").touch()  # where the directory would be made
    monkeypatch.setenv("SHIFT", "1")
    result = recorded.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*a: 12 of 12 elements differ*"])
    assert (recorded.path / ".harness").is_file()


def test_a_read_only_checkout_is_compared_though_it_cannot_be_recorded(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --force-regen, the drift is reported, then what prevents writing."""
    shutil.rmtree(recorded.path / ".harness")
    (recorded.path / ".harness").touch()  # where the directory would be made
    monkeypatch.setenv("SHIFT", "1")
    result = recorded.runpytest("--force-regen", "-k", "fixture")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*a: 12 of 12 elements differ*", "nothing recorded: *.harness: *"])


def test_without_space_for_the_obtained_data_the_drift_is_reported(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are only kept for looking at them."""
    recorded.makeconftest(
        "import harness.plugin.golden_check as check\n"
        "def full(path):\n    raise OSError(28, 'No space left on device')\n"
        "check.make_directory = full\n"
    )
    monkeypatch.setenv("SHIFT", "1")
    result = recorded.runpytest_subprocess("-k", "fixture")
    lines = [
        "*a: 12 of 12 elements differ*",
        "The obtained data could not be saved: *No space left on device",
    ]
    result.stdout.fnmatch_lines(lines)


def test_nearest_registry_wins_from_a_sub_directory(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an ini file, pytest's rootdir is the sub-directory; the golden files are those above."""
    (recorded.path / "tox.ini").unlink()
    below = recorded.mkdir("below")
    for name in ("lattice.py", "test_suite.py"):
        shutil.move(recorded.path / name, below / name)
    monkeypatch.chdir(below)
    recorded.runpytest_subprocess().assert_outcomes(passed=2)
    monkeypatch.setenv("SHIFT", "1")
    result = recorded.runpytest_subprocess("-k", "fixture")
    result.stdout.fnmatch_lines(["  harness diff ../golden/lattice.npz *"])
    assert not (below / "golden").exists()


def test_nearest_registry_wins_with_a_configuration_elsewhere(
    recorded: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """``-c elsewhere/pytest.ini`` makes elsewhere pytest's rootdir."""
    other = tmp_path_factory.mktemp("elsewhere") / "pytest.ini"
    other.write_text("[pytest]\n")
    recorded.runpytest_subprocess("-c", other, recorded.path).assert_outcomes(passed=2)
    other.write_text("[pytest]\ngolden_dir = other\n")
    result = recorded.runpytest_subprocess("-c", other, recorded.path)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: golden_dir: expected 'golden', the golden directory of the project in *"]
    )


def test_a_run_that_was_killed_leaves_nothing_after_the_next(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its staged files are removed."""
    monkeypatch.setenv("SHIFT", "1")
    recorded.makepyfile(test_killed="import os\n" + SUITE + "\ndef test_z():\n    os.kill(os.getpid(), 9)\n")
    recorded.runpytest_subprocess("--regen-all", "test_killed.py")
    staged = recorded.path / ".harness" / "staged"
    assert list(staged.iterdir()) != []
    recorded.runpytest_subprocess("--regen-all", "test_suite.py")
    assert list(staged.iterdir()) == []


def test_golden_directory_of_the_configuration_is_that_of_the_command_line(
    suite: pytest.Pytester, run_harness
) -> None:
    """``harness verify`` and pytest look in the same place."""
    suite.makeini("[pytest]\ngolden_dir = tests/reference\n")
    suite.runpytest("--regen-all").assert_outcomes(passed=2)
    (suite.path / "tests" / "reference" / "stray.npz").touch()
    found = run_harness("verify", cwd=suite.path)
    assert "unregistered: tests/reference/stray.npz" in found.out
    assert "2 of 3" not in found.out
    assert "3 of 4 golden files match" in found.out


def git(*arguments: str, cwd: Path) -> None:
    """Run git without the user's configuration."""
    clean = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *names, *arguments], cwd=cwd, env=clean, check=True, capture_output=True)


def test_a_clone_with_other_line_endings_passes_and_verify_names_the_cause(
    recorded: pytest.Pytester, run_harness, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As on Windows with core.autocrlf: JSON is compared by content, and commands that help are printed."""
    git("init", "-q", cwd=recorded.path)
    git("add", "-A", cwd=recorded.path)
    git("commit", "-q", "-m", "first", cwd=recorded.path)
    clone = tmp_path_factory.mktemp("clone") / "windows"
    git("clone", "-q", "-c", "core.autocrlf=true", str(recorded.path), str(clone), cwd=recorded.path)
    assert b"\r\n" in (clone / "golden" / "lattice.json").read_bytes()
    subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=clone, check=True)
    found = run_harness("verify", cwd=clone)
    assert found.code == 1
    assert "drifted: golden/lattice.json: line endings: expected LF, found CRLF" in found.out
    remedy = next(line for line in found.out.splitlines() if "`harness install-git`" in line)
    for command in remedy.split("`")[1::2]:
        program, *arguments = command.split()
        if program == "harness":
            assert run_harness(*arguments, cwd=clone).code == 0
        else:
            git(*arguments, cwd=clone)
    assert run_harness("verify", cwd=clone).code == 0


def test_a_test_of_another_project_is_not_compared_with_the_golden_files_of_this_one(
    recorded: pytest.Pytester,
) -> None:
    """Two projects in one session: pytest takes the first one's configuration for both."""
    for name in ("one", "two"):
        shutil.copytree(recorded.path / "golden", recorded.path / name / "golden")
        for file in ("registry.json", "tox.ini", "lattice.py"):
            shutil.copy(recorded.path / file, recorded.path / name / file)
        shutil.copy(recorded.path / "test_suite.py", recorded.path / name / f"test_{name}.py")
    for file in ("registry.json", "tox.ini"):
        (recorded.path / file).unlink()
    result = recorded.runpytest("one", "two")
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["*UsageError: two/test_two.py: expected a test of the project in *one,*"])
    result.stdout.fnmatch_lines(
        ["*found one of the project in *two. Run pytest in each project: `cd two && pytest`*"]
    )


@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="this pytest has no subtests")
def test_what_differs_in_subtests_is_recorded_unless_one_fails_for_another_reason(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test that passed fails because of its subtests: that is no reason of its own."""
    suite.makepyfile(
        test_suite="""
        import os
        from lattice import SHIFT, lattice

        def test_fixture(fixture_regression, subtests):
            for name in ("one", "two"):
                with subtests.test(name=name):
                    fixture_regression.check(lattice(name=name))
                    assert name == "one" or SHIFT < 2
        """
    )
    result = suite.runpytest("--force-regen")
    result.stdout.fnmatch_lines(["recorded golden/one.npz*", "recorded golden/two.npz*"])
    before = golden_bytes(suite)
    monkeypatch.setenv("SHIFT", "2")
    result = suite.runpytest("--regen-all")
    result.stdout.fnmatch_lines(["nothing recorded (4 golden files differ):"])
    assert golden_bytes(suite) == before
