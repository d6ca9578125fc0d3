"""What the process of a task does: it compares first, calls by name only, and answers with plain values."""

from __future__ import annotations

import pickle
import threading

import pytest

from harness.core.errors import RefusedError
from harness.core.storage.project import require_inner
from harness.core.system.executors.child import do_task, function_of, reference_of
from harness.core.system.executors.identity import identity


def unpickled(data: object) -> object:
    return pickle.loads(data)  # noqa: S301 - our own


def task(item: object, **changed) -> dict[str, object]:
    return {
        "call": reference_of(require_inner),
        "item": pickle.dumps(item),
        "root": None,
        "golden_name": "golden",
        "identity": identity(None),
        "unlike": False,
        **changed,
    }


def test_a_function_is_found_by_its_name():
    assert function_of(*reference_of(require_inner)) is require_inner


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("harnessed", "run"),
        ("harness.core.system.executors.child", "os.system"),
        ("harness.core.system.executors.child", "os"),
        ("harness.core.errors", "HarnessError.__init__"),
    ],
)
def test_nothing_else_can_be_named(module, name):
    with pytest.raises((TypeError, ImportError)):
        function_of(module, name)


def test_a_result_is_pickled():
    answer = do_task(task("a/b"))
    assert answer["kind"] == "result"
    assert answer["differs"] == ()
    assert unpickled(answer["result"]) == require_inner("a/b")


def test_an_error_is_pickled_with_its_traceback():
    answer = do_task(task("../outside"))
    assert answer["kind"] == "error"
    assert isinstance(unpickled(answer["error"]), RefusedError)
    assert "in require_inner" in answer["traceback"]


@pytest.mark.parametrize("unlike", [False, True])
def test_another_environment_runs_only_what_may_be_kept_apart(unlike):
    other = {**identity(None), "numpy": "1.99.0"}
    answer = do_task(task("a/b", identity=other, unlike=unlike))
    assert answer["kind"] == ("result" if unlike else "unlike")
    assert "(1.99.0 here)" in answer["differs"][0]
    assert answer["environment"]["numpy"] != "1.99.0"


def test_another_code_runs_nothing():
    other = {**identity(None), "code of harness": "dirHash:0"}
    assert do_task(task("a/b", identity=other, unlike=True))["kind"] == "unlike"


class Unpicklable(Exception):  # noqa: N818 - an error of somebody's project
    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()


def test_an_error_that_cannot_be_pickled_is_its_text(monkeypatch):
    from harness.core.system.executors import child

    def fail(_item):
        raise Unpicklable("a lens is missing")

    monkeypatch.setattr(child, "function_of", lambda *_: fail)
    error = unpickled(do_task(task("a/b"))["error"])
    assert (type(error), str(error)) == (RuntimeError, "Unpicklable: a lens is missing")
