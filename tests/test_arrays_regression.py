"""``arrays_regression``, and ``metrics_regression`` without names, end to end: what a user's project sees."""

from __future__ import annotations

import json

import numpy as np
import pytest

PACKAGE = """
import os
import numpy as np

SHIFT = float(os.environ.get("SHIFT", "0"))

def power(size):
    return np.abs(np.fft.rfft(np.sin(np.arange(size)))) * (1 + SHIFT)
"""

WAVES = """
import numpy as np
import pytest
from waves import power

@pytest.mark.parametrize("size", [8, 64])
def test_power(arrays_regression, size):
    arrays_regression.check({"power": power(size), "size": size})

class TestShapes:
    def test_two_checks(self, arrays_regression):
        arrays_regression.check(power(4), name="short")
        arrays_regression.check(power(6), name="long")

def test_energy(metrics_regression):
    metrics_regression.check({"energy": float((power(8) ** 2).sum())})
"""

NAMES = {
    "test_waves/test_power-8.npz",
    "test_waves/test_power-64.npz",
    "test_waves/TestShapes/test_two_checks/short.npz",
    "test_waves/TestShapes/test_two_checks/long.npz",
}


@pytest.fixture
def project(pytester, monkeypatch):
    """A user's project, nothing recorded yet."""
    monkeypatch.delenv("SHIFT", raising=False)
    pytester.makeini("[pytest]")
    pytester.makepyfile(waves=PACKAGE, test_waves=WAVES)
    return pytester


@pytest.fixture
def recorded(project):
    """The same with its golden files."""
    result = project.runpytest_subprocess("--regen-all", "-q")
    assert result.ret == 0, result.stdout.str()
    return project


def archives(project):
    """Names of the golden archives."""
    golden = project.path / "golden"
    return {path.relative_to(golden).as_posix() for path in golden.rglob("*.npz")}


def summary(result):
    """The session's line about golden files."""
    (line,) = [line for line in result.outlines if line.startswith("golden files: ") and "identical" in line]
    return line


def test_arrays_are_recorded_under_the_tests_own_names(recorded):
    assert archives(recorded) == NAMES
    assert (recorded.path / "golden/test_waves/test_energy.metrics.json").is_file()
    manifest = json.loads((recorded.path / "golden/test_waves/test_power-8.json").read_text())
    assert manifest["generator"]["test"] == "test_waves.py::test_power[8]"
    assert sorted(manifest["arrays"]) == ["power", "size"]


def test_the_summary_counts_golden_files(recorded, monkeypatch):
    result = recorded.runpytest_subprocess("-q")
    assert summary(result) == "golden files: 5 identical, 0 within tolerance, 0 drifted"
    monkeypatch.setenv("SHIFT", "2e-8")
    result = recorded.runpytest_subprocess("-q")
    assert result.ret == 0
    assert summary(result).startswith("golden files: 0 identical, 5 within tolerance (worst 0.")
    monkeypatch.setenv("SHIFT", "0.5")
    result = recorded.runpytest_subprocess("-q")
    result.assert_outcomes(failed=4)
    assert summary(result).startswith("golden files: 0 identical, 0 within tolerance, 4 drifted")


def test_drift_names_the_arrays_and_the_command(recorded, monkeypatch):
    monkeypatch.setenv("SHIFT", "0.5")
    result = recorded.runpytest_subprocess("-k", "power and 8")
    result.stdout.fnmatch_lines(
        [
            "arrays 'test_waves/test_power-8' differ from their golden files:",
            "  power: 5 of 5 elements differ (100 %)",
            "  harness diff golden/test_waves/test_power-8.npz *",
        ]
    )


def test_the_same_counts_come_from_workers(recorded):
    result = recorded.runpytest_subprocess("-q", "-n", "2")
    assert summary(result) == "golden files: 5 identical, 0 within tolerance, 0 drifted"


def test_workers_record_the_same_files(project):
    result = project.runpytest_subprocess("--regen-all", "-q", "-n", "2")
    assert result.ret == 0, result.stdout.str()
    assert archives(project) == NAMES
    assert project.runpytest_subprocess("-q").ret == 0


def test_tests_reproduce_their_arrays(recorded, run_harness, monkeypatch):
    shown = run_harness("reproduce", cwd=recorded.path)
    assert shown.code == 0, shown.err
    assert "test_waves/test_power-8: reproduced" in shown.out.splitlines()
    monkeypatch.setenv("SHIFT", "0.5")
    shown = run_harness("reproduce", "test_waves/test_power-8", cwd=recorded.path)
    assert shown.code == 1
    assert shown.out.startswith("test_waves/test_power-8: drifted")


def test_pipelines_verbs_leave_tests_metrics_alone(recorded, run_harness):
    shown = run_harness("run", cwd=recorded.path)
    assert shown.code == 2
    assert "nothing to run" in shown.err
    shown = run_harness("verify", cwd=recorded.path)
    assert shown.code == 0


UNSEEDED = """
import numpy as np

def test_noise(arrays_regression):
    arrays_regression.check({"noise": np.random.default_rng().normal(size=3)})
"""

ORDERED = """
import numpy as np

rng = np.random.default_rng(0)

def test_first(arrays_regression):
    arrays_regression.check(rng.normal(size=3))

def test_second(arrays_regression):
    arrays_regression.check(rng.normal(size=3))
"""

LEFTOVER = """
import os
import numpy as np

def test_counter(arrays_regression):
    count = int(open("count").read()) if os.path.exists("count") else 0
    open("count", "w").write(str(count + 1))
    assert count == 0, "the file count was left by an earlier run"
    arrays_regression.check(np.arange(3) + count)
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (UNSEEDED, "*test_noise', array 'noise': expected the same values from every run of the test*"),
        (ORDERED, "*Seed every random number*"),
        (LEFTOVER, "*does not make its arrays again in a new pytest process*the file count was left*"),
    ],
)
def test_arrays_that_a_test_does_not_make_again_are_refused(pytester, text, message):
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_it=text)
    result = pytester.runpytest_subprocess("--regen-all")
    assert result.ret != 0
    result.stdout.fnmatch_lines([f"nothing recorded: {message}"])
    assert not (pytester.path / "golden").exists()


def run_check(pytester, body, *arguments):
    """Run one test with the given statements."""
    lines = "\n    ".join(body.splitlines())
    text = f"import numpy as np\n\ndef test_it(arrays_regression, metrics_regression):\n    {lines}\n"
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_it=text)
    return pytester.runpytest_subprocess(*arguments)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "arrays_regression.check([1])\narrays_regression.check([1])",
            "*checks arrays 'test_it/test_it' twice*",
        ),
        (
            "metrics_regression.check({'a': 1})\nmetrics_regression.check({'a': 1})",
            "*checks metrics 'test_it/test_it.metrics' twice*",
        ),
        ("arrays_regression.check([1], fullpath='x.npz')", "*does not take fullpath*"),
        ("arrays_regression.check([1], name='../x')", "*check name '../x' is not valid*"),
        ("arrays_regression.check({'a': None})", "*array '*a'*"),
        ("arrays_regression.check({'a': [1.0]}, tolerances={'b': {'atol': 1}})", "*tolerance for 'b'*"),
        ("arrays_regression.check({'a': [1.0]}, tolerances={'a': {'abs': 1}})", "*tolerance for a*"),
        ("metrics_regression.check({'a': 1}, tolerances={'b': {'atol': 1}})", "*tolerance for b*"),
        ("metrics_regression.check({'a': 1}, tolerances={'a': {'ulp': 1}})", "*tolerance for a*ulp*"),
        ("arrays_regression.check([1.0], scale_axis='x')", "*scale_axis*found 'x'*"),
        ("arrays_regression.check([1.0], scale_axis=(0, 1))", "*scale_axis*"),
        ("arrays_regression.check([1.0], scale_axis=True)", "*scale_axis*"),
        ("arrays_regression.check({'a': [1.0]}, scale_axis={'a': 1.0})", "*scale_axis*"),
        ("arrays_regression.check([1], default_tolerance={'abs': 1})", "*default_tolerance*"),
        ("arrays_regression.check([1], default_tolerance=3)", "*default_tolerance*"),
    ],
)
def test_wrong_arguments_are_refused(pytester, body, message):
    result = run_check(pytester, body, "--regen-all")
    assert result.ret != 0
    result.stdout.fnmatch_lines([message])
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    "arguments",
    [
        "data_dict={'a': x}",
        "{'a': x}, basename='other'",
        "{'a': x}, 'other'",
        "{'a': x}, tolerances={'a': {'atol': 1e-3}}, default_tolerance={'rtol': 1e-3}",
        "{'a': x}, data_index=np.arange(4), fill_different_shape_with_nan=False",
    ],
)
def test_the_arguments_of_pytest_regressions_are_taken(pytester, arguments):
    body = f"x = np.linspace(0, 1, 4)\narrays_regression.check({arguments})"
    assert run_check(pytester, body, "--regen-all").ret == 0
    assert pytester.runpytest_subprocess().ret == 0


@pytest.mark.parametrize(
    ("options", "code"), [("", 0), ("scale_axis=0", 1), ("scale_axis={'modes': 0}", 1), ("scale_axis=5", 0)]
)
def test_a_small_mode_is_seen_with_a_scale_for_each_slice(pytester, monkeypatch, options, code):
    """Ten times the small mode is within the tolerance of the large one."""
    body = (
        "import os\nsmall = float(os.environ.get('SMALL', '1e-9'))\n"
        f"arrays_regression.check({{'modes': np.array([[1e8, 2e8], [small, 2 * small]])}}, {options})"
    )
    assert run_check(pytester, body, "--regen-all").ret == 0
    monkeypatch.setenv("SMALL", "1e-8")
    assert pytester.runpytest_subprocess().ret == code


@pytest.mark.parametrize(
    ("options", "code"),
    [("", 1), ("default_tolerance={'rtol': 1e-3}", 1), ("tolerances={'index': {'rtol': 1e-3}}", 0)],
)
def test_an_index_is_exact_unless_it_has_a_tolerance_of_its_own(pytester, monkeypatch, options, code):
    """Row labels and coordinates name values: a default tolerance is for the values."""
    pytest.importorskip("pandas", reason="pandas is not installed")
    body = (
        "import os\nimport pandas as pd\nrows = [0.5, 1.5 + float(os.environ.get('MOVED', '0'))]\n"
        f"arrays_regression.check(pd.DataFrame({{'x': [1.0, 2.0]}}, index=rows), {options})"
    )
    assert run_check(pytester, body, "--regen-all").ret == 0
    monkeypatch.setenv("MOVED", "1e-9")
    assert pytester.runpytest_subprocess().ret == code


def test_a_tolerance_of_a_metric_is_taken(pytester, monkeypatch):
    body = (
        "import os\nshift = float(os.environ.get('SHIFT', '0'))\n"
        "metrics_regression.check({'a': 1 + shift, 'b': 2}, tolerances={'a': {'atol': 0.1}})"
    )
    assert run_check(pytester, body, "--regen-all").ret == 0
    for shift, code in (("0.09", 0), ("0.11", 1)):
        monkeypatch.setenv("SHIFT", shift)
        assert pytester.runpytest_subprocess().ret == code


def test_bfloat16_has_its_own_tolerance(pytester, monkeypatch):
    """Stored as float32, which holds each value, and compared as bfloat16."""
    pytest.importorskip("torch", reason="torch is not installed")
    body = (
        "import os, torch\nshift = float(os.environ.get('SHIFT', '0'))\n"
        "arrays_regression.check({'a': torch.arange(1, 5, dtype=torch.bfloat16) + shift})"
    )
    assert run_check(pytester, body, "--regen-all").ret == 0
    for shift, code in (("0.0078125", 0), ("0.5", 1)):
        monkeypatch.setenv("SHIFT", shift)
        assert pytester.runpytest_subprocess().ret == code


def test_an_init_file_does_not_change_what_was_recorded(recorded):
    """It changes the module's name for Python, not the test."""
    (recorded.path / "__init__.py").touch()
    assert recorded.runpytest_subprocess("-q", "--import-mode=importlib").ret == 0


def test_options_of_the_session_are_used_again(project):
    """A project's own options select what a test computes; those that write or select are left out."""
    project.makeconftest(
        """
        import pytest

        def pytest_addoption(parser):
            parser.addoption("--size", type=int, default=0)

        @pytest.fixture
        def size(request):
            return request.config.getoption("size")
        """
    )
    project.makepyfile(
        test_waves="def test_size(arrays_regression, size):\n    arrays_regression.check(size)\n"
    )
    result = project.runpytest_subprocess(
        "--size", "3", "--regen-all", "--junitxml=report.xml", "--basetemp=kept", "-x", "test_waves.py"
    )
    assert result.ret == 0, result.stdout.str()
    with np.load(project.path / "golden/test_waves/test_size.npz") as golden:
        assert golden["data"] == 3
    assert "test_size" in (project.path / "report.xml").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["tests", "-k", "tests"],
        ["-k", "tests", "tests"],
        ["tests", "--size", "tests"],
        ["tests/test_tests.py::test_tests", "--size", "tests/test_tests.py::test_tests"],
        ["tests", "tests", "--size=tests", "--pairs", "tests", "tests"],
        ["tests", "-n", "2", "--size", "tests"],
    ],
)
def test_a_value_of_an_option_may_be_the_same_word_as_a_chosen_test(pytester, arguments):
    """The tests that run again are those that are recorded; no option loses its value."""
    pytester.makeini("[pytest]")
    tests = pytester.mkdir("tests")
    (pytester.path / "conftest.py").write_text(
        "def pytest_addoption(parser):\n"
        "    parser.addoption('--size', default='')\n"
        "    parser.addoption('--pairs', nargs=2)\n"
    )
    (tests / "test_tests.py").write_text(
        "def test_tests(arrays_regression, pytestconfig):\n"
        "    arrays_regression.check(pytestconfig.getoption('size'))\n"
    )
    (tests / "test_other.py").write_text("def test_other():\n    pass\n")
    result = pytester.runpytest_subprocess("--regen-all", *arguments)
    assert result.ret == 0, result.stdout.str()
    assert archives(pytester) == {"tests/test_tests/test_tests.npz"}


def test_tests_that_run_again_use_the_configuration_of_the_session(pytester):
    """Another root directory and configuration would apply to a session that is given one file only."""
    pytester.makeini("[pytest]\npython_functions = check_*")
    inner = pytester.mkdir("inner")
    (inner / "pytest.ini").write_text("[pytest]\npython_functions = test_*\n")
    (inner / "test_it.py").write_text("def check_it(arrays_regression):\n    arrays_regression.check(3)\n")
    result = pytester.runpytest_subprocess("--regen-all")
    assert result.ret == 0, result.stdout.str()


def test_a_usage_error_of_the_tests_that_run_again_is_quoted(project):
    """An option that works once only, because it is registered by the first process alone."""
    project.makeconftest(
        """
        import os

        def pytest_addoption(parser):
            if "HARNESS_RERUN_TESTS" not in os.environ:
                parser.addoption("--once", action="store_true")
        """
    )
    result = project.runpytest_subprocess("--regen-all", "--once")
    result.stdout.fnmatch_lines(["nothing recorded:*: unrecognized arguments: --once*"])


def test_files_that_a_session_writes_are_not_written_again(project):
    """The log and the debug file are those of the session, not those of the tests that run again."""
    project.makepyfile(
        test_log="""
        import logging, os

        def test_log(arrays_regression):
            logging.getLogger().warning("again" if "HARNESS_RERUN_TESTS" in os.environ else "first")
            arrays_regression.check(1)
        """
    )
    result = project.runpytest_subprocess("--regen-all", "--log-file=log.txt", "--debug=debug.txt")
    assert result.ret == 0, result.stdout.str()
    assert "first" in (project.path / "log.txt").read_text()
    assert "again" not in (project.path / "log.txt").read_text()
    assert "rerun_checks" not in (project.path / "debug.txt").read_text()
    project.makeini("[pytest]\nlog_file = log.txt")
    result = project.runpytest_subprocess("--regen-all", "--golden-reason=again")
    assert "again" not in (project.path / "log.txt").read_text()


LARGE = """
import numpy as np

def test_large(arrays_regression):
    arrays_regression.check({"wave": np.repeat(np.arange(4.0), 4000)})
"""


def test_golden_compress_stores_smaller_archives_with_the_same_digests(pytester, run_harness):
    pytester.makepyfile(test_large=LARGE)
    pytester.makeini("[pytest]")
    assert pytester.runpytest_subprocess("--regen-all", "-q").ret == 0
    golden = pytester.path / "golden/test_large"
    plain = (golden / "test_large.npz").read_bytes()
    manifest = (golden / "test_large.json").read_bytes()

    # A golden file that has the same arrays is left as it is.
    pytester.makeini("[pytest]\ngolden_compress = true")
    assert pytester.runpytest_subprocess("--regen-all", "-q").ret == 0
    assert (golden / "test_large.npz").read_bytes() == plain

    run_harness("rm", "test_large/test_large", "--force", "--reason", "r", cwd=pytester.path)
    assert pytester.runpytest_subprocess("--regen-all", "-q").ret == 0
    assert (golden / "test_large.npz").stat().st_size * 5 < len(plain)
    assert (golden / "test_large.json").read_bytes() == manifest
    result = pytester.runpytest_subprocess("-q")
    assert summary(result) == "golden files: 1 identical, 0 within tolerance, 0 drifted"
    assert run_harness("verify", cwd=pytester.path).code == 0
    assert run_harness("reproduce", cwd=pytester.path).code == 0


def test_a_wrong_value_of_golden_compress_is_refused(pytester):
    pytester.makepyfile(test_large=LARGE)
    pytester.makeini("[pytest]\ngolden_compress = perhaps")
    result = pytester.runpytest_subprocess("-q")
    assert result.ret == 4
    assert "golden_compress" in result.stderr.str()


VARIANTS = """
import os
import numpy as np

DEVICE = os.environ.get("DEVICE") or None

def test_spectrum(arrays_regression, metrics_regression):
    shift = {None: 0, "cpu": 1, "cuda": 2}[DEVICE]
    arrays_regression.check({"power": np.arange(4.0) + shift}, variant=DEVICE)
    metrics_regression.check({"energy": 4.0 + shift}, variant=DEVICE)
    metrics_regression.check({"loss": 2.0 + shift}, "lattice.net", variant=DEVICE)
"""


@pytest.fixture
def on_cuda(pytester, monkeypatch):
    """A project whose golden files were recorded on one device."""
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_variants=VARIANTS)
    monkeypatch.setenv("DEVICE", "cuda")
    result = pytester.runpytest_subprocess("--regen-all", "-q")
    assert result.ret == 0, result.stdout.str()
    return pytester


def test_a_variant_has_golden_files_of_its_own(on_cuda, monkeypatch, run_harness):
    golden = on_cuda.path / "golden"
    assert archives(on_cuda) == {"test_variants/test_spectrum/variant-cuda.npz"}
    manifest = json.loads((golden / "test_variants/test_spectrum/variant-cuda.json").read_text())
    assert manifest["generator"]["parameters"] == {"variant": "cuda"}
    assert (golden / "test_variants/test_spectrum.metrics/variant-cuda.json").is_file()
    assert (golden / "lattice.net/variant-cuda.json").is_file()
    monkeypatch.setenv("DEVICE", "cpu")
    assert on_cuda.runpytest_subprocess("--regen-all", "-q").ret == 0
    for device in ("cpu", "cuda"):
        monkeypatch.setenv("DEVICE", device)
        result = on_cuda.runpytest_subprocess("-q")
        assert summary(result) == "golden files: 3 identical, 0 within tolerance, 0 drifted"
    shown = run_harness("reproduce", "test_variants/test_spectrum/variant-cuda", cwd=on_cuda.path)
    assert shown.code == 0, shown.err


@pytest.mark.parametrize(
    ("device", "lines"),
    [
        ("cpu", ["*found none for this variant, but golden files of variant 'cuda'*never used instead*"]),
        ("", ["*found none without a variant, but golden files of variant 'cuda'*"]),
    ],
)
def test_another_variant_is_never_used_in_place_of_one(on_cuda, monkeypatch, device, lines):
    monkeypatch.setenv("DEVICE", device)
    result = on_cuda.runpytest_subprocess("-q")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(lines)
    assert archives(on_cuda) == {"test_variants/test_spectrum/variant-cuda.npz"}


def test_plain_golden_files_are_never_used_for_a_variant(pytester, monkeypatch):
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_variants=VARIANTS)
    monkeypatch.setenv("DEVICE", "")
    assert pytester.runpytest_subprocess("--regen-all", "-q").ret == 0
    monkeypatch.setenv("DEVICE", "cuda")
    result = pytester.runpytest_subprocess("-q")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*found none for this variant, but golden files without a variant*--force-regen*"]
    )


WRONG_VARIANTS = """
import numpy as np
import pytest

@pytest.mark.parametrize("variant", ["", "../cuda", "a/b", 3, "cuda 12"])
def test_wrong(arrays_regression, metrics_regression, variant):
    for check in (arrays_regression.check, metrics_regression.check):
        with pytest.raises(Exception, match="variant") as caught:
            check({"power": 1.0}, variant=variant)
        assert type(caught.value).__name__ == "UsageError"

def test_name_like_a_variant(arrays_regression, metrics_regression):
    for check in (arrays_regression.check, metrics_regression.check):
        with pytest.raises(Exception, match="variant="):
            check({"power": 1.0}, name="variant-cuda")
"""


def test_wrong_variants_are_refused(pytester):
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_wrong=WRONG_VARIANTS)
    pytester.runpytest_subprocess("--regen-all", "-q").assert_outcomes(passed=6)
    assert not (pytester.path / "golden").exists()


def test_other_variants_are_not_unreferenced(on_cuda, monkeypatch, run_harness):
    """A run on one device says nothing about the golden files of another."""
    for device in ("cpu", ""):
        monkeypatch.setenv("DEVICE", device)
        assert on_cuda.runpytest_subprocess("--regen-all", "-q").ret == 0
    monkeypatch.setenv("DEVICE", "cpu")
    result = on_cuda.runpytest_subprocess("--golden-unreferenced=reject", "-q")
    assert result.ret == 0, result.stdout.str()
    shown = run_harness("rm", "--unreferenced", "--force", "--reason", "r", cwd=on_cuda.path)
    assert shown.out == "no golden file is unreferenced\n"
    (on_cuda.path / "test_variants.py").write_text("def test_other(): pass\n")
    result = on_cuda.runpytest_subprocess("--golden-unreferenced=reject", "-q")
    assert result.ret != 0
    assert "variant-cuda" in result.stdout.str()
