"""``harness export`` as a user types it."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_reads_the_list(project, harness):
    shown = harness("export", "--format", "sha256sum")
    assert (shown.code, shown.err) == (0, "")
    check = subprocess.run(
        ["sha256sum", "--strict", "-c"],
        input=shown.out,
        cwd=project,
        text=True,
        capture_output=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr
    assert check.stdout.splitlines() == [f"golden/waves.{end}: OK" for end in ("json", "npz", "smooth.json")]


def test_the_list_is_imported_again(project, harness):
    assert harness("export", "--format", "pooch", "registry.txt").code == 0
    assert (project / "registry.txt").read_text().startswith("golden/waves.json sha256:")
    shown = harness("import", "registry.txt")
    assert shown.out.splitlines()[-1] == "3 of 3 files match the list; registered 0"


def test_json_has_the_hashes(project, harness):
    document = json.loads(harness("export", "--format", "pooch", "--json").out)
    assert document["file"] is None
    assert sorted(document["hashes"]) == ["golden/waves.json", "golden/waves.npz", "golden/waves.smooth.json"]


@pytest.mark.parametrize("file", ["registry.json", "golden/waves.npz", "golden/new.txt"])
def test_golden_files_are_not_replaced(project, harness, file):
    shown = harness("export", "--format", "pooch", file)
    assert shown.code == 1
    assert "neither registry.json nor below golden/" in shown.err


def test_what_is_missing_is_2(project, harness):
    assert harness("export").code == 2
    assert harness("export", "--format", "md5").code == 2
