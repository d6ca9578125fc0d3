"""``harness calibrate`` as a user types it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest


def test_a_baseline_has_samples_tolerances_and_perturbations(project):
    """The tolerance covers the samples; other seeds are kept apart from them."""
    baseline = json.loads((project / "golden" / "waves.smooth.json").read_bytes())
    metric = baseline["metrics"]["roughness"]
    certificate = baseline["certificate"]
    assert len(metric["samples"]) == 3
    assert len(metric["seeds"]) == certificate["runs"] - 3
    assert all(abs(sample - metric["value"]) <= metric["tolerance"] for sample in metric["samples"])
    (described,) = [value for value in certificate.values() if isinstance(value, list)]
    assert [perturbation["threads"] for perturbation in described[:3]] == ["1", "2", "1"]
    assert baseline["controls"]["flat"]["roughness"]["margin"] == pytest.approx(metric["value"] / 2)


def test_every_run_is_printed_and_the_baseline_is_shown(project, harness):
    """One line per run with what was perturbed, then the metrics with their tolerances."""
    shown = harness("calibrate", "smooth", "--runs", "2", "--seeds", "1", "--reason", "again")
    assert shown.code == 0, shown.err
    lines = shown.err.splitlines()
    assert lines[0].startswith("calibrate: smooth 1/3: 1 thread, native kernels")
    assert lines[1].startswith("calibrate: smooth 2/3: 2 threads, ")
    assert lines[1].endswith(" s left")
    assert ", seed " in lines[2]
    assert shown.out.splitlines()[0] == "recorded waves.smooth"
    assert shown.out.splitlines()[-1] == "next: pytest"
    assert "roughness" in shown.out
    assert harness("verify").code == 0


def test_the_arrays_behind_the_metrics_are_recorded_too(project, harness):
    """As the pipeline's plain run left them, so that an audit can compute the metrics again."""
    shown = harness("calibrate", "kept", "--runs", "2", "--seeds", "0", "--reason", "first")
    assert shown.code == 0, shown.err
    with (
        np.load(project / "golden" / "waves.npz") as fixture,
        np.load(project / "golden" / "waves.kept.npz") as arrays,
    ):
        assert np.array_equal(arrays["mean"], fixture["wave"].mean(axis=0))
    assert harness("verify").out == "5 of 5 golden files match the registry.\n"


def test_without_a_name_all_pipelines_with_a_baseline_are_measured(project, harness):
    shown = harness("calibrate", "--runs", "2", "--seeds", "0", "--reason", "again", "--json")
    assert shown.code == 0, shown.err
    assert list(json.loads(shown.out)["baselines"]) == ["waves.smooth"]


def test_without_a_name_and_a_baseline_it_exits_with_2(project, harness):
    for name in ("registry.json", "golden/history.jsonl", "golden/waves.smooth.json"):
        (project / name).unlink()
    assert harness("add", "golden/waves.npz", "golden/waves.json", "--reason", "first").code == 0
    shown = harness("calibrate", "--reason", "why")
    assert shown.code == 2
    assert shown.err.splitlines()[-1].startswith(
        "harness: there is nothing to measure: no test checks golden arrays or metrics"
    )
    assert shown.err.endswith(
        'Record some, or name a pipeline: `harness calibrate PIPELINE --reason "..."`.\n'
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("smooth",), "--reason"),
        (("smooth", "--runs", "1", "--reason", "why"), "--runs"),
        (("bogus", "--runs", "2", "--reason", "why"), "bogus"),
    ],
)
def test_wrong_options_are_usage_errors(project, harness, arguments, problem):
    """No reason, too few runs, an unknown pipeline: exit 2, and the baseline stays."""
    before = (project / "golden" / "waves.smooth.json").read_bytes()
    shown = harness("calibrate", *arguments)
    assert shown.code == 2
    assert problem in shown.err
    assert (project / "golden" / "waves.smooth.json").read_bytes() == before


def test_a_fixture_in_a_directory_has_its_baseline_beside_it(project, harness):
    """Made, registered, measured, run and reproduced under one name with a directory."""
    module = project / "waves.py"
    module.write_text(module.read_text().replace('make_fixture("waves"', 'make_fixture("optics/waves"'))
    files = ("golden/optics/waves.npz", "golden/optics/waves.json")
    for line in (
        ("generate", "waves", "--output", "golden"),
        ("add", *files, "--reason", "first"),
        ("calibrate", "smooth", files[0], "--runs", "2", "--seeds", "0", "--reason", "first"),
    ):
        shown = harness(*line)
        assert shown.code == 0, shown.err
    assert (project / "golden" / "optics" / "waves.smooth.json").is_file()
    assert harness("verify").code == 0
    assert "optics/waves: reproduced" in harness("reproduce", "optics/waves").out
    shown = harness("run")
    assert "compare optics/waves" in shown.out


TESTS = """
import os
import numpy as np
import pytest

SHIFT = float(os.environ.get("SHIFT", "0"))
WAVE = np.linspace(0.1, 0.9, 50)

def test_power(arrays_regression):
    x = arrays_regression.inputs(WAVE)
    arrays_regression.check({"power": np.exp(3 * x) + SHIFT, "count": 3, "unit": "mV"})

def test_orbit(arrays_regression):
    x = arrays_regression.inputs(WAVE)
    for _ in range(200):
        x = 3.9 * x * (1 - x)
    arrays_regression.check(x)

def test_energy(metrics_regression):
    x = metrics_regression.inputs(WAVE)
    metrics_regression.check({"energy": float((x**2).sum()) + SHIFT})
"""
NAMES = ["test_waves/test_energy.metrics", "test_waves/test_orbit", "test_waves/test_power"]


def run_pytest(folder, *arguments, **variables) -> subprocess.CompletedProcess:
    """Run pytest as a user does."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "CI"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def tests_template(tmp_path_factory, run_harness):
    """A project with tests, their golden files and measured tolerances, and what ``calibrate`` printed."""
    folder = tmp_path_factory.mktemp("tests")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_waves.py").write_text(TESTS)
    done = run_pytest(folder, "--regen-all", "--golden-reason", "first")
    assert done.returncode == 0, done.stdout
    shown = run_harness("calibrate", "--quick", "--reason", "first tolerances", "--json", cwd=folder)
    assert shown.code == 0, shown.err
    (folder / "shown.json").write_text(shown.out)
    return folder


@pytest.fixture
def tested(tests_template, tmp_path):
    """A copy of that project, the test's own and its current directory."""
    return shutil.copytree(tests_template, tmp_path, dirs_exist_ok=True)


def written(folder) -> dict[str, bytes]:
    """Everything golden, by path."""
    golden = folder / "golden"
    files = [path for path in golden.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_without_a_name_all_that_tests_check_is_measured(tested, harness):
    """Classes by measurement: text and counts exact, chaos only reported, with its amplification."""
    shown = json.loads((tested / "shown.json").read_text())
    assert [*sorted(shown["baselines"]), *sorted(shown["tolerances"])] == NAMES
    assert shown["unmeasured"] == []
    power = shown["tolerances"]["test_waves/test_power"]["arrays"]
    assert {name: one["class"] for name, one in power.items() if name != "power"} == {
        "count": "exact",
        "unit": "exact",
    }
    assert power["power"]["class"] == "measured"
    assert 1e-17 < power["power"]["rtol"] < 1e-12
    assert 0.1 < power["power"]["spread"]["amplification"] < 10
    (orbit,) = shown["tolerances"]["test_waves/test_orbit"]["arrays"].values()
    assert orbit["class"] == "report-only"
    assert orbit["spread"]["amplification"] > 1e12
    energy = shown["baselines"]["test_waves/test_energy.metrics"]
    assert energy["certificate"]["runs"] == 5
    assert 0 < energy["metrics"]["energy"]["tolerance"] < 1e-10
    assert harness("verify").code == 0


def test_measured_tolerances_apply_and_what_is_only_reported_does_not_fail(tested):
    """The session says so; another golden version is not judged by them."""
    kernels = {"NPY_DISABLE_CPU_FEATURES": ""}
    source = (tested / "test_waves.py").read_text()
    (tested / "test_waves.py").write_text(source.replace("(1 - x)", "(1 - x) * (1 + 1e-15)"))
    done = run_pytest(tested, **kernels)
    assert done.returncode == 0, done.stdout
    assert "1 report-only" in done.stdout
    assert "test_orbit.npz, data is only reported: it differs by up to" in done.stdout
    assert run_pytest(tested, "-k", "power or energy", SHIFT="1e-9").returncode == 1
    tight = source.replace('"unit": "mV"}', '"unit": "mV"}, tolerances={"power": {"rtol": 1e-18}}')
    (tested / "test_waves.py").write_text(tight)
    done = run_pytest(tested, "-k", "power")
    assert "array 'power': its tolerance is rtol 1e-18, but it was found to differ by" in done.stdout
    (tested / "test_waves.py").write_text(source.replace("np.exp(3 * x)", "np.exp(2 * x)"))
    assert run_pytest(tested, "-k", "power", "--force-regen").returncode == 1
    done = run_pytest(tested, "-k", "power")
    assert done.returncode == 0
    (tested / "test_waves.py").write_text(source.replace("np.exp(3 * x)", "np.exp(2 * x + 1e-12)"))
    assert "was measured on other golden arrays and is ignored" in run_pytest(tested, "-k", "power").stdout


def test_a_test_that_fails_without_perturbations_is_not_measured(tested, harness, monkeypatch):
    """Else the tolerance would hold the regression itself. Nothing is written."""
    monkeypatch.setenv("SHIFT", "1e-3")
    before = written(tested)
    shown = harness("calibrate", "--quick", "--reason", "why")
    assert shown.code == 1
    assert "does not pass without perturbations" in shown.err
    assert written(tested) == before


def test_named_golden_files_alone_are_measured(tested, harness):
    """By name or path; a name that no test checks is an error with a suggestion."""
    before = written(tested)
    file = "golden/test_waves/test_orbit.npz"
    shown = harness("calibrate", file, "--runs", "2", "--reason", "again")
    assert shown.code == 0, shown.err
    changed = {path for path, data in written(tested).items() if before.get(path) != data}
    assert changed == {"golden/history.jsonl", "golden/test_waves/test_orbit.tolerances.json"}
    shown = harness("calibrate", "test_waves/test_orbi", "--quick", "--reason", "why")
    assert (shown.code, "Did you mean test_waves/test_orbit?" in shown.err) == (2, True)


def test_samples_of_another_machine_get_a_row(tested, harness):
    """One per platform; merging them again changes nothing that a test sees."""
    samples = tested / "samples.json"
    assert run_pytest(tested, "--golden-samples", "samples.json").returncode == 0
    document = json.loads(samples.read_text())
    document["environment"] |= {"platform": "Darwin arm64", "cpu": "arm64"}
    power = document["arrays"]["test_waves/test_power"]["arrays"]["power"]
    power["spread"] = {"differing": 1, "absolute": 1e-9, "index": [49], "change": 1e-10, "ulp": 9}
    document["metrics"]["test_waves/test_energy.metrics"]["metrics"]["energy"]["value"] += 1e-9
    samples.write_text(json.dumps(document))
    for _ in range(2):
        shown = harness("calibrate", "--samples", "samples.json", "--reason", "macOS", "--json")
        assert shown.code == 0, shown.err
        found = json.loads(shown.out)
        measured = found["tolerances"]["test_waves/test_power"]
        assert len(measured["platforms"]) == 2
        assert measured["arrays"]["power"]["spread"]["absolute"] == 1e-9
        assert measured["arrays"]["power"]["atol"] > 2e-9
    assert found["baselines"]["test_waves/test_energy.metrics"]["certificate"]["runs"] == 6
    assert run_pytest(tested, "-k", "energy", SHIFT="2e-9").returncode == 0


def test_a_dry_run_shows_the_tolerances_and_records_nothing(tested, harness):
    """In CI too, where a job merges the samples of the others."""
    assert run_pytest(tested, "--golden-samples", "samples.json").returncode == 0
    before, ci = written(tested), {**os.environ, "CI": "true"}
    shown = harness("calibrate", "--samples", "samples.json", "--dry-run", env=ci)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines()[-1].startswith("would record the tolerances of ")
    assert written(tested) == before
    shown = harness("calibrate", "--samples", "samples.json", "--reason", "why", env=ci)
    assert (shown.code, "not written in CI" in shown.err) == (2, True)
    shown = harness("calibrate", "--samples", "samples.json")
    assert (shown.code, "Missing option '--reason'" in shown.err) == (2, True)
    assert written(tested) == before


def test_a_class_is_chosen_with_a_reason_and_taken_back(tested, harness):
    words = ("calibrate", "test_waves/test_power", "--array", "power")
    shown = harness(*words, "--class", "report-only", "--reason", "it is a draft", "--json")
    assert shown.code == 0, shown.err
    array = json.loads(shown.out)["tolerances"]["test_waves/test_power"]["arrays"]["power"]
    assert (array["class"], array["reason"]) == ("report-only", "it is a draft")
    assert run_pytest(tested, "-k", "power", SHIFT="0.5").returncode == 0
    assert harness(*words, "--class", "automatic", "--reason", "it is not").code == 0
    assert run_pytest(tested, "-k", "power", SHIFT="0.5").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--samples",), "NAME"),
        (("x", "--samples", "--class", "exact"), "exclude"),
        (("x", "--array", "power"), "--class"),
        (("test_waves/test_power", "--class", "exact", "--array", "no"), "--array no"),
        (("test_waves/test_energy.metrics", "--class", "exact"), "Measure them first"),
        (("--samples", "none.json"), "--golden-samples FILE"),
    ],
)
def test_wrong_words_change_nothing(tested, harness, arguments, problem):
    before = written(tested)
    shown = harness("calibrate", *arguments, "--reason", "why")
    assert (shown.code, written(tested)) == (2, before)
    assert problem in shown.err


def test_tolerances_go_with_their_golden_file(tested, harness):
    """A rename takes them along, a removal too."""
    assert harness("mv", "test_waves/test_power", "test_waves/test_light", "--reason", "a name").code == 0
    assert (tested / "golden" / "test_waves" / "test_light.tolerances.json").is_file()
    assert harness("rm", "test_waves/test_light", "--force", "--reason", "done").code == 0
    assert not list((tested / "golden" / "test_waves").glob("test_light*"))
    assert harness("verify").code == 0


def test_ci_does_not_measure(tested, harness, run_harness):
    before = written(tested)
    shown = run_harness(
        "calibrate", "--quick", "--reason", "why", cwd=tested, env={**os.environ, "CI": "true"}
    )
    assert (shown.code, written(tested)) == (2, before)
