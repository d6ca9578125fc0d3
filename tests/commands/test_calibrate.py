"""``harness calibrate`` as a user types it."""

from __future__ import annotations

import json

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
    lines = shown.out.splitlines()
    assert lines[0].startswith("smooth 1/3: 1 thread, native kernels; about ")
    assert lines[1].startswith("smooth 2/3: 2 threads, ")
    assert ", seed " in lines[2]
    assert lines[2].endswith("; about 0 s left")
    assert lines[3] == "recorded waves.smooth"
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
    assert (shown.code, shown.err) == (
        2,
        (
            "harness: no pipeline is named, and waves.npz has no baseline. "
            "Name a pipeline: `harness calibrate PIPELINE`.\n"
        ),
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
