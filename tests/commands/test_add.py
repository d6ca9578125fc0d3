"""``harness add`` as a user types it."""

from __future__ import annotations

import json
import os

import pytest

from harness.core.baselines.baseline import encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
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


def edit(path, **keys) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}, indent=2, sort_keys=True) + "\n")


@pytest.fixture
def unregistered(project):
    """The project with its golden fixture on disk alone."""
    for name in ("registry.json", "golden/history.jsonl"):
        (project / name).unlink()
    return project


@pytest.mark.parametrize(
    "files",
    [("waves.npz", "waves.json"), ("waves.json",), ("waves.npz",)],
    ids=["both", "manifest", "archive"],
)
@pytest.mark.parametrize("folder", ["", "optics/"])
def test_a_manifest_of_another_name_is_refused(unregistered, harness, files, folder):
    """Whichever of the two files is named: nothing is registered."""
    golden = unregistered / "golden"
    (golden / "optics").mkdir()
    for name in ("waves.npz", "waves.json"):
        (golden / name).rename(golden / f"{folder}{name}")
    name = "waves" if folder else "ripples"
    edit(golden / f"{folder}waves.json", name=name)
    shown = harness("add", *(f"golden/{folder}{file}" for file in files), "--reason", "why")
    assert shown.code == 1
    assert shown.err == (
        f"harness: golden/{folder}waves.json has the name {name!r}, which is not its path's. Rename both "
        f"files to {name}.npz and {name}.json below golden/, or make the fixture again with the name "
        f"'{folder}waves'.\n"
    )
    assert not (unregistered / "registry.json").exists()


def test_a_manifest_of_other_arrays_is_refused(unregistered, harness):
    """As after one of the two files was made again."""
    edit(unregistered / "golden" / "waves.json", arrays={})
    shown = harness("add", "golden/waves.npz", "golden/waves.json", "--reason", "why")
    assert shown.code == 2
    assert "expected the arrays that its manifest describes" in shown.err
    assert not (unregistered / "registry.json").exists()


def test_a_baseline_and_its_arrays_are_registered_as_such(unregistered, harness):
    golden = unregistered / "golden"
    baseline = encode_baseline(provisional_baseline({"mae": 0.25}))
    for name in ("waves.smooth", "waves.rough"):
        (golden / f"{name}.json").write_bytes(baseline)
    (golden / "waves.smooth.npz").write_bytes((golden / "waves.npz").read_bytes())
    files = sorted(path for path in golden.iterdir() if path.is_file())
    assert harness("add", *files, "--reason", "why").code == 0
    entries = read_registry(unregistered / "registry.json").entries
    assert {path: entry.kind for path, entry in entries.items()} == {
        "golden/waves.json": "manifest",
        "golden/waves.npz": "fixture",
        "golden/waves.rough.json": "baseline",
        "golden/waves.smooth.json": "baseline",
        "golden/waves.smooth.npz": "result",
    }


def test_a_name_too_long_for_some_file_systems_is_refused(unregistered, harness):
    """At 200 bytes of UTF-8 with its suffix, before a journal is written."""
    golden = unregistered / "golden"
    for name in ("n" * 196 + ".txt", "n" * 197 + ".txt", "n" * 246 + ".txt", "é" * 99 + ".txt"):
        (golden / name).touch()
        size = len(name.encode())
        shown = harness("add", f"golden/{name}", "--reason", "why")
        assert shown.code == (0 if size == 200 else 2)
        assert size == 200 or f"{size} bytes, more than 200" in shown.err
        assert not list(unregistered.glob(".harness/transaction/*"))
    assert len(read_registry(unregistered / "registry.json").entries) == 1


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


def test_a_directory_is_registered_with_all_files_in_it(project, harness):
    """Hidden files and links out of the repository are skipped with a word."""
    folder = project / "golden" / "masks"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.tif", "a.tif", "deep/c.tif", ".DS_Store"):
        (folder / name).write_bytes(name.encode())
    (folder / "elsewhere").symlink_to("/")
    shown = harness("add", "golden/masks", "--reason", "masks")
    assert shown.code == 0
    assert shown.out.splitlines() == [
        "registered golden/masks/a.tif",
        "registered golden/masks/b.tif",
        "registered golden/masks/deep/c.tif",
    ]
    assert shown.err.splitlines() == [
        "skipped golden/masks/.DS_Store: hidden",
        "skipped golden/masks/elsewhere: a link to /, outside the repository",
    ]
    again = harness("add", "golden/masks", "--reason", "masks", "--json")
    document = json.loads(again.out)
    assert document["paths"] == []
    assert document["skipped"][0] == {"path": "golden/masks/.DS_Store", "why": "hidden"}


def test_the_golden_directory_may_be_named(project, harness):
    (project / "golden" / "mask.tif").write_bytes(b"II*")
    shown = harness("add", "golden", "--reason", "mask")
    assert (shown.code, shown.out) == (0, "registered golden/mask.tif\n")
    assert harness("verify").code == 0
    assert harness("add", "golden", "--reason", "mask").out.startswith("nothing to register")


@pytest.mark.parametrize("folder", [".", "scans"])
def test_another_directory_is_refused(project, harness, folder):
    (project / "scans").mkdir()
    (project / "scans" / "a.bin").touch()
    shown = harness("add", folder, "--reason", "why")
    assert shown.code == 1
    assert "a file outside it" in shown.err


def test_quiet_lists_nothing(project, harness):
    (project / "golden" / "mask.tif").write_bytes(b"II*")
    shown = harness("add", "-q", "golden/mask.tif", "--reason", "mask")
    assert (shown.code, shown.out) == (0, "")
