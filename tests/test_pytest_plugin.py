"""The plugin, played end to end: what a user's project sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pytest

import harness.plugin.fixture_check  # noqa: F401 - in-process runs forget what they import first, and numpy loads once
from harness.core.system.ci import VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

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
    """A copy of that project, the test's own."""
    for name in ("golden", "registry.json", ".harness"):
        source = template / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, suite.path / name)
    return suite


def golden_bytes(suite: pytest.Pytester) -> dict[str, bytes]:
    """All that is golden, registry included."""
    files = [*suite.path.glob("golden/**/*"), *suite.path.glob("registry.json")]
    return {file.name: file.read_bytes() for file in files}


def test_unrecorded_is_refused_and_nothing_is_written(suite: pytest.Pytester) -> None:
    """Nothing is blessed in passing: without a flag, a missing golden file fails and stays missing."""
    result = suite.runpytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*golden 'lattice.npz': expected a file at golden/lattice.npz, found none*"])
    result.stdout.fnmatch_lines(["*pytest --force-regen*"])
    assert golden_bytes(suite) == {}


def test_force_regen_records_and_fails_once(suite: pytest.Pytester) -> None:
    """--force-regen rewrites and still fails, as pytest-regressions has it; the next run passes."""
    result = suite.runpytest("--force-regen")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*recorded golden/lattice.npz: new -> *"])
    assert set(golden_bytes(suite)) == {"lattice.npz", "lattice.json", "lattice.net.json", "registry.json"}
    suite.runpytest().assert_outcomes(passed=2)


def test_regen_all_records_and_passes(suite: pytest.Pytester) -> None:
    """--regen-all rewrites and passes."""
    suite.runpytest("--regen-all").assert_outcomes(passed=2)
    suite.runpytest().assert_outcomes(passed=2)


def test_registry_follows_every_regeneration(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a regeneration the registry holds the new digests, and the old records as history."""
    before = json.loads((recorded.path / "registry.json").read_bytes())["entries"]
    monkeypatch.setenv("SHIFT", "1")
    recorded.runpytest("--force-regen", "--golden-reason", "a new lattice").assert_outcomes(failed=2)
    after = json.loads((recorded.path / "registry.json").read_bytes())["entries"]
    assert set(after) == set(before)
    for path, entry in after.items():
        assert entry["xxh128"] != before[path]["xxh128"]
        assert entry["record"]["reason"] == "a new lattice"
        assert entry["history"] == [before[path]["record"]]
    recorded.runpytest().assert_outcomes(passed=2)


@pytest.mark.parametrize("flag", ["--force-regen", "--regen-all"])
def test_what_did_not_drift_is_not_rewritten(recorded: pytest.Pytester, flag: str) -> None:
    """A writing flag leaves golden files and registry as they are where nothing drifted."""
    before = golden_bytes(recorded)
    recorded.runpytest(flag).assert_outcomes(passed=2)
    assert golden_bytes(recorded) == before


def test_drift_is_refused_in_full_and_changes_nothing(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change fails with its size, its place and the command to look at it; golden files stay."""
    before = golden_bytes(recorded)
    monkeypatch.setenv("SHIFT", "1")
    result = recorded.runpytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "fixture 'lattice' is not its golden copy:",
            "*a: 12 of 12 elements differ (100 %)",
            "*largest difference: 1 absolute*",
            "*[[]0, 0[]]: expected 0.0, found 1.0",
            "*... and 2 more",
            "Look at it with `harness diff golden/lattice.npz *lattice.obtained.npz`.",
        ]
    )
    result.stdout.fnmatch_lines(["*ssim: 1.5, baseline 0.5 +/- 5e-07, off by +1"])
    assert golden_bytes(recorded) == before


def test_a_sudden_gain_fails_too(recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tolerances hold on both sides: a metric that falls and one that rises both fail."""
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
    """A tolerance key that nobody knows fails with the keys there are."""
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
    """The fast path looks at the registry: one byte changed in the archive is found."""
    path = recorded.path / "golden" / "lattice.npz"
    damaged = bytearray(path.read_bytes())
    damaged[-200] ^= 1
    path.write_bytes(damaged)
    result = recorded.runpytest("-k", "fixture")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*golden/lattice.npz: *: expected xxh128:*, found xxh128:*"])


def test_unregistered_golden_file_fails(recorded: pytest.Pytester) -> None:
    """A golden file that the registry does not know is no golden file."""
    (recorded.path / "registry.json").unlink()
    result = recorded.runpytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*golden/lattice.npz: unregistered*"])


def test_same_fixture_passes_without_loading_an_array(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digest first: where all digests agree no array is read and nothing is written."""
    guard = """
        import harness.plugin.checks

        def refuse(*_):
            raise AssertionError("an array was touched")

        harness.plugin.checks.map_archive = harness.plugin.checks.write_archive = refuse
    """
    recorded.makeconftest(textwrap.dedent(guard))
    recorded.runpytest_subprocess("-k", "fixture").assert_outcomes(passed=1)
    monkeypatch.setenv("SHIFT", "1")
    recorded.runpytest_subprocess("-k", "fixture").assert_outcomes(failed=1)


def test_repacked_golden_archive_is_no_drift(recorded: pytest.Pytester) -> None:
    """The same arrays in another container are the same golden fixture."""
    path = recorded.path / "golden" / "lattice.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez_compressed(path, **arrays)
    recorded.runpytest("-k", "fixture").assert_outcomes(passed=1)


def test_works_under_xdist(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers hand on what they staged; the controller alone writes, all of it."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    suite.runpytest_subprocess("-n", "2", "--regen-all").assert_outcomes(passed=2)
    assert set(golden_bytes(suite)) == {"lattice.npz", "lattice.json", "lattice.net.json", "registry.json"}
    suite.runpytest_subprocess("-n", "2").assert_outcomes(passed=2)
    monkeypatch.setenv("SHIFT", "1")
    suite.runpytest_subprocess("-n", "2").assert_outcomes(failed=2)


def test_two_tests_that_record_one_name_are_named(suite: pytest.Pytester) -> None:
    """Two tests with different content under one name record nothing, and both are named."""
    more = "\ndef test_again(fixture_regression):\n    fixture_regression.check(lattice(dtype='float32'))\n"
    suite.makepyfile(test_suite=SUITE + more)
    result = suite.runpytest("--regen-all")
    result.stdout.fnmatch_lines(
        ["nothing recorded: *test_suite.py::test_fixture and *test_suite.py::test_again*"]
    )
    assert result.ret != 0
    assert golden_bytes(suite) == {}


def test_refusal_in_a_test_is_one_message(suite: pytest.Pytester) -> None:
    """A refusal raised by a test shows as its message, without a traceback."""
    suite.makepyfile(
        test_suite="""
        from harness.core.domain.references import missing_package

        def test_pipeline():
            raise missing_package("pipeline network", "torch")
        """
    )
    result = suite.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["DependencyError: pipeline network: expected the package torch*pip install*"]
    )
    result.stdout.no_fnmatch_line("*raise missing_package*")


def test_options_of_pytest_regressions_are_not_added_again(suite: pytest.Pytester) -> None:
    """--force-regen and --regen-all stand in the help once, under their owner's heading."""
    shown = suite.runpytest("--help").stdout.str()
    assert shown.count("--force-regen ") == 1
    assert shown.count("--regen-all ") == 1
    assert "--golden-reason" in shown


def test_golden_directory_is_an_ini_key(suite: pytest.Pytester) -> None:
    """``golden_dir`` names another directory."""
    suite.makeini("[pytest]\ngolden_dir = reference\n")
    suite.runpytest("--regen-all").assert_outcomes(passed=2)
    assert (suite.path / "reference" / "lattice.npz").is_file()
    assert not (suite.path / "golden").exists()


def test_conftest_in_a_folder_below_is_no_trouble(recorded: pytest.Pytester) -> None:
    """Plugins are compared when a folder brings its own conftest: ours can be."""
    folder = recorded.mkdir("below")
    (folder / "conftest.py").write_text("")
    (folder / "test_below.py").write_text("def test_below():\n    assert True\n")
    recorded.runpytest("below/test_below.py").assert_outcomes(passed=1)


def test_reason_may_be_required(suite: pytest.Pytester) -> None:
    """With golden_require_reason, a regeneration without a reason is refused before any test runs."""
    suite.makeini("[pytest]\ngolden_require_reason = true\n")
    result = suite.runpytest("--regen-all")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*expected a reason*--golden-reason*"])
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
    """Where the environment says CI, a writing flag is a usage error before the first test."""
    monkeypatch.setenv(variable, value)
    result = suite.runpytest(flag)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*continuous integration ({variable} is set)*"])
    assert golden_bytes(suite) == {}


def test_ci_false_is_not_ci(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Booleans are parsed: CI=false may write; in CI a missing golden file fails and stays missing."""
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
    """A failure that is no golden difference, or an interruption, records nothing and says so."""
    suite.makepyfile(test_suite=SUITE + more)
    for flag in ("--force-regen", "--regen-all"):
        result = suite.runpytest_subprocess(flag)
        result.stdout.fnmatch_lines(["nothing recorded, of 3 files: " + obstacle])
        assert golden_bytes(suite) == {}
    assert list((suite.path / ".harness" / "staged").iterdir()) == []


def test_file_that_cannot_be_collected_records_nothing(suite: pytest.Pytester) -> None:
    """A test file that cannot be imported is no reason to go on writing."""
    suite.makepyfile(test_broken="import no_such_module")
    result = suite.runpytest("--regen-all", "--continue-on-collection-errors")
    result.stdout.fnmatch_lines(["nothing recorded, of 3 files: test_broken.py could not be collected"])
    assert golden_bytes(suite) == {}


def test_crashed_worker_records_nothing(suite: pytest.Pytester) -> None:
    """A pytest-xdist worker that dies takes the whole regeneration with it."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    suite.makepyfile(test_suite="import os\n" + SUITE + "\ndef test_other():\n    os.kill(os.getpid(), 9)\n")
    result = suite.runpytest_subprocess("-n", "1", "--regen-all", "--max-worker-restart", "0")
    assert "worker gw0 crashed" in result.stdout.str()
    assert golden_bytes(suite) == {}


def test_generator_that_is_not_repeatable_is_refused(suite: pytest.Pytester) -> None:
    """A fixture that fresh processes make differently is refused: array, place and size are named."""
    suite.makepyfile(
        lattice=LATTICE.replace("SHIFT = float", "SHIFT = (os.getpid() % 1000) * 1e-3 + 1 + float")
    )
    result = suite.runpytest("--regen-all", "-k", "fixture")
    result.stdout.fnmatch_lines(
        ["nothing recorded: fixture 'lattice', array 'a': expected the same values from*"]
    )
    result.stdout.fnmatch_lines(["*first at [[]0, 0[]], by *"])
    assert result.ret != 0
    assert golden_bytes(suite) == {}


def test_generator_that_cannot_be_called_again_is_refused(suite: pytest.Pytester) -> None:
    """A manifest whose generator leads nowhere is not recorded."""
    suite.makepyfile(lattice=LATTICE.replace("lattice:lattice", "lattice:gone"))
    result = suite.runpytest("--regen-all", "-k", "fixture")
    result.stdout.fnmatch_lines(
        ["nothing recorded: fixture 'lattice': expected a generator that makes it*gone*"]
    )
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
    """Arrays that carry nothing are not recorded, unless the call says that they are meant."""
    suite.makepyfile(lattice=LATTICE.replace('"b": np.array([1, 2])', f'"b": {values}'))
    result = suite.runpytest("--regen-all", "-k", "fixture")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"DegenerateError: fixture 'lattice', array 'b': *found {fault}*"])
    assert golden_bytes(suite) == {}
    word = "allow_constant" if "zero" in fault or "one value" in fault else "allow_nonfinite"
    suite.makepyfile(test_suite=SUITE.replace("check(lattice())", f"check(lattice(), {word}=['b'])"))
    suite.runpytest("--regen-all", "-k", "fixture").assert_outcomes(passed=1)


def test_what_was_rewritten_is_listed_with_what_moved(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change is listed before -> after, with its largest difference and where it is."""
    monkeypatch.setenv("SHIFT", "0.25")
    result = recorded.runpytest("--regen-all")
    result.stdout.fnmatch_lines(
        [
            "recorded golden/lattice.net.json: ???????????? -> ????????????",
            "  ssim: 0.5 -> 0.75",
            "recorded golden/lattice.npz: ???????????? -> ????????????",
            "  a: 12 of 12 elements, largest change 0.25 at [[]0, 0[]]",
        ]
    )


def test_unreferenced_golden_files_are_listed_after_a_full_run(recorded: pytest.Pytester) -> None:
    """A registered golden file that no test of a full, passing run used is listed, or rejected."""
    recorded.makepyfile(test_suite=SUITE.partition("def test_metrics")[0])
    line = "unreferenced: golden/lattice.net.json: registered, and used by no test"
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
    """A run that was filtered in any way cannot know what is unreferenced."""
    recorded.makepyfile(test_suite=SUITE.partition("def test_metrics")[0])
    result = recorded.runpytest("--golden-unreferenced=reject", *arguments)
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*unreferenced:*")


def test_skipped_test_reports_nothing_unreferenced(recorded: pytest.Pytester) -> None:
    """A test that was skipped might have used it."""
    skip = "\nimport pytest\n\n@pytest.mark.skip(reason='not today')\ndef test_metrics():\n    pass\n"
    recorded.makepyfile(test_suite=SUITE.partition("def test_metrics")[0] + skip)
    assert recorded.runpytest("--golden-unreferenced=reject").ret == 0


def test_interrupted_regeneration_stops_the_next(recorded: pytest.Pytester) -> None:
    """While a journal waits to be recovered, nothing is recorded on top of it."""
    journal = recorded.path / ".harness" / "transaction" / "journal.json"
    journal.parent.mkdir()
    journal.write_text('{"schema": 1, "steps": []}')
    result = recorded.runpytest("--regen-all")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*harness recover*"])
