"""The directory for what is not golden: git does not see it."""

from __future__ import annotations

import subprocess

from harness.core.storage.workspace import workspace


def test_workspace_is_ignored_by_git(tmp_path):
    """What is not golden is no stranger to git."""
    workspace(tmp_path)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    shown = subprocess.run(
        ["git", "-C", str(tmp_path), "status", "--porcelain"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == ""
