"""The hook that other projects get with pre-commit runs where git does."""

from __future__ import annotations

from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="hooks are YAML, which pyyaml reads")

ROOT = Path(__file__).parents[2]
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))


def test_the_hook_takes_no_file_names_and_always_runs():
    """A golden file may be gone, so that no file in the commit says so."""
    assert (HOOK["id"], HOOK["language"]) == ("harness-verify", "python")
    assert (HOOK["pass_filenames"], HOOK["always_run"]) == (False, True)


def test_the_hook_stops_a_commit_that_does_not_match(checkout, type_at_home):
    type_at_home(HOOK["entry"], checkout)
    (checkout / "golden" / "tests" / "test_waves" / "test_power.npz").unlink()
    assert "test_power.npz" in type_at_home(HOOK["entry"], checkout, code=1)
