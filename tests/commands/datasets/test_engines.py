"""``harness engines`` as a user types it."""

from __future__ import annotations

import importlib.util
import json
import os

import pytest

CALL = ("engines", "golden/waves.npz", "--engine", "smooth")


def test_the_table_fits_and_names_what_ran(project, harness):
    shown = harness(*CALL)

    assert shown.code == 0, shown.err
    assert "smooth" in shown.out
    assert "ahead" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


def test_output_keeps_table_and_figures(project, harness):
    shown = harness(*CALL, "--output", "out", "--runs", "2")

    assert shown.code == 0, shown.err
    assert "table: out/engines.md" in shown.out
    assert (project / "out" / "engines.md").read_text().startswith("| pipeline | seconds |")
    kept = json.loads((project / "out" / "engines.json").read_text())
    assert [(one["pipeline"], one["runs"]) for one in kept["engines"]] == [("smooth", 2)]


def test_json_is_one_document(project, harness):
    result = json.loads(harness(*CALL, "--json", "--seconds", "2", "--clock", "cpu").out)

    assert result["accepted"] is True
    assert (result["seconds"], result["clock"]) == (2.0, "cpu")
    assert result["engines"][0]["metrics"]["roughness"] > 0


def test_a_pipeline_that_is_not_ahead_of_its_controls_exits_with_1(project, harness):
    shown = harness(*CALL, env={**os.environ, "BIAS": "-0.5"})

    assert shown.code == 1
    assert "smooth is not ahead of its controls in roughness" in shown.out


def test_an_unknown_engine_exits_with_2(project, harness):
    shown = harness("engines", "golden/waves.npz", "--engine", "bogus")

    assert shown.code == 2
    assert "pipeline 'bogus'" in shown.err


@pytest.mark.parametrize("name", ["cdtools", "ptychi-bh"])
def test_a_named_engine_that_is_not_installed_exits_with_2(project, harness, name):
    module = name.partition("-")[0]
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed here")

    shown = harness("engines", "golden/waves.npz", "--engine", name)

    assert shown.code == 2
    assert f"pip install 'golden-harness[ptycho,{module}]'" in shown.err


def test_an_engine_that_fails_is_named_and_exits_with_1(project, harness):
    module = project / "waves.py"
    module.write_text(
        module.read_text()
        + "\nfrom harness import HarnessError\n"
        + "def broken(fixture, output, **_):\n"
        + "    raise HarnessError('broken', expected='a', found='b', remedy='Fix it.')\n"
    )
    settings = project / "pyproject.toml"
    settings.write_text(settings.read_text().replace('kept = "', 'broken = "waves:broken"\nkept = "'))

    shown = harness(*CALL, "--engine", "broken")

    assert shown.code == 1
    assert "broken failed: broken: expected a, found b. Fix it." in " ".join(shown.out.split())
    assert "smooth" in shown.out
