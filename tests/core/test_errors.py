"""Every error is one message with four parts, and keeps its class and parts in another process."""

from __future__ import annotations

import json
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core import errors
from harness.core.errors import HarnessError, RefusedError, error_from_parts, error_to_parts, printable

PARTS = {"expected": "a file", "found": "none", "remedy": "Restore it."}
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HarnessError)]
BROKEN_RULES = {
    "RefusedError",
    "GoldenMissingError",
    "DegenerateError",
    "SourceMissingError",
    "RemakeError",
    "NondeterministicError",
}


class NarrowError(RefusedError):
    """A domain's own error, with parameters and an attribute of its own."""

    def __init__(self, key: str, *, count: int) -> None:
        self.count = count
        super().__init__(key, expected=f"{count} values", found="none", remedy="Add them.")


# What a user reads


def test_the_message_has_all_four_parts_and_the_attributes_keep_them():
    error = HarnessError("golden/a.npz", **PARTS)
    assert str(error) == "golden/a.npz: expected a file, found none. Restore it."
    assert (error.thing, error.expected, error.found, error.remedy) == ("golden/a.npz", *PARTS.values())


def test_a_plain_message_replaces_expected_and_found_in_the_text_alone():
    error = HarnessError("stage 'train'", **PARTS, message="stage 'train' timed out after 45 s")
    assert str(error) == "stage 'train' timed out after 45 s. Restore it."
    assert (error.thing, error.expected, error.found) == ("stage 'train'", "a file", "none")


@pytest.mark.parametrize("message", [None, "it failed"])
def test_an_error_without_a_remedy_ends_with_its_sentence(message):
    error = HarnessError("a", expected="b", found="c", remedy="", message=message)
    assert str(error) == ("a: expected b, found c." if message is None else "it failed.")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_exit_code_is_one_for_a_broken_rule_and_two_for_other_errors(kind):
    assert kind("thing", **PARTS).exit_code == (1 if kind.__name__ in BROKEN_RULES else 2)


@given(st.text())
def test_any_text_becomes_one_printable_line(text):
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text if text.isprintable() and len(text) <= 1000 else True


@pytest.mark.parametrize(("length", "cut"), [(1000, False), (1001, True)])
def test_long_text_is_cut_in_the_middle(length, cut):
    """The start names the thing, and the end often says what is wrong with it."""
    text = "a" + "-" * (length - 2) + "z"
    shown = printable(text)
    assert (shown != text) == cut
    assert (shown[0], shown[-1], len(shown) <= 1005) == ("a", "z", True)


@pytest.mark.parametrize("part", ["thing", "expected", "found", "remedy", "message"])
def test_no_part_reaches_a_terminal_unescaped(part):
    """Names and values of a damaged file may be in any of them."""
    parts = {"thing": "a", **PARTS, part: "\x1b[2J\n"}
    assert "\\x1b[2J\\n" in str(HarnessError(parts.pop("thing"), **parts))
    assert str(HarnessError("a", **PARTS, message="\x1b[2J\n")).isprintable()


# Through a pool, by pickle


@pytest.mark.parametrize("error", [RefusedError("a", **PARTS), NarrowError("key", count=3)], ids=repr)
def test_pickle_keeps_class_message_and_attributes(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_an_error_in_a_pools_worker_is_raised_in_its_parent():
    with ProcessPoolExecutor(1) as pool, pytest.raises(HarnessError) as caught:
        pool.submit(_open_nothing).result()
    assert caught.value.thing == "/nowhere.npz"
    assert "No such file" in caught.value.found


def _open_nothing() -> None:
    from harness.core.storage.npz import read_archive

    read_archive("/nowhere.npz")


# From a child process, by JSON


def sent(error: HarnessError) -> HarnessError:
    """The error after its way through a pipe."""
    return error_from_parts(json.loads(json.dumps(error_to_parts(error))))


@pytest.mark.parametrize("message", [None, "it failed"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_error_is_the_same_in_another_process(kind, message):
    error = kind("thing", **PARTS, message=message)
    again = sent(error)
    assert type(again) is kind
    assert (str(again), vars(again), again.exit_code) == (str(error), vars(error), error.exit_code)


@given(st.text(), st.text(), st.text(), st.text(), st.none() | st.text())
def test_any_parts_are_the_same_in_another_process(thing, expected, found, remedy, message):
    error = HarnessError(thing, expected=expected, found=found, remedy=remedy, message=message)
    assert (str(sent(error)), vars(sent(error))) == (str(error), vars(error))


def test_a_class_with_its_own_constructor_is_rebuilt_without_calling_it():
    again = sent(NarrowError("key", count=3))
    assert type(again) is NarrowError
    assert str(again) == "key: expected 3 values, found none. Add them."
    assert not hasattr(again, "count")


@pytest.mark.parametrize("code", [1, 2])
def test_an_unknown_class_becomes_the_base_class_with_its_exit_code(code):
    parts = error_to_parts(RefusedError("a", **PARTS)) | {"kind": "elsewhere.OwnError", "exit_code": code}
    error = error_from_parts(parts)
    assert type(error) is HarnessError
    assert (error.exit_code, str(error)) == (code, "a: expected a file, found none. Restore it.")
    assert HarnessError.exit_code == 2


@pytest.mark.parametrize(
    "kind",
    ["antigravity.Error", "builtins.SystemExit", "os.system", "HarnessError", "", None, 3, ["harness"]],
)
def test_a_name_runs_and_imports_nothing(kind):
    """Only subclasses that this process has loaded are known; any other name is just a name."""
    sys.modules.pop("antigravity", None)
    error = error_from_parts({"kind": kind, "exit_code": 2, "thing": "a", **PARTS})
    assert type(error) is HarnessError
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("parts", [{}, {"exit_code": "1"}, {"thing": None, "message": 3, "remedy": ["a"]}])
def test_parts_that_no_error_has_are_an_error_still(parts):
    """A child that reports nonsense has failed, and its parent fails with it, by exit code 2."""
    error = error_from_parts(parts)
    assert type(error) is HarnessError
    assert error.exit_code == 2
    assert str(error)
