"""A change reaches the stages of a pipeline, and leaves no trace."""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import contextmanager

import pytest

from harness.core.errors import HarnessError, UnreadableError
from harness.ptycho.pipeline import parent_process as process
from harness.ptycho.pipeline import run
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
        raise UnreadableError("thing", expected="one", found="other", remedy="Mend it.")
    with replaced(stand_in, "one", refuse):
        yield

@in_children
@contextmanager
def broken():
    raise ValueError("no such place")
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
    """A user's module of changes, and a stage that they change; children find both."""
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


def test_a_change_is_made_in_the_child_and_nowhere_else(changes, tmp_path):
    """The faulty pipeline has it, the pipeline itself and this process have not."""
    faulty = changes.doubled(stage)
    assert stage(tmp_path).inputs == {"image": "1"}
    assert faulty(tmp_path).inputs == {"image": "2"}
    assert stage(tmp_path).inputs == {"image": "1"}
    assert "stand_in" not in sys.modules


def test_no_change_gives_the_same_bits(changes, small, tmp_path):
    """Passing through the door alone changes no metric, no control and no input."""
    plain = run.iterative(small, tmp_path / "plain", epochs=4)
    through = changes.nothing(run.iterative)(small, tmp_path / "through", epochs=4)
    assert through.metrics == plain.metrics
    assert through.controls == plain.controls
    assert through.inputs == plain.inputs


def test_a_refusal_comes_through_and_the_launch_is_as_before(changes, tmp_path):
    """What a changed stage refuses, the parent refuses in its words."""
    before = process.LAUNCH
    with pytest.raises(UnreadableError, match="thing: expected one, found other"):
        changes.refusing(stage)(tmp_path)
    assert process.LAUNCH is before


def test_a_change_that_cannot_be_made_is_no_good_end(changes, tmp_path):
    """A fault whose place is gone fails by name, and does not pass for one that nothing saw."""
    with pytest.raises(HarnessError, match="no such place"):
        changes.broken(stage)(tmp_path)


def test_an_injection_tells_the_story_and_travels_by_name(changes):
    assert changes.nothing.__doc__ == "No fault at all."
    assert pickle.loads(pickle.dumps(changes.nothing)) is changes.nothing  # noqa: S301 - written one line before


def test_in_the_parent_a_change_lasts_as_long_as_the_run():
    """It is undone when the pipeline fails, too."""

    @in_parent
    @contextmanager
    def limit():
        with replaced(run, "LIMIT", 1.0):
            yield

    def fail():
        raise ZeroDivisionError

    before = run.LIMIT
    assert limit(lambda: run.LIMIT)() == 1.0
    with pytest.raises(ZeroDivisionError):
        limit(fail)()
    assert before == run.LIMIT


def test_a_function_is_replaced_wherever_it_is_known():
    """Modules that imported it by name have it, too, and all get it back."""
    cosine = schedule.cosine
    with replaced_everywhere(cosine, abs):
        assert schedule.cosine is train.cosine is abs
    assert schedule.cosine is train.cosine is cosine


def test_what_is_not_there_cannot_be_replaced():
    """A place that was renamed does not pass for one that was changed."""
    with pytest.raises(KeyError, match="gone"), replaced(run, "gone", None):
        pass
