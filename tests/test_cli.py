"""The command line, typed as a user of another field types it: a project of its own, no ptychography."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from harness.commands import group as verbs

VERBS = [
    "add",
    "audit",
    "calibrate",
    "check",
    "diff",
    "generate",
    "install-git",
    "merge-registry",
    "reconstruct",
    "recover",
    "reproduce",
    "run",
    "sensitivity",
    "textconv",
    "verify",
]

PROJECT = """
[tool.harness.generators]
waves = "waves:waves"

[tool.harness.pipelines]
smooth = "waves:smooth"

[tool.harness.checks]
finite = "waves:finite"
"""

MODULE = """
import json
import os
from pathlib import Path
import numpy as np
from harness.core.storage.npz import read_archive
from harness.core.domain.interface import CheckReport, Finding, PipelineResult, Stage
from harness.core.fixtures.fixture import Fixture, make_fixture
from harness.core.fixtures.manifest import Generator, Source

def waves(*, count: int = 8, frequency: float | None = 0.5) -> Fixture:
    t = np.arange(count * 16.0).reshape(count, 16)
    arrays = {"wave": np.sin((frequency or 0) * t), "time": t}
    call = Generator("waves:waves", 1, {"count": count, "frequency": frequency})
    return make_fixture("waves", arrays, generator=call, source=Source("simulated", "xxh128:0"))

def smooth(fixture, output, *, seed=0, threads=None, progress=None):
    wave = read_archive(fixture)["wave"]
    bias = float(os.environ.get("BIAS", "0")) + (threads or 1) * 1e-9
    metrics = {"roughness": float(np.abs(np.diff(wave)).mean()) + bias}
    output.mkdir(parents=True, exist_ok=True)
    (output / "smooth.txt").write_text("done")
    return PipelineResult("smooth", metrics, {"flat": {"roughness": 0.0}}, (Stage("smooth", 0.1, 10.0),),
                          {"smooth": output / "smooth.txt"}, {"roughness": "higher"})

def finite(arrays):
    findings = tuple(Finding("finite", k, "finite values", "NaN", "Mend it.") for k, v in arrays.items()
                     if not np.isfinite(v).all())
    return CheckReport("finite", findings, {"arrays": float(len(arrays))}, ("a note",))
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory, run_harness):
    """A project with a golden fixture and a calibrated baseline, made with the command line alone."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "waves.py").write_text("from __future__ import annotations\n" + MODULE)
    for line in (
        "generate waves --output golden",
        "add golden/waves.npz golden/waves.json --reason first",
        "calibrate smooth --runs 3 --reason first",
    ):
        done = run_harness(*line.split(), cwd=folder)
        assert done.code == 0, done.err
    return folder


@pytest.fixture
def project(template, tmp_path):
    """A copy of that project, the test's own."""
    return shutil.copytree(template, tmp_path, dirs_exist_ok=True)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example_and_json(harness, verb):
    """``--help`` of each verb shows an example that begins with the verb, and names --json."""
    shown = harness(verb, "--help")
    assert shown.code == 0
    assert f"  harness {verb} " in shown.out.partition("Example")[2].replace(
        "harness verify\n", "harness verify \n"
    )
    assert "--json" in shown.out


def test_help_lists_every_verb(harness):
    """The group's help names all verbs, and these are all."""
    shown = harness("--help")
    assert shown.code == 0
    assert all(f"\n  {verb} " in shown.out for verb in VERBS)
    assert sorted(verbs._VERBS) == VERBS


def test_unknown_verb_and_option_are_usage_errors(harness):
    """What the command line does not know ends with 2 and says where help is."""
    assert harness("bogus").code == 2
    assert harness("verify", "--bogus").code == 2
    assert "harness verify --help" in harness("verify", "--bogus").err


@pytest.mark.parametrize(("change", "code"), [("none", 0), ("missing", 1), ("broken", 2)])
def test_verify_says_the_same_with_and_without_options(project, harness, change, code):
    """Without any, it starts another way."""
    if change == "missing":
        (project / "golden").rename(project / "elsewhere")
    elif change == "broken":
        (project / "registry.json").write_text("{")
    plain, optional = harness("verify"), harness("verify", "--root", project)
    assert plain.code == code
    assert (plain.code, plain.out, plain.err) == (optional.code, optional.out, optional.err)


def test_verify_accepts_what_is_registered(project, harness):
    """Exit 0 where every file is what the registry says."""
    shown = harness("verify")
    assert (shown.code, shown.out) == (0, "3 of 3 golden files match the registry.\n")


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (lambda golden: (golden / "waves.npz").unlink(), "missing: golden/waves.npz"),
        (lambda golden: (golden / "waves.json").write_text("{}"), "corrupt: golden/waves.json"),
        (lambda golden: (golden / "waves.npz").write_bytes(b"PK"), "corrupt: golden/waves.npz"),
        (lambda golden: (golden / "stray.npz").write_bytes(b""), "unregistered: golden/stray.npz"),
    ],
)
def test_verify_finds_harm(project, harness, harm, word):
    """Exit 1, the file by name, and the command that mends it."""
    harm(project / "golden")
    shown = harness("verify")
    assert shown.code == 1
    assert word in shown.out
    assert "`" in shown.out
    told = json.loads(harness("verify", "--json").out)
    assert [v["outcome"] for v in told].count("same") in {2, 3}


def test_verify_without_a_registry_has_no_answer(tmp_path, harness):
    """Exit 2 where nothing can be told: no registry, or one that is damaged."""
    assert harness("verify").code == 2
    (tmp_path / "registry.json").write_text('{"schema": 1, "entries": {"a": 1}}')
    shown = harness("verify")
    assert shown.code == 2
    assert "$.entries" in shown.err
    (tmp_path / "registry.json").write_text('{"schema": 99}')
    assert "Upgrade" in harness("verify").err


def test_diff_has_three_exit_codes(project, harness):
    """0 for the same, 1 for drift with its place, 2 for a file that is none."""
    golden = project / "golden" / "waves.npz"
    assert harness("diff", golden, golden).code == 0
    with np.load(golden) as archive:
        arrays = dict(archive)
    arrays["wave"][2, 3] += 1e-3
    np.savez(project / "other.npz", **arrays)
    shown = harness("diff", golden, "other.npz")
    assert shown.code == 1
    assert "wave: 1 of 128 elements differ" in shown.out
    assert "[2, 3]: expected " in shown.out
    assert harness("diff", golden, "other.npz", "--atol", "2e-3").code == 0
    assert harness("diff", golden, "nothing.npz").code == 2
    told = json.loads(harness("diff", golden, "other.npz", "--json").out)
    assert told["accepted"] is False
    assert [a["differing"] for a in told["arrays"]] == [0, 1]


def test_exact_diff_sees_the_last_bit(project, harness):
    """One ULP is within the dtype's tolerance, and not the same under --exact."""
    golden = project / "golden" / "waves.npz"
    with np.load(golden) as archive:
        arrays = dict(archive)
    arrays["time"][1, 1] = np.nextafter(arrays["time"][1, 1], 100)
    np.savez(project / "other.npz", **arrays)
    shown = harness("diff", golden, "other.npz")
    assert (shown.code, shown.out) == (0, "2 arrays, within tolerance; 1 elements are not the same.\n")
    assert harness("diff", golden, "other.npz", "--exact").code == 1


def test_generate_takes_the_parameters_of_the_generator(project, harness):
    """Options are the generator's own parameters, typed by its annotations; the manifest records them."""
    shown = harness("generate", "waves", "--count", "4", "--frequency", "none", "--output", "out", "--json")
    assert shown.code == 0, shown.err
    told = json.loads(shown.out)
    assert told["manifest"]["generator"]["parameters"] == {"count": 4, "frequency": None}
    assert sorted(file.name for file in (project / "out").iterdir()) == ["waves.json", "waves.npz"]


@pytest.mark.parametrize(
    "arguments", [("waves", "--count", "many"), ("nothing",), ("waves", "--source", "scan.npz")]
)
def test_generate_refuses_what_it_cannot_call(project, harness, arguments):
    """A wrong value, an unknown generator, a source where none is read: exit 2, nothing written."""
    shown = harness("generate", *arguments, "--output", "out")
    assert shown.code == 2
    assert shown.err.startswith("harness: ")
    assert not (project / "out").exists()


def test_check_runs_every_check(project, harness):
    """Findings of the project's own check end with 1, with key, expected, found and the next step."""
    np.savez(project / "bad.npz", wave=np.array([1.0, np.nan]))
    told = json.loads(harness("check", "bad.npz", "--json").out)
    mine = next(report for report in told if report["check"] == "finite")
    assert mine["findings"] == [
        {"check": "finite", "key": "wave", "expected": "finite values", "found": "NaN", "remedy": "Mend it."}
    ]
    assert harness("check", "bad.npz").code == 1
    assert harness("check", "nothing.npz").code == 2


def test_add_refuses_a_file_elsewhere(project, harness):
    """Only files below golden/ are registered, and only with a reason."""
    (project / "stray.txt").write_text("x")
    assert harness("add", "stray.txt", "--reason", "why").code == 1
    assert harness("add", "golden/waves.npz").code == 2


@pytest.mark.parametrize("line", ["add golden/waves.npz --reason r", "calibrate smooth --runs 2 --reason r"])
def test_verbs_that_write_refuse_in_ci(project, harness, line):
    """Where the environment says CI, nothing golden is written from the command line either."""
    before = (project / "registry.json").read_bytes()
    shown = harness(*line.split(), env={**os.environ, "CI": "true"})
    assert shown.code == 2
    assert "CI is set" in shown.err
    assert (project / "registry.json").read_bytes() == before


def test_recover_ends_an_interrupted_regeneration(project, harness):
    """Verify names the state, recover ends it, and without one it says so."""
    assert "no regeneration was interrupted" in harness("recover").out
    journal = project / ".harness" / "transaction" / "journal.json"
    journal.parent.mkdir()
    journal.write_text('{"schema": 1, "steps": []}')
    shown = harness("verify")
    assert shown.code == 1
    assert "interrupted: regeneration" in shown.out
    assert harness("recover", "--back").code == 0
    assert harness("verify").code == 0


def test_calibrate_records_samples_and_conditions(project):
    """The baseline holds a tolerance that covers its samples, and where they were taken."""
    baseline = json.loads((project / "golden" / "waves.smooth.json").read_bytes())
    metric = baseline["metrics"]["roughness"]
    assert len(metric["samples"]) == 3
    assert len(metric["seeds"]) == baseline["certificate"]["runs"] - 3
    assert all(abs(sample - metric["value"]) <= metric["tolerance"] for sample in metric["samples"])
    assert [c["threads"] for c in baseline["certificate"]["conditions"][:3]] == ["1", "2", "1"]
    assert baseline["controls"]["flat"]["roughness"]["margin"] == pytest.approx(metric["value"] / 2)


def test_run_walks_from_generator_to_verdict(project, harness):
    """The whole walk is accepted, step by step, and writes nothing golden."""
    before = {file: file.read_bytes() for file in (project / "golden").iterdir()}
    shown = harness("run")
    assert shown.code == 0, shown.out + shown.err
    for step in ("generate waves", "compare waves", "verify registry", "pipeline smooth"):
        assert step in shown.out
    assert "verdict: every step is accepted" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    assert {file: file.read_bytes() for file in (project / "golden").iterdir()} == before
    told = json.loads(harness("run", "--json").out)
    assert [step["outcome"] for step in told["steps"]] == ["same", "same", "same", "same"]


def test_run_names_the_metric_that_drifted(project, harness):
    """A pipeline that changed ends with 1 and names metric, baseline, tolerance and distance."""
    shown = harness("run", env={**os.environ, "BIAS": "0.25"})
    assert shown.code == 1
    assert "off by +0.25, unexpectedly better" in shown.out
    assert "verdict: pipeline smooth: drifted" in shown.out


def test_run_names_a_collapse(project, harness):
    """A pipeline that no longer beats its control is named collapsed."""
    shown = harness("run", env={**os.environ, "BIAS": "-0.5"})
    assert shown.code == 1
    assert "collapsed" in shown.out


def test_run_refuses_an_unknown_pipeline(project, harness):
    """A pipeline without a baseline is named, with the command that records one."""
    shown = harness("run", "--pipeline", "bogus")
    assert shown.code == 2
    assert "harness calibrate bogus" in shown.err


def test_reconstruct_shows_metrics_beside_controls(project, harness):
    """Metrics and controls on one line; what it wrote is kept where the user says."""
    shown = harness("reconstruct", "golden/waves.npz", "--pipeline", "smooth", "--output", "out")
    assert shown.code == 0, shown.err
    assert "roughness" in shown.out
    assert "flat" in shown.out
    assert (project / "out" / "smooth.txt").is_file()
    told = json.loads(harness("reconstruct", "golden/waves.npz", "--pipeline", "smooth", "--json").out)
    assert told["controls"] == {"flat": {"roughness": 0.0}}


def test_torch_missing_is_one_clear_error(tmp_path, harness):
    """Without torch a pipeline says how to install it, with exit 2; core and verify work."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['torch'] = None")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    np.savez(tmp_path / "any.npz", a=np.zeros(3))
    (tmp_path / "registry.json").write_text('{"schema": 1, "entries": {}}')
    assert harness("verify", env=env).code == 0
    for pipeline in ("network", "iterative"):
        shown = harness("reconstruct", "any.npz", "--pipeline", pipeline, env=env)
        assert shown.code == 2
        assert "pip install 'golden-harness[ptycho]'" in shown.err


def test_missing_permission_is_a_message(tmp_path, harness):
    """An output directory that is a file is refused by name."""
    (tmp_path / "out").write_text("a file")
    shown = harness("generate", "minimal_v1", "--output", "out")
    assert shown.code == 2
    assert "out" in shown.err


def test_console_script_is_installed():
    """The distribution brings a ``harness`` command."""
    from importlib import metadata

    scripts = metadata.entry_points(group="console_scripts")
    assert [point.value for point in scripts if point.name == "harness"] == ["harness.cli:main"]
    assert shutil.which("git"), "git is needed by the tests"
