"""``harness reconstruct`` as a user types it."""

from __future__ import annotations

import json
import os

import numpy as np

CALL = ("reconstruct", "golden/waves.npz", "--pipeline", "smooth")


def test_metrics_are_shown_beside_their_controls(project, harness):
    """Also the stages; with --output the written files are kept and listed."""
    shown = harness(*CALL, "--output", "out")
    assert shown.code == 0, shown.err
    assert "roughness" in shown.out
    assert "flat" in shown.out
    assert shown.out.splitlines()[-2:] == ["smooth: out/smooth.txt", "next: harness run --pipeline smooth"]
    assert (project / "out" / "smooth.txt").read_text() == "done"
    assert max(map(len, shown.out.splitlines())) <= 80


def test_without_output_nothing_is_kept(project, harness):
    """The default fixture is the only golden one."""
    before = sorted(project.iterdir())
    shown = harness("reconstruct", "--pipeline", "smooth")
    assert shown.code == 0, shown.err
    assert "smooth.txt" not in shown.out
    assert [path for path in sorted(project.iterdir()) if path.name != "__pycache__"] == [
        path for path in before if path.name != "__pycache__"
    ]


def test_json_is_the_result(project, harness):
    result = json.loads(harness(*CALL, "--json").out)
    assert result["controls"] == {"flat": {"roughness": 0.0}}
    assert result["metrics"]["roughness"] > 0


def test_threads_reach_the_pipeline(project, harness):
    """The pipeline adds 1e-9 per thread; without the option it uses one."""

    def roughness(*options: str) -> float:
        return json.loads(harness(*CALL, *options, "--json").out)["metrics"]["roughness"]

    assert roughness("--threads", "1") == roughness()
    assert roughness("--threads", "3") > roughness()


def test_a_pipeline_that_does_not_beat_its_control_exits_with_1(project, harness):
    """The message has the metric, its value, the control's value and what to do."""
    env = {**os.environ, "BIAS": "-0.5"}
    shown = harness(*CALL, "--output", "out", env=env)
    assert shown.code == 1
    assert "roughness: collapsed: expected a value above control 'flat' (0), found -0." in shown.out
    assert "not better than a trivial one" in shown.out
    assert shown.out.splitlines()[-1] == "next: harness check golden/waves.npz"
    assert (project / "out" / "smooth.txt").is_file()
    result = json.loads(harness(*CALL, "--json", env=env).out)
    assert result["accepted"] is False
    assert [(one["name"], one["control"]) for one in result["collapsed"]] == [("roughness", "flat")]


def test_not_a_number_never_passes(project, harness):
    shown = harness(*CALL, env={**os.environ, "BIAS": "nan"})
    assert shown.code == 1
    assert "roughness: collapsed: expected a finite number, found not a number" in shown.out


def test_a_pipeline_without_controls_says_so(project, harness):
    shown = harness("reconstruct", "golden/waves.npz", "--pipeline", "kept")
    assert shown.code == 0, shown.err
    assert "the pipeline has no controls" in " ".join(shown.out.split())


def test_an_unknown_pipeline_or_file_exits_with_2(project, harness):
    for arguments, name in (
        (("--pipeline", "bogus"), "bogus"),
        (("nothing.npz", "--pipeline", "smooth"), "n"),
    ):
        shown = harness("reconstruct", *arguments)
        assert (shown.code, shown.out) == (2, "")
        assert name in shown.err


def test_without_torch_one_message_names_the_extra(tmp_path, harness):
    """The pipelines of ptychography need it; ``verify`` does not."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['torch'] = None")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    np.savez(tmp_path / "any.npz", a=np.zeros(3))
    for pipeline in ("network", "iterative"):
        shown = harness("reconstruct", "any.npz", "--pipeline", pipeline, env=env)
        assert shown.code == 2
        assert "pip install 'golden-harness[ptycho]'" in shown.err
