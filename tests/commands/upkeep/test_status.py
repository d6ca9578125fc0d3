"""``harness status`` as a user types it."""

from __future__ import annotations

import json

import pytest


def test_a_page_ends_with_the_command_to_type(project, harness):
    shown = harness("status")
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[0].startswith("golden files: ")
    assert lines[-1] == "next: pytest"
    assert any(": first" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_missing_file_is_1(project, harness):
    (project / "golden" / "waves.npz").unlink()
    shown = harness("status")
    assert shown.code == 1
    assert "  missing: golden/waves.npz: " in shown.out


def test_no_project_is_2(harness):
    shown = harness("status", "--json")
    assert shown.code == 2
    assert json.loads(shown.out)["error"]["kind"] == "UsageError"


def test_a_damaged_history_is_2(project, harness):
    (project / "golden" / "history.jsonl").write_text("{\n")
    shown = harness("status")
    assert shown.code == 2
    assert "cannot be read" in shown.out


def test_json_has_the_keys_of_the_documentation(project, harness):
    document = json.loads(harness("status", "--json").out)
    assert (document["schema"], document["verb"]) == (1, "status")
    assert document.keys() - {"schema", "verb"} == {
        "verdicts",
        "recordings",
        "unreferenced",
        "uncalibrated",
        "interrupted",
        "obstacle",
        "next",
    }
    assert document["recordings"][0].keys() == {"at", "by", "reason", "paths", "what"}
    assert (document["unreferenced"], document["interrupted"], document["next"]) == (None, False, "pytest")


def test_quiet_prints_the_next_command_alone(project, harness):
    assert harness("status", "-q").out == "next: pytest\n"
    assert len(harness("status", "-v").out) >= len(harness("status").out)


def test_nothing_of_numpy_or_the_project_is_imported(project, harness):
    """The page is read from the registry, the history and the digests of files."""
    (project / "sitecustomize.py").write_text("raise SystemExit('imported')\n")
    (project / "numpy.py").write_text("raise SystemExit('imported')\n")
    assert harness("status").code == 0


def test_github_shows_warnings_after_errors(project, harness, monkeypatch):
    """Baselines of a single run, and files that no test used, need attention and are not wrong."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (project / "golden" / "waves.npz").unlink()
    shown = harness("status", "--format", "github")
    assert shown.code == 1
    assert shown.out.splitlines()[0].startswith("::error file=golden/waves.npz")
    assert shown.out.splitlines()[-1].startswith("harness status: 1 error")


@pytest.mark.parametrize("form", ["junit", "sarif", "json"])
def test_documents_have_the_exit_code_of_the_page(project, harness, form):
    assert harness("status", "--format", form).code == 0
    (project / "golden" / "waves.npz").unlink()
    shown = harness("status", "--format", form)
    assert (shown.code, shown.err) == (1, "")
    assert "golden/waves.npz" in shown.out
