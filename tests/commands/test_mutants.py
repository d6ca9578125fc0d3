"""``harness sensitivity --mutants`` as a user types it, in a small project."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from golden_field import make_project
from loopback_cluster import Cluster

if TYPE_CHECKING:
    from pathlib import Path

HARNESS = [sys.executable, "-m", "harness"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with four golden tests, in its directory; temporary files have one of their own."""
    made = make_project(tmp_path / "project").root
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.chdir(made)
    return made


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HARNESS, "sensitivity", *words], capture_output=True, text=True, check=False)


def files(root: Path) -> dict[str, bytes]:
    every = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in every}


def test_random_mutants_are_tried_and_nothing_is_changed(project):
    """The survivor that was made by hand moves an output by a tenth of its tolerance."""
    source = project / "inner.py"
    source.write_text(source.read_text().replace("value * 2", "value * 2 + 1e-9 * 0"))
    before = files(project)
    shown = run("--mutants", "2", "inner.py", "--seed", "1", "--json", "--jobs", "1")
    document = json.loads(shown.stdout)["mutants"]
    assert shown.returncode == (0 if document["percent"] == 100 else 1)
    assert (document["asked"], document["tried"], len(document["results"])) == (2, 2, 2)
    assert {result["path"] for result in document["results"]} == {"inner.py"}
    assert all(result["tests"] == ["tests/test_field.py::test_child"] for result in document["results"])
    assert document["noise"] == [
        {"test": "tests/test_field.py::test_child", "file": "golden/child.json", "name": "process"}
    ]
    assert files(project) == before
    assert list((project.parent / "temporary").iterdir()) == []


def test_a_cluster_gives_the_same_results(project, tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="distributed is not installed: the extra `dask` brings it")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # workers are told apart by what may change a number
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "10s")
    words = ("--mutants", "2", "field.py", "--json")
    cluster = Cluster(tmp_path / "cluster")
    try:
        cluster.add_worker()
        there = run(*words, "--dask", cluster.address)
        assert cluster.tasks() == []
    finally:
        cluster.close()
    here = run(*words, "--jobs", "1")
    assert len(json.loads(here.stdout)["mutants"]["results"]) == 2
    assert (there.returncode, there.stdout) == (here.returncode, here.stdout)
    assert run(*words, "--dask", cluster.address).returncode == 2  # so it was asked


def test_a_survivor_is_printed_with_its_diff_and_fails_unless_few_must_be_caught(project):
    """One file has one place to mutate, a number that only moves an output within its tolerance."""
    tests = project / "tests" / "test_field.py"
    tests.write_text(tests.read_text().replace("field.score()}", "field.score() + moved.SMALL * 1e-6}"))
    tests.write_text(tests.read_text().replace("import field\n", "import field\nimport moved\n"))
    (project / "moved.py").write_text('"""A number."""\n\nSMALL = 3\n')
    shown = run("--mutants", "9", "moved.py", "--page", "page.md", "--at-least", "0")
    assert shown.returncode == 0, shown.stderr
    assert "survived: moved.py:3, NumberReplacer" in shown.stdout
    assert "all 2 mutants that there are of 1 file" in shown.stdout
    assert "0 of 2 mutants that change an output caught: 0.0 %" in shown.stdout
    assert "it moved score in golden/score.json by 2e-05 tolerances at most" in shown.stdout
    assert "  -SMALL = 3\n" in shown.stdout
    assert "## Mutants" in (project / "page.md").read_text()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--mutants", "1", "tests/test_field.py"], "found a test"),
        (["--mutants", "1", "nowhere.py"], "no such file or directory"),
        (["--mutants", "1", ".."], "a path outside of"),
        (["--mutants", "1", "--quick"], "--quick cannot be used with --mutants"),
        (["--mutants", "1", "--engine", "x"], "--engine cannot be used with --mutants"),
        (["--seed", "1"], "--seed can only be used with --mutants"),
        (["--at-least", "90"], "--at-least can only be used with --mutants"),
        (["--mutants", "0"], "--mutants"),
    ],
)
def test_a_request_without_an_answer_is_refused(project, run_harness, words, found):
    shown = run_harness("sensitivity", *words, cwd=project)
    assert shown.code == 2
    assert found in shown.err
    assert shown.out == ""


def test_an_absent_package_is_one_error(project):
    code = "import sys; sys.modules['cosmic_ray'] = None; sys.argv = ['harness', *sys.argv[1:]]\n"
    code += "from harness.cli import main; main()"
    words = [sys.executable, "-c", code, "sensitivity", "--mutants", "1"]
    shown = subprocess.run(words, capture_output=True, text=True, check=False)
    assert shown.returncode == 2
    assert "pip install 'golden-harness[mutants]'" in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is a signal elsewhere")
def test_ctrl_c_leaves_no_copy_and_no_process(project):
    """The first process of the group is the verb; its children are in groups of their own."""
    source = project / "inner.py"
    source.write_text(
        "import time\n\n\ndef doubled(value):\n    time.sleep(0.0 * value)\n    return value * 2\n"
    )
    words = [*HARNESS, "sensitivity", "--mutants", "9", "inner.py"]
    scratch = project.parent / "temporary"
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        while not list(scratch.glob("harness-mutants-*/first/*/answers/*")):
            assert process.poll() is None
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert list(scratch.iterdir()) == []
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(scratch) not in running
