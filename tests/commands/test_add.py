"""``harness add`` as a user types it."""

from __future__ import annotations

import json
import os

import pytest

from harness.core.registry.registry import read_registry


def test_an_archive_and_its_manifest_are_registered_as_a_fixture(tmp_path, project, harness):
    """Other files have the kind ``file``. The files themselves stay as they are."""
    (project / "registry.json").unlink()
    for name in ("history.jsonl", "waves.smooth.json", "waves.smooth.npz"):
        (project / "golden" / name).unlink(missing_ok=True)
    (project / "golden" / "mask.tif").write_bytes(b"II*")
    before = {path: path.read_bytes() for path in (project / "golden").iterdir()}
    shown = harness("add", *sorted(before), "--reason", "first light")
    assert (shown.code, shown.out.splitlines()) == (
        0,
        ["registered golden/mask.tif", "registered golden/waves.json", "registered golden/waves.npz"],
    )
    kinds = {path: entry.kind for path, entry in read_registry(project / "registry.json").entries.items()}
    assert kinds == {
        "golden/mask.tif": "file",
        "golden/waves.json": "manifest",
        "golden/waves.npz": "fixture",
    }
    assert {path: path.read_bytes() for path in before} == before
    assert harness("verify").code == 0


def test_json_lists_the_registered_paths(project, harness):
    (project / "golden" / "mask.tif").write_bytes(b"II*")
    shown = harness("add", "golden/mask.tif", "--reason", "mask", "--json")
    assert (shown.code, json.loads(shown.out)["paths"]) == (0, ["golden/mask.tif"])


def test_a_file_elsewhere_is_refused(project, harness):
    """Only files below golden/ are registered."""
    (project / "stray.txt").write_text("x")
    before = (project / "registry.json").read_bytes()
    shown = harness("add", "stray.txt", "--reason", "why")
    assert (shown.code, shown.err) == (
        1,
        (
            "harness: stray.txt: expected a file below golden/, found a file outside it. "
            "Move the file to golden/ first.\n"
        ),
    )
    assert (project / "registry.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [(("golden/waves.npz",), "--reason"), (("golden/nothing.npz", "--reason", "why"), "does not exist")],
)
def test_a_missing_reason_or_file_is_a_usage_error(project, harness, arguments, problem):
    shown = harness("add", *arguments)
    assert shown.code == 2
    assert problem in shown.err


@pytest.mark.parametrize("line", ["add golden/waves.npz --reason r", "calibrate smooth --runs 2 --reason r"])
def test_verbs_that_write_golden_files_refuse_in_ci(project, harness, line):
    before = (project / "registry.json").read_bytes()
    shown = harness(*line.split(), env={**os.environ, "CI": "true"})
    assert shown.code == 2
    assert "CI is set" in shown.err
    assert (project / "registry.json").read_bytes() == before
