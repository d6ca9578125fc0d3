"""Every refusal is one message with four parts, and survives a process boundary."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

from harness.core.errors import (
    DependencyError,
    HarnessError,
    RefusedError,
    StaleFormatError,
    UnreadableError,
    UsageError,
)

PARTS = {"expected": "a file", "found": "none", "remedy": "Restore it."}


class NarrowError(RefusedError):
    """A domain's own refusal, with a signature and an attribute of its own."""

    def __init__(self, key: str, *, count: int) -> None:
        self.count = count
        super().__init__(key, expected=f"{count} values", found="none", remedy="Add them.")


def refuse(key: str, count: int) -> None:
    raise NarrowError(key, count=count)


def test_the_message_holds_all_four_parts_and_the_attributes_keep_them():
    error = HarnessError("golden/a.npz", **PARTS)
    assert str(error) == "golden/a.npz: expected a file, found none. Restore it."
    assert (error.thing, error.expected, error.found, error.remedy) == ("golden/a.npz", *PARTS.values())


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (RefusedError, 1),
        (UnreadableError, 2),
        (UsageError, 2),
        (StaleFormatError, 2),
        (DependencyError, 2),
    ],
)
def test_exit_code_is_one_for_a_broken_rule_and_two_for_no_answer(kind, code):
    assert issubclass(kind, HarnessError)
    assert kind("thing", **PARTS).exit_code == code


@pytest.mark.parametrize("error", [UnreadableError("a", **PARTS), NarrowError("key", count=3)], ids=repr)
def test_pickle_keeps_type_message_and_attributes(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_child_process_hands_its_refusal_on():
    """A pool's worker raises, and the parent catches the same refusal, with its parts."""
    with ProcessPoolExecutor(1) as pool, pytest.raises(HarnessError) as caught:
        pool.submit(_open_nothing).result()
    assert caught.value.thing == "/nowhere.npz"
    assert "No such file" in caught.value.found


def _open_nothing() -> None:
    from harness.core.storage.npz import read_archive

    read_archive("/nowhere.npz")
