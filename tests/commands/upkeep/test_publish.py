"""``harness publish`` as a user types it, on this repository and on a project of another field."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from published_waves import PATHS, STEM, commit_all, contents, make_waves, start_git

from harness.core.storage.digest import sha256_file

pytest.importorskip("rocrate", reason="harness publish needs the extra publish")

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return make_waves(tmp_path_factory.mktemp("publish") / "waves").root


@pytest.fixture
def root(template, tmp_path):
    return Path(shutil.copytree(template, tmp_path / "waves"))


def test_what_was_written_is_printed(root, run_harness):
    done = run_harness("publish", "--output", "../crate", "--archive", "../crate.zip", cwd=root)
    assert (done.code, done.err) == (0, "")
    digest = sha256_file(root.parent / "crate.zip")
    assert done.out.splitlines()[:3] == [
        "Golden files of waves: 4 files, 0.0 MB",
        "  authors: Ada Lovelace; The wave group",
        "  licence: CC-BY-4.0",
    ]
    assert f"wrote ../crate\nwrote ../crate.zip, {digest}\n" in done.out
    assert set(contents(root.parent / "crate")) >= set(PATHS)


def test_the_result_as_json(root, run_harness):
    done = run_harness(
        "publish",
        STEM,
        "--archive",
        "a.zip",
        "--title",
        "Plucked",
        "--date",
        "2026-01-31",
        "--json",
        cwd=root,
    )
    result = json.loads(done.out)
    assert (result["title"], result["date"], result["licence"]) == ("Plucked", "2026-01-31", "CC-BY-4.0")
    assert set(result["files"]) == set(PATHS) - {"golden/mask.tif"}
    assert result["sha256"] == sha256_file(root / "a.zip")
    assert result["directory"] is None


def test_names_are_understood_from_below(root, run_harness):
    done = run_harness("publish", "plucked.npz", "--archive", "../../../a.zip", cwd=root / "golden/strings")
    assert done.code == 0, done.err
    with zipfile.ZipFile(root.parent / "a.zip") as archive:
        assert f"golden/{STEM}.npz" in archive.namelist()


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (
            lambda root: (root / "golden/mask.tif").write_bytes(b"x"),
            1,
            "mask.tif is not what registry.json",
        ),
        (lambda root: (root / "LICENSE").unlink(), 1, "no licence file"),
        (lambda root: (root / "out.zip").touch(), 1, "out.zip exists already"),
        (lambda root: (root / "pyproject.toml").unlink(), 2, "has the project's"),
        (lambda root: (root / "registry.json").write_text("{"), 2, "registry.json"),
        (start_git, 1, "uncommitted changes in"),
    ],
)
def test_a_refusal_is_one_error_and_nothing_is_written(root, run_harness, change, code, said):
    change(root)
    if said.startswith("has the"):
        (root / "CITATION.cff").unlink()
    before = contents(root.parent)
    done = run_harness("publish", "--archive", "out.zip", cwd=root)
    assert done.code == code
    assert done.err.count("\n") == 1
    assert said in done.err
    assert contents(root.parent) == before


def test_where_to_write_is_asked_for(root, run_harness):
    done = run_harness("publish", cwd=root)
    assert done.code == 2
    assert "--output DIRECTORY or --archive FILE.zip" in done.err


def test_committed_files_are_published_also_in_ci(root, run_harness, monkeypatch):
    start_git(root)
    commit_all(type("P", (), {"root": root}))
    monkeypatch.setenv("CI", "true")
    assert run_harness("publish", "--archive", "../a.zip", cwd=root).code == 0


def test_the_golden_files_of_this_repository_can_be_published(tmp_path, run_harness):
    done = run_harness(
        "publish",
        "minimal_v1",
        "annular_v1",
        "--output",
        tmp_path / "crate",
        "--allow-dirty",
        "--json",
        cwd=REPOSITORY,
    )
    assert done.code == 0, done.err
    assert {"golden/minimal_v1.npz", "golden/annular_v1.npz", "golden/minimal_v1.network.json"} <= set(
        json.loads(done.out)["files"]
    )
    assert (tmp_path / "crate/contract.md").is_file()
    assert run_harness("verify", "--sha256", cwd=tmp_path / "crate").code == 0
