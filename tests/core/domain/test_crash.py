"""An unexpected error is attributed to the code that raised it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from harness.core.domain.crash import describe_crash, is_of_project
from harness.core.domain.references import load_reference
from harness.core.fixtures.fixture import make_fixture
from harness.core.system.executors.local import in_processes

OPTICS = """
import json
import numpy as np

def fail(*_):
    raise ValueError("the lens is missing")

def fail_in_numpy(*_):
    np.zeros(3).reshape(2, 2)

def fail_in_python(*_):
    json.loads("{")

def leave(*_):
    raise SystemExit

def call(function):
    return function()
"""


def error_of(function, *arguments) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - any error
        function(*arguments)
    return caught.value


def called_by_us(function, *arguments):
    """Call *function* as a verb would: from a module of this package."""
    scope = {"__name__": "harness.commands.example", "function": function, "arguments": arguments}
    return eval("function(*arguments)", scope)  # noqa: S307 - the test's own text


def without_this_test(error: BaseException) -> BaseException:
    """Take the frames of this module from a traceback: in it, this test is neither the project nor ours."""
    begin = error.__traceback__
    while begin.tb_frame.f_globals["__name__"] == __name__:
        begin = begin.tb_next
    return error.with_traceback(begin)


@pytest.fixture
def optics(module):
    module("optics", OPTICS)
    import optics

    return optics


@pytest.mark.parametrize(
    ("name", "raised"),
    [
        ("fail", "ValueError: the lens is missing"),
        ("fail_in_numpy", "ValueError: cannot reshape array of size 3 into shape (2,2)"),
        ("fail_in_python", "JSONDecodeError: "),
        ("leave", "SystemExit ("),
    ],
)
def test_an_error_below_the_project_is_the_projects(optics, name, raised):
    """The message names the last line of the project, and its traceback begins in the project."""
    error = without_this_test(error_of(called_by_us, getattr(optics, name)))
    crash = describe_crash(error)
    assert crash.of_project
    assert crash.message.startswith(f"the project's code raised {raised}")
    assert "optics.py, line " in crash.message
    assert "harness" not in crash.traceback.splitlines()[1]
    assert "optics.py" in crash.traceback.splitlines()[1]


def test_a_call_of_ours_by_the_project_that_fails_is_shown_where_the_project_made_it(optics):
    error = without_this_test(error_of(called_by_us, optics.call, lambda: make_fixture("a", None)))
    assert is_of_project(error)


@pytest.mark.parametrize("function", [lambda: np.zeros(3).reshape(2, 2), lambda: int("x")])
def test_an_error_below_our_own_code_is_a_bug_of_ours(function):
    function = type(function)(function.__code__, {"__name__": "harness.core.example", "np": np})
    crash = describe_crash(without_this_test(error_of(function)))
    assert not crash.of_project
    assert crash.message.startswith("a bug in harness: ValueError: ")


@pytest.mark.parametrize("text", ["raise RuntimeError('no lens')", "def f(:", "import json; json.loads('{')"])
def test_an_error_of_an_import_is_the_projects(module, text):
    """Also one in the spelling of the module, which has no line of code in the traceback."""
    module("lens", f"{text}\n")
    error = without_this_test(error_of(load_reference, "lens:make"))
    assert is_of_project(error)
    assert "lens.py, line 1" in describe_crash(error).message
    sys.modules.pop("lens", None)


def test_an_error_of_another_process_is_the_projects(optics):
    """Its traceback came as text."""
    error = without_this_test(error_of(lambda: dict(in_processes(optics.fail, ["a", "b"], 2))))
    assert "optics.py, line 6" in describe_crash(error).message
    assert "the lens is missing" in describe_crash(error).traceback
