"""``harness run`` as a user types it."""

from __future__ import annotations

import json
import os

STEPS = ["generate waves", "compare waves", "verify registry", "pipeline smooth"]


def test_every_step_is_shown_and_no_golden_file_is_written(project, harness):
    before = {file: file.read_bytes() for file in (project / "golden").iterdir()}
    shown = harness("run")
    assert shown.code == 0, shown.out + shown.err
    headings = [line.partition(" (")[0] for line in shown.out.splitlines() if line.endswith(" s)")]
    assert headings[:-1] == [f"{step}: same" for step in STEPS]
    assert headings[-1] == "verdict: all steps passed"
    assert max(map(len, shown.out.splitlines())) <= 80
    assert {file: file.read_bytes() for file in (project / "golden").iterdir()} == before


def test_json_has_every_step(project, harness):
    result = json.loads(harness("run", "--json").out)
    assert result["accepted"] is True
    assert [(step["name"], step["outcome"]) for step in result["steps"]] == [(step, "same") for step in STEPS]
    assert result["steps"][-1]["metrics"][0]["name"] == "roughness"


def test_a_metric_that_drifted_exits_with_1(project, harness):
    """An unexpected gain is reported too, with the metric, its distance and the step."""
    shown = harness("run", env={**os.environ, "BIAS": "0.25"})
    assert shown.code == 1
    assert "unexpectedly better" in shown.out
    assert "verdict: pipeline smooth: drifted" in shown.out


def test_a_pipeline_that_is_no_better_than_its_control_has_collapsed(project, harness):
    shown = harness("run", env={**os.environ, "BIAS": "-0.5"})
    assert shown.code == 1
    assert "collapsed" in shown.out


def test_a_generator_that_changed_exits_with_1(project, harness):
    module = project / "waves.py"
    module.write_text(module.read_text().replace("np.sin", "np.cos"))
    shown = harness("run")
    assert shown.code == 1
    assert "compare waves: drifted" in shown.out


def test_a_pipeline_without_a_baseline_exits_with_2(project, harness):
    shown = harness("run", "--pipeline", "bogus")
    assert (shown.code, shown.err) == (
        2,
        (
            "harness: pipeline 'bogus' has no baseline. "
            'Record one with `harness calibrate bogus --reason "..."`.\n'
        ),
    )


def test_output_keeps_the_files(project, harness):
    assert harness("run", "--output", "out").code == 0
    assert (project / "out" / "waves.npz").read_bytes() == (project / "golden" / "waves.npz").read_bytes()
    assert (project / "out" / "smooth" / "smooth.txt").is_file()


def test_a_broken_generator_does_not_end_the_run(project, harness):
    """It is reported, all other steps follow, and the exit status says that the run could not tell."""
    module = project / "waves.py"
    module.write_text(
        module.read_text().replace("t = np.arange", "raise OSError('no disk')\n    t = np.arange")
    )
    shown = harness("run")
    assert shown.code == 2
    assert "generate waves: missing" in shown.out
    assert "the project's code raised OSError: no disk (waves.py, line" in " ".join(shown.out.split())
    assert "pipeline smooth: same" in shown.out
    assert "compare waves" not in shown.out


def test_a_control_without_a_margin_is_compared_too(project, harness):
    """A pipeline got a second control since its baseline was measured, and is not ahead of it."""
    module = project / "waves.py"
    controls = '{"flat": {"roughness": 0.0}, "noise": {"roughness": 9.0}}'
    module.write_text(module.read_text().replace('{"flat": {"roughness": 0.0}}', controls))
    shown = harness("run")
    assert shown.code == 1
    assert "roughness: collapsed: expected a value above control 'noise' (9)" in shown.out


def needing_a_package(project, *, optional):
    """Let the pipeline with a baseline need a package that is not installed."""
    module = project / "waves.py"
    module.write_text(
        module.read_text()
        + "\nfrom harness import DependencyError\n"
        + "def _require():\n"
        + "    what = {'expected': 'it', 'found': 'none', 'remedy': 'Install it with `pip`.'}\n"
        + "    raise DependencyError('theirs', **what)\n"
        + "smooth.require = _require\n"
    )
    settings = project / "pyproject.toml"
    line = '\n[tool.harness]\noptional = ["smooth"]\n' if optional else "\n"
    settings.write_text(line + settings.read_text())


def test_a_pipeline_whose_package_is_missing_exits_with_2_and_the_other_steps_run(project, harness):
    needing_a_package(project, optional=False)

    shown = harness("run")

    assert shown.code == 2
    assert "verify registry: same" in shown.out
    assert "pipeline smooth: missing" in shown.out
    assert "Install it with `pip`." in " ".join(shown.out.split())


def test_an_optional_pipeline_whose_package_is_missing_is_named_and_left_out(project, harness):
    needing_a_package(project, optional=True)

    shown = harness("run")

    assert shown.code == 0, shown.out + shown.err
    assert "not run: smooth (optional): theirs: expected it, found none." in " ".join(shown.out.split())
    assert "verdict: all steps passed; 1 optional pipeline not run" in shown.out
    result = json.loads(harness("run", "--json").out)
    assert [one["pipeline"] for one in result["not_run"]] == ["smooth"]
    assert result["accepted"] is True


def test_an_optional_pipeline_that_is_asked_for_by_name_must_be_there(project, harness):
    needing_a_package(project, optional=True)

    shown = harness("run", "--pipeline", "smooth")

    assert shown.code == 2
    assert shown.err == "harness: theirs: expected it, found none. Install it with `pip`.\n"
    assert "generate waves" not in shown.out
