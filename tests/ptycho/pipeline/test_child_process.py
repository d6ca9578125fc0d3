"""A child process reports its end or its error in one line of JSON, which the parent reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.errors import RefusedError, UnreadableError, error_from_parts
from harness.ptycho.pipeline.child_process import Task, run_task, send_message


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Return a function that writes a stage's module, and returns its name."""
    written = []

    def write(main):
        name = f"stage_under_test_{len(written)}"
        (tmp_path / f"{name}.py").write_text(f"def main(task):\n    {main}\n")
        written.append(name)
        return name

    monkeypatch.syspath_prepend(tmp_path)
    yield write
    for name in written:
        sys.modules.pop(name, None)


def messages(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_end_is_reported_with_inputs_and_memory(stage, capsys):
    """The last line holds the digests that ``main`` returned, and the peak memory."""
    run_task(stage('return {"image": "xxh128:1"}'), "fixture", "output")
    (message,) = messages(capsys)
    assert message["done"]["inputs"] == {"image": "xxh128:1"}
    assert message["done"]["peak_mb"] >= 0


@pytest.mark.parametrize("part", [(), ("second",)])
def test_the_task_holds_the_arguments(stage, capsys, part):
    """Fixture and output arrive as paths; the part is empty if it is not given."""
    module = stage('return {"is": repr(task)}')
    run_task(module, "fixture", "output", *part)
    expected = Task(Path("fixture"), Path("output"), *part)
    assert messages(capsys)[0]["done"]["inputs"] == {"is": repr(expected)}


@pytest.mark.parametrize(("kind", "status"), [(UnreadableError, 2), (RefusedError, 1)])
def test_an_error_is_reported_and_sets_the_exit_status(stage, capsys, kind, status):
    """The message rebuilds the same error, nothing is reported as done, and the status is the error's."""
    module = stage(
        f"from harness.core.errors import {kind.__name__} as E;"
        ' raise E("thing", expected="one", found="other", remedy="Fix it.")'
    )
    with pytest.raises(SystemExit) as end:
        run_task(module, "fixture", "output")
    assert end.value.code == status
    (message,) = messages(capsys)
    error = error_from_parts(message["error"])
    assert type(error) is kind
    assert str(error) == "thing: expected one, found other. Fix it."


def test_a_crash_is_not_reported_as_an_error_of_the_user(stage, capsys):
    """Any other exception leaves the process with its traceback."""
    with pytest.raises(ZeroDivisionError):
        run_task(stage("1 / 0"), "fixture", "output")
    assert messages(capsys) == []


def test_progress_is_one_line_of_json(capsys):
    Task(Path(), Path()).report_progress(0.25)
    assert messages(capsys) == [{"progress": 0.25}]


def test_a_message_is_sent_at_once(monkeypatch):
    """Standard output is flushed after each line: the parent must not wait for a full buffer."""
    calls = []

    class Stream:
        def write(self, text):
            calls.append(text)

        def flush(self):
            calls.append("flushed")

    monkeypatch.setattr(sys, "stdout", Stream())
    send_message(progress=1.0)
    assert calls == ['{"progress": 1.0}\n', "flushed"]


def test_neither_torch_nor_numpy_is_imported_before_the_stage():
    """The module itself starts fast: the parent imports it too."""
    code = "import sys, harness.ptycho.pipeline.child_process; print({'torch', 'scipy'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "set()"
