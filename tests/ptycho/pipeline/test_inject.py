"""A change reaches the processes of a pipeline, and nothing of it is left afterwards."""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import contextmanager

import pytest

from harness.core.errors import HarnessError, UnreadableError
from harness.ptycho.pipeline import parent_process, run
from harness.ptycho.pipeline.inject import in_parent, replaced, replaced_everywhere
from harness.ptycho.pipeline.model import schedule, train
from harness.ptycho.pipeline.parent_process import Deadline, run_stage

CHANGES = """
from contextlib import contextmanager
from harness.core.errors import UnreadableError
from harness.ptycho.pipeline.inject import in_children, replaced

@in_children
@contextmanager
def nothing():
    "No fault at all."
    yield

@in_children
@contextmanager
def doubled():
    import stand_in
    with replaced(stand_in, "one", lambda: 2):
        yield

@in_children
@contextmanager
def refusing():
    import stand_in
    def refuse():
        raise UnreadableError("thing", expected="one", found="other", remedy="Fix it.")
    with replaced(stand_in, "one", refuse):
        yield

@in_children
@contextmanager
def broken():
    raise ValueError("nothing to replace")
    yield
"""
STAGE = """
def one():
    return 1
def main(task):
    return {"image": str(one())}
"""


@pytest.fixture
def changes(tmp_path, monkeypatch):
    """A user's module of changes, and a stage that they change; child processes can import both."""
    (tmp_path / "stand_in.py").write_text(STAGE)
    (tmp_path / "changes.py").write_text(CHANGES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.syspath_prepend(tmp_path)
    import changes

    yield changes
    del sys.modules["changes"]


def stage(output):
    """Run a pipeline of a single stage."""
    return run_stage("work", "stand_in", ("fixture", "output"), output=output, deadline=Deadline(60))


def test_a_change_is_made_in_the_child_only(changes, tmp_path):
    """The faulty pipeline has it; the pipeline itself and this process do not."""
    faulty = changes.doubled(stage)
    assert stage(tmp_path).inputs == {"image": "1"}
    assert faulty(tmp_path).inputs == {"image": "2"}
    assert stage(tmp_path).inputs == {"image": "1"}
    assert "stand_in" not in sys.modules


def test_no_change_gives_the_same_bits(changes, small, tmp_path):
    """Starting the children through this module changes no metric, no control and no input."""
    plain = run.iterative(small, tmp_path / "plain", epochs=4)
    through = changes.nothing(run.iterative)(small, tmp_path / "through", epochs=4)
    assert through.metrics == plain.metrics
    assert through.controls == plain.controls
    assert through.inputs == plain.inputs


def test_an_error_is_passed_on_and_the_command_restored(changes, tmp_path):
    """The parent raises the error of a changed stage."""
    before = parent_process.CHILD_COMMAND
    with pytest.raises(UnreadableError, match="thing: expected one, found other"):
        changes.refusing(stage)(tmp_path)
    assert parent_process.CHILD_COMMAND is before


def test_a_change_that_cannot_be_made_is_an_error(changes, tmp_path):
    """A fault that is out of date must fail, and not pass as one that no check detects."""
    with pytest.raises(HarnessError, match="nothing to replace"):
        changes.broken(stage)(tmp_path)


def test_an_injection_keeps_its_docstring_and_can_be_pickled(changes):
    assert changes.nothing.__doc__ == "No fault at all."
    assert pickle.loads(pickle.dumps(changes.nothing)) is changes.nothing  # noqa: S301 - written one line before


def test_a_change_in_the_parent_lasts_as_long_as_the_run():
    """It is undone at the end, also if the pipeline fails."""

    @in_parent
    @contextmanager
    def limit():
        with replaced(run, "TIME_LIMIT", 1.0):
            yield

    def fail():
        raise ZeroDivisionError

    before = run.TIME_LIMIT
    assert limit(lambda: run.TIME_LIMIT)() == 1.0
    with pytest.raises(ZeroDivisionError):
        limit(fail)()
    assert before == run.TIME_LIMIT


def test_a_function_is_replaced_in_every_module_that_imported_it():
    """Modules that imported it by name get the new one, and all get the old one back."""
    original = schedule.cosine_decay
    with replaced_everywhere(original, abs):
        assert schedule.cosine_decay is train.cosine_decay is abs
    assert schedule.cosine_decay is train.cosine_decay is original


def test_a_missing_attribute_cannot_be_replaced():
    """A fault must fail if the name that it replaces was renamed."""
    with pytest.raises(KeyError, match="gone"), replaced(run, "gone", None):
        pass
