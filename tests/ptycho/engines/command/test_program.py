"""Where a program runs, with which variables, and what its errors name."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from harness.core.errors import DependencyError, HarnessError, RefusedError
from harness.ptycho.engines.command.program import Program, Workspace, require_program, search_path
from harness.ptycho.pipeline.parent_process import Deadline


@pytest.fixture
def workspace(tmp_path, small):
    return Workspace.make(tmp_path / "place", small, "npz", root=tmp_path, seed=3, threads=2)


def test_a_workspace_begins_empty(tmp_path, small, workspace):
    (workspace.folder / "left").write_text("by an earlier run")
    workspace.log("train").write_text("of an earlier run")
    again = Workspace.make(tmp_path / "place", small, "npz", root=tmp_path, seed=3, threads=2)
    assert list(again.folder.iterdir()) == []
    assert not again.log("train").exists()


def test_variables_of_the_table_come_last_and_those_of_the_caller_are_kept(workspace, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "svg")
    found = workspace.environment({"A": "{seed} {threads}", "PATH": "/mine"})
    assert "MPLBACKEND" not in found
    assert (found["A"], found["PATH"], found["OMP_NUM_THREADS"]) == ("3 2", "/mine", "2")


def test_programs_beside_the_interpreter_come_first(monkeypatch):
    monkeypatch.setenv("PATH", "/elsewhere")
    assert search_path() == os.pathsep.join((str(Path(sys.executable).parent), "/elsewhere"))
    monkeypatch.delenv("PATH")
    assert search_path().startswith(str(Path(sys.executable).parent))


def test_progress_is_reported_and_output_kept(workspace):
    seen = []
    program = Program("mine", workspace, {"A": "1"}, Deadline(30), lambda *one: seen.append(one))
    stage = program.run("train", "{python} -c 'import os; print(os.environ[\"A\"])'")
    assert seen == [("train", 0.0), ("train", 1.0)]
    assert stage.name == "train"
    assert workspace.log("train").read_text() == "1\n"


def test_an_error_names_engine_command_line_and_log(workspace):
    program = Program("mine", workspace, {}, Deadline(30))
    with pytest.raises(HarnessError) as caught:
        program.run("train", "{python} -c 'print(1); raise SystemExit(4)' {fixture}")
    assert str(caught.value).startswith(
        "engine 'mine': stage 'train' failed with exit status 4, 1. The command was"
    )
    assert str(caught.value).endswith(
        f"{workspace.values['fixture']}`; its full output is in {workspace.log('train')}."
    )


def test_output_of_an_error_cannot_write_to_the_terminal(workspace):
    program = Program("mine", workspace, {}, Deadline(30))
    with pytest.raises(HarnessError) as caught:
        program.run("train", '{python} -c \'print(chr(27) + "[31m" + "x" * 9999); raise SystemExit(4)\'')
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 2500


def test_a_program_that_prints_without_end_is_stopped(workspace, monkeypatch):
    monkeypatch.setattr("harness.ptycho.engines.process.LARGEST_LOG", 100_000)
    program = Program("mine", workspace, {}, Deadline(60))
    with pytest.raises(HarnessError, match=r"it wrote more than 0.1 MB of output\. The command was"):
        program.run("train", "yes")


def test_a_result_that_is_not_usable_is_a_finding(workspace):
    program = Program("mine", workspace, {}, Deadline(30))
    program.run("infer", "{python} -c ''")
    wrong = RefusedError("object", expected="one", found="none", remedy="")
    error = program.unusable("infer", "{python} -c ''", wrong)
    assert error.exit_code == 1
    assert "object: expected one, found none. It printed nothing. The command was" in str(error)


@pytest.mark.parametrize(
    "line", ["no-such-program", "./no-such-program x", "'no such program'", "{root}/no-such"]
)
def test_a_program_that_is_not_there_is_named(tmp_path, line):
    with pytest.raises(DependencyError, match=r"engine 'mine' needs the program .*no.such"):
        require_program("mine", "train", line, tmp_path, {})


def test_a_program_is_looked_for_where_it_will_run(tmp_path):
    require_program("mine", "train", "{python} -c 1", tmp_path, {})
    (tmp_path / "mine").write_text("#!/bin/sh\n")
    (tmp_path / "mine").chmod(0o755)
    require_program("mine", "train", "./mine", tmp_path, {})
    require_program("mine", "train", "mine", tmp_path, {"PATH": str(tmp_path)})
    with pytest.raises(DependencyError):
        require_program("mine", "train", "mine", tmp_path, {})
