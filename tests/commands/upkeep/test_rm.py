"""``harness rm`` as a user types it."""

from __future__ import annotations

import json
import os

import pytest

from harness.core.registry.registry import read_registry
from harness.core.registry.unreferenced import remember
from harness.core.storage.project import Project


def registered(folder) -> set[str]:
    return set(read_registry(folder / "registry.json").entries)


def test_a_fixture_with_a_baseline_is_refused_until_both_are_named(project, harness):
    before = registered(project)
    shown = harness("rm", "waves", "--reason", "replaced")
    assert shown.code == 1
    assert "would lose the fixture that it was measured on" in shown.err
    assert "--baselines" in shown.err
    assert registered(project) == before
    assert harness("rm", "waves", "--baselines", "--reason", "replaced").code == 0
    assert registered(project) == set()
    assert [path.name for path in (project / "golden").iterdir()] == ["history.jsonl"]
    assert harness("verify").code == 0


def test_a_baseline_is_removed_by_its_name(project, harness):
    shown = harness("rm", "waves.smooth", "--reason", "slow")
    assert (shown.code, shown.out.splitlines()[0]) == (0, "removed golden/waves.smooth.json")
    assert registered(project) == {"golden/waves.json", "golden/waves.npz"}


def test_a_path_from_the_current_directory_is_understood(project, run_harness):
    shown = run_harness("rm", "waves.smooth.json", "--reason", "slow", cwd=project / "golden")
    assert (shown.code, shown.err) == (0, "")


def test_a_dry_run_changes_nothing(project, harness):
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    shown = harness("rm", "waves", "--baselines", "--dry-run", "--json")
    assert shown.code == 0
    document = json.loads(shown.out)
    assert document == {
        "schema": 1,
        "verb": "rm",
        "removed": ["golden/waves.json", "golden/waves.npz", "golden/waves.smooth.json"],
        "dry_run": True,
    }
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["waves.smooth"], "Missing option '--reason'"),
        (["--reason", "r"], "Missing argument"),
        (["waves", "--unreferenced", "--reason", "r"], "not both"),
        (["nothing", "--reason", "r"], "no golden file is called 'nothing'"),
        (["--unreferenced", "--reason", "r"], "not known which golden files are unreferenced"),
    ],
)
def test_a_wrong_command_line_is_2(project, harness, words, problem):
    before = registered(project)
    shown = harness("rm", *words)
    assert shown.code == 2
    assert problem in shown.err
    assert registered(project) == before


def test_ci_is_refused(project, harness):
    shown = harness("rm", "waves.smooth", "--reason", "r", env={**os.environ, "CI": "true"})
    assert shown.code == 2
    assert "CI is set" in shown.err


def test_a_changed_file_needs_force(project, harness):
    (project / "golden" / "waves.smooth.json").write_text("{}")
    shown = harness("rm", "waves.smooth", "--reason", "r")
    assert shown.code == 1
    assert "nothing could restore it" in shown.err
    assert harness("rm", "waves.smooth", "--reason", "r", "--force").code == 0


def test_unreferenced_files_are_removed_after_a_complete_run(project, harness):
    remember(Project(project), ["golden/waves.smooth.json"])
    shown = harness("rm", "--unreferenced", "--reason", "no test uses it")
    assert (shown.code, shown.out.splitlines()[0]) == (0, "removed golden/waves.smooth.json")
    assert harness("rm", "--unreferenced", "--reason", "again").code == 2  # the registry has changed


def test_a_run_that_used_everything_leaves_nothing_to_remove(project, harness):
    remember(Project(project), [])
    shown = harness("rm", "--unreferenced", "--reason", "r")
    assert (shown.code, shown.out) == (0, "no golden file is unreferenced\n")


def test_pytest_tells_what_is_unreferenced_and_the_audit_who_removed_it(traced, harness, run_pytest, git):
    """From the test that is deleted to the commit and its revert."""
    suite = (traced / "test_waves.py").read_text()
    (traced / "test_waves.py").write_text(suite.partition("def test_scanned")[0])
    assert run_pytest(traced).returncode == 0
    assert harness("rm", "--unreferenced", "--reason", "the scan is gone").code == 0
    assert registered(traced) == {"golden/waves.json", "golden/waves.npz"}
    git("add", "-A")
    git("commit", "-qm", "Remove the scan")
    audit = harness("audit")
    assert "0 broken, 0 weak" in audit.out
    assert "the scan is gone" in audit.out
    git("revert", "--no-edit", "HEAD")
    assert "0 broken, 0 weak" in harness("audit").out
    assert run_pytest(traced).returncode == 0
