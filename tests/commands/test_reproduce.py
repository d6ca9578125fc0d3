"""``harness reproduce`` as a user types it, in a project in git."""

from __future__ import annotations

import json

import pytest


def test_every_fixture_is_reproduced(traced, harness):
    """Simulated, or made from a source file. No golden file is written."""
    before = {path: path.read_bytes() for path in (traced / "golden").iterdir()}
    shown = harness("reproduce")
    assert (shown.code, shown.out) == (0, "scanned: reproduced\nwaves: reproduced\n")
    assert {path: path.read_bytes() for path in (traced / "golden").iterdir()} == before


def test_a_drifted_fixture_exits_with_1(traced, harness):
    """The cause comes first; then all that differs, and where the arrays drifted."""
    module = traced / "waves.py"
    module.write_text(module.read_text().replace("np.sin", "np.cos"))
    shown = harness("reproduce", "waves")
    assert shown.code == 1
    lines = shown.out.splitlines()
    assert lines[0] == "waves: drifted: code"
    assert lines[1].startswith("  code: code: dirHash:")
    assert "  wave: 64 of 64 elements differ (100 %)" in lines
    (result,) = json.loads(harness("reproduce", "waves", "--json").out)["fixtures"]
    assert (result["result"], result["cause"]) == ("drifted", "code")
    assert "code of waves:waves has changed since it was recorded" in harness("audit").out


def test_a_missing_source_exits_with_2(traced, harness):
    """The option --source names the directory it is in, or the file."""
    (traced / "scans").rename(traced / "moved")
    shown = harness("reproduce")
    assert shown.code == 2
    assert "scanned: source missing" in shown.out
    assert "[tool.harness] sources" in shown.out
    assert harness("reproduce", "--source", "moved").code == 0
    assert harness("reproduce", "scanned", "--source", "moved/scan.bin").code == 0


def test_liveness_reports_a_parameter_without_effect(traced, harness):
    """It exits with 1: no array depends on the photons that the manifest records."""
    shown = harness("reproduce", "--liveness")
    assert shown.code == 1
    assert "  inert: photons = 1000000.0: 1001000.0 and 999000.0 make the same arrays\n" in shown.out
    assert "  live: count = 4: 5 makes other arrays\n" in shown.out
    assert "  live: scale = 2.0: 2.002 makes other arrays\n" in shown.out


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("os:system", {"command": "touch ran"}),
        ("subprocess:run", {"args": ["touch", "ran"]}),
        ("builtins:exec", {"source": "open('ran', 'w')"}),
        ("shutil:rmtree", {"path": "golden"}),
        ("waves:Path", {}),
        ("waves:make_fixture", {"name": "waves"}),
        ("waves:no_such_function", {}),
        ("no_such_module:waves", {}),
    ],
)
@pytest.mark.parametrize("verb", ["reproduce", "run"])
def test_a_manifest_cannot_name_what_the_project_does_not_define(traced, harness, verb, call, parameters):
    """It is refused, and nothing is run. A run goes on, and reports that the manifest was edited."""
    path = traced / "golden" / "waves.json"
    manifest = json.loads(path.read_bytes())
    manifest["generator"] |= {"call": call, "parameters": parameters}
    path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    shown = harness(verb, *(["waves"] if verb == "reproduce" else []))
    assert shown.code == {"reproduce": 2, "run": 1}[verb], shown.out + shown.err
    assert f"generator '{call}'" in shown.out + shown.err
    assert not list(traced.rglob("ran"))
    assert (traced / "golden" / "waves.npz").exists()
