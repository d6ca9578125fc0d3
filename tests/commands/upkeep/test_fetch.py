"""``harness fetch`` as a user types it: published golden files become golden in an empty project."""

from __future__ import annotations

import functools
import json
import os
import shutil
from pathlib import Path

import pytest
from loopback_archive import serving
from published_waves import PATHS, STEM, commit_all, contents, make_empty, make_waves, repack

from harness.core.registry.history import read_history
from harness.core.storage.project import Project

pytest.importorskip("rocrate", reason="harness publish needs the extra publish")


@pytest.fixture(scope="module")
def published(tmp_path_factory, run_harness):
    """An archive, and where its project is."""
    root = make_waves(tmp_path_factory.mktemp("fetch") / "waves").root
    done = run_harness("publish", "--archive", "../waves.zip", "--output", "../crate", cwd=root)
    assert done.code == 0, done.err
    return root.parent


@pytest.fixture
def root(tmp_path):
    return make_empty(tmp_path / "empty").root


@pytest.fixture
def fetch(published, root, run_harness):
    """Run `harness fetch` of the archive, with more words, in the empty project."""
    return functools.partial(run_harness, "fetch", published / "waves.zip", cwd=root)


@pytest.mark.parametrize("name", ["waves.zip", "crate"])
def test_an_empty_project_gets_the_golden_files_with_their_origin(published, root, run_harness, name):
    done = run_harness("fetch", published / name, "--reason", "reference", cwd=root)
    assert (done.code, done.err) == (0, "")
    assert all(f"recorded {path}: new -> " in done.out for path in PATHS)
    assert done.out.endswith("next: harness audit\n")
    assert run_harness("verify", "--sha256", cwd=root).code == 0
    commit_all(Project(root))
    audit = run_harness("audit", "--json", cwd=root)
    findings = json.loads(audit.out)["findings"]
    assert audit.code == 0
    assert {finding["rank"] for finding in findings} == {"informational"}
    fetched = {finding["path"]: finding["detail"] for finding in findings if finding["rule"] == "fetched"}
    assert set(fetched) == set(PATHS)
    assert all("sha256:" in detail and "earlier records: " in detail for detail in fetched.values())


def test_tests_pass_with_fetched_golden_files(tmp_path, run_harness, run_pytest):
    """In the project that published them, and in the one that fetched them; a changed array fails in both."""
    one = make_empty(tmp_path / "one").root
    text = (
        '[project]\nname = "one"\ndescription = "d"\nlicense = "MIT"\nauthors = [{name = "A"}]\n'
        "[tool.pytest.ini_options]\n"
    )
    (one / "pyproject.toml").write_text(text)
    (one / "LICENSE").write_text("MIT")
    (one / "test_ramp.py").write_text(
        "import numpy as np\n\ndef test_ramp(arrays_regression):\n"
        '    arrays_regression.check({"ramp": np.arange(5.0)})\n'
    )
    assert run_pytest(one, "--regen-all", "--golden-reason", "first").returncode == 0
    commit_all(Project(one))
    assert run_harness("publish", "--archive", "../one.zip", cwd=one).code == 0
    two = make_empty(tmp_path / "two").root
    shutil.copy(one / "test_ramp.py", two)
    assert run_harness("fetch", "../one.zip", "--reason", "reference", cwd=two).code == 0
    assert run_pytest(two).returncode == 0
    module = two / "test_ramp.py"
    module.write_text(module.read_text().replace("5.0)", "5.0) + 1e-3"))
    assert run_pytest(two).returncode == 1


def test_a_dry_run_changes_nothing_and_names_the_command(published, root, run_harness):
    before = contents(root)
    done = run_harness("fetch", published / "waves.zip", STEM, "--dry-run", cwd=root)
    assert done.code == 0
    assert f"would record golden/{STEM}.npz: new -> " in done.out
    assert done.out.endswith(f'next: harness fetch {published}/waves.zip {STEM} --reason "..."\n')
    assert contents(root) == before


def test_the_result_as_json(published, root, run_harness):
    arguments = "fetch", published / "waves.zip", "--reason", "reference", "--json"
    first, second = (json.loads(run_harness(*arguments, cwd=root).out) for _ in range(2))
    assert (first["recorded"], first["unchanged"]) == (list(PATHS), [])
    assert (second["recorded"], second["unchanged"]) == ([], list(PATHS))
    assert first["origin"] == second["origin"]


def test_what_differs_is_replaced_only_if_it_is_named(published, tmp_path, run_harness):
    other = make_waves(tmp_path / "other")
    shutil.copytree(other.root, tmp_path / "kept")
    old = run_harness("publish", "--archive", "../old.zip", "--title", "old", cwd=other.root)
    assert old.code == 0, old.err
    (other.root / "golden/mask.tif").write_bytes(b"another")
    assert run_harness("add", "golden/mask.tif", "--reason", "moved", cwd=other.root).code == 0
    before = contents(other.root)
    done = run_harness("fetch", published / "waves.zip", "--reason", "r", cwd=other.root)
    assert done.code == 1
    assert "golden files here differ from the published ones: golden/mask.tif" in done.err
    assert contents(other.root) == before
    done = run_harness("fetch", published / "waves.zip", "--reason", "r", "--overwrite", cwd=other.root)
    assert done.code == 2
    done = run_harness(
        "fetch", published / "waves.zip", "golden/mask.tif", "--reason", "r", "--overwrite", cwd=other.root
    )
    assert done.code == 0, done.err
    assert run_harness("verify", cwd=other.root).code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--reason", "r", "--sha256", "0" * 64], 1, "expected sha256:0000"),
        (["no-such-name", "--reason", "r"], 2, "no golden file is called 'no-such-name'"),
        ([], 2, "Missing option '--reason'"),
        (["--overwrite", "--reason", "r"], 2, "--overwrite needs the names"),
        (["--reason", "r", "--timeout", "0"], 2, "--timeout"),
    ],
)
def test_a_refusal_is_one_error_and_nothing_is_written(fetch, root, words, code, said):
    before = contents(root)
    done = fetch(*words)
    assert done.code == code
    assert said in done.err
    assert contents(root) == before


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"golden/mask.tif": b"forged"}, 1), ({"golden/mask.tif": None}, 2), ({"../x": b""}, 2)],
)
def test_an_archive_that_somebody_changed_changes_nothing(published, root, run_harness, changes, code):
    before = contents(root.parent)
    archive = repack(published / "waves.zip", root.parent / "forged.zip", changes=changes)
    done = run_harness("fetch", archive, "--reason", "r", cwd=root)
    assert done.code == code
    assert done.err.count("\n") == 1
    archive.unlink()
    assert contents(root.parent) == before


def test_a_source_that_is_not_there_is_reported(root, run_harness):
    done = run_harness("fetch", "golden.zip", "--reason", "r", cwd=root)
    assert done.code == 2
    assert done.err.startswith(
        "harness: golden.zip: no such file or directory. Give a path, an http(s) address"
    )


def test_a_server_is_asked_and_its_query_is_not_recorded(published, root, run_harness):
    pytest.importorskip("pooch")
    with serving() as server:
        server.file("waves.zip", (published / "waves.zip").read_bytes())
        source = f"{server.url}/waves.zip?token=secret"
        env = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
        done = run_harness("fetch", source, "--reason", "r", cwd=root, env=env)
        assert (done.code, done.err) == (0, "")
        missing = run_harness("fetch", f"{server.url}/none?token=secret", "--reason", "r", cwd=root, env=env)
    assert missing.code == 2
    assert "could not be downloaded: 404" in missing.err
    assert "secret" not in missing.err
    history = (root / "golden/history.jsonl").read_text()
    assert "secret" not in history
    assert f"{server.url}/waves.zip" in history


def test_golden_files_are_not_written_in_ci(published, root, run_harness, monkeypatch):
    monkeypatch.setenv("CI", "true")
    before = contents(root)
    done = run_harness("fetch", published / "waves.zip", "--reason", "r", cwd=root)
    assert done.code == 2
    assert "not written in CI" in done.err
    assert run_harness("fetch", published / "waves.zip", "--dry-run", cwd=root).code == 0
    assert contents(root) == before


def test_a_directory_without_a_project_is_refused(published, tmp_path, run_harness):
    place = tmp_path / "nowhere"
    place.mkdir()
    done = run_harness("fetch", published / "waves.zip", "--reason", "r", cwd=place)
    assert done.code == 2
    assert "no registry.json" in done.err
    assert contents(place) == {}


def test_the_records_say_who_fetched_it(published, root, run_harness):
    assert run_harness("fetch", published / "waves.zip", "--reason", "reference", cwd=root).code == 0
    records = [record for record in read_history(Project(root)).records.values() if record.fetched_from]
    assert {(record.by, record.reason) for record in records} == {("tester", "reference")}
    assert {record.command.split()[:2] == ["harness", "fetch"] for record in records} == {True}
    assert Path(root / "golden/mask.tif").is_file()
