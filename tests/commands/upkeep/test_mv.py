"""``harness mv`` as a user types it."""

from __future__ import annotations

import json
import os

import pytest

from harness.core.registry.registry import read_registry


def registered(folder) -> set[str]:
    return set(read_registry(folder / "registry.json").entries)


def test_a_fixture_moves_with_all_that_is_named_after_it(project, harness):
    shown = harness("mv", "waves", "optics/ripples", "--reason", "clearer")
    assert shown.code == 0
    assert shown.out.splitlines()[0] == "renamed golden/waves.json -> golden/optics/ripples.json"
    assert registered(project) == {
        "golden/optics/ripples.json",
        "golden/optics/ripples.npz",
        "golden/optics/ripples.smooth.json",
    }
    assert harness("verify").code == 0


def test_paths_from_the_current_directory_are_understood(project, run_harness):
    shown = run_harness("mv", "waves.npz", "ripples.npz", "--reason", "r", cwd=project / "golden")
    assert (shown.code, shown.err) == (0, "")
    assert "golden/ripples.npz" in registered(project)
    shown = run_harness("mv", "golden/ripples.npz", "golden/old/", "--reason", "r", cwd=project)
    assert (shown.code, shown.err) == (0, "")
    assert "golden/old/ripples.npz" in registered(project)


def test_a_dry_run_changes_nothing(project, harness):
    before = registered(project)
    document = json.loads(harness("mv", "waves.smooth", "waves.rough", "--dry-run", "--json").out)
    assert document == {
        "schema": 1,
        "verb": "mv",
        "moved": [{"old": "golden/waves.smooth.json", "new": "golden/waves.rough.json"}],
        "dry_run": True,
    }
    assert registered(project) == before


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["waves", "ripples"], 2, "Missing option '--reason'"),
        (["nothing", "ripples", "--reason", "r"], 2, "no golden file is called 'nothing'"),
        (["waves", "waves", "--reason", "r"], 2, "the name that it has"),
        (["waves", "../waves", "--reason", "r"], 2, "is not valid"),
        (["waves", "Waves", "--reason", "r"], 2, "differ only by case"),
    ],
)
def test_what_cannot_be_renamed_is_refused(project, harness, words, code, problem):
    before = registered(project)
    shown = harness("mv", *words)
    assert shown.code == code
    assert problem in shown.err
    assert registered(project) == before


def test_ci_is_refused(project, harness):
    shown = harness("mv", "waves", "ripples", "--reason", "r", env={**os.environ, "CI": "true"})
    assert shown.code == 2
    assert "CI is set" in shown.err


def test_the_audit_follows_a_renamed_fixture_also_after_a_revert(traced, harness, run_pytest, git):
    """The test's name for it is changed in the same commit."""
    assert harness("mv", "waves", "optics/ripples", "--reason", "clearer").code == 0
    module = (traced / "waves.py").read_text()
    (traced / "waves.py").write_text(module.replace('make_fixture("waves"', 'make_fixture("optics/ripples"'))
    assert run_pytest(traced).returncode == 0
    git("add", "-A")
    git("commit", "-qm", "Rename the waves")
    audit = harness("audit")
    assert "0 broken, 0 weak" in audit.out
    assert "renamed to golden/optics/ripples.npz" in audit.out
    assert harness("reproduce", "optics/ripples").code == 0
    git("revert", "--no-edit", "HEAD")
    assert "0 broken, 0 weak" in harness("audit").out
    assert run_pytest(traced).returncode == 0


SUITE = """
import numpy as np

def test_spectrum(arrays_regression):
    arrays_regression.check({"power": np.abs(np.fft.rfft(np.arange(8.0)))})
"""


def test_golden_arrays_follow_a_renamed_test(tmp_path, harness, run_pytest):
    """The manifest names the new test, so that it can be run again."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (tmp_path / "test_waves.py").write_text(SUITE)
    assert run_pytest(tmp_path, "--regen-all", "--golden-reason", "first").returncode == 0
    (tmp_path / "test_waves.py").write_text(SUITE.replace("test_spectrum", "test_power"))
    done = run_pytest(tmp_path)
    assert done.returncode == 1
    assert "renamed: `harness mv test_waves/test_spectrum test_waves/test_power --reason" in done.stdout
    shown = harness("mv", "test_waves/test_spectrum", "test_waves/test_power", "--reason", "clearer")
    assert (shown.code, shown.err) == (0, "")
    assert run_pytest(tmp_path).returncode == 0
    assert harness("reproduce").code == 0


def test_golden_files_follow_a_renamed_module(tmp_path, harness, run_pytest):
    """All of them by one command, as one change of the registry."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (tmp_path / "tests").mkdir()
    suite = (
        SUITE + "\n\ndef test_energy(metrics_regression):\n    metrics_regression.check({'energy': 1.5})\n"
    )
    (tmp_path / "tests" / "test_waves.py").write_text(suite)
    assert run_pytest(tmp_path, "--regen-all", "--golden-reason", "first").returncode == 0
    (tmp_path / "tests" / "test_waves.py").rename(tmp_path / "tests" / "test_light.py")
    done = run_pytest(tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("`harness mv tests/test_waves.py tests/test_light.py --reason") == 2
    shown = harness("mv", "tests/test_waves.py", "tests/test_light.py", "--reason", "clearer")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.count("renamed golden/tests/test_waves/") == 3
    assert run_pytest(tmp_path).returncode == 0
    assert harness("reproduce").code == harness("verify").code == 0
    assert not (tmp_path / "golden" / "tests" / "test_waves").exists()
