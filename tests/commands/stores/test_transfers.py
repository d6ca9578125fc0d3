"""What verbs about a store print, and how they end."""

from __future__ import annotations

import pytest

from harness.commands.stores.transfers import counted_bytes, exit_code, require_none_of, size_text
from harness.core.errors import RefusedError, UnreadableError, UsageError
from harness.core.storage.remote.store import ObjectMissingError


def error(kind):
    return kind("a", expected="b", found="c", remedy="D.")


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ((), 0),
        ((ObjectMissingError, RefusedError), 1),
        ((UnreadableError,), 2),
        ((ObjectMissingError, UnreadableError), 2),
    ],
)
def test_what_is_not_certain_ends_with_2(kinds, code):
    assert exit_code({str(number): error(kind) for number, kind in enumerate(kinds)}) == code


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (1000, "1.0 kB"), (2.5e9, "2.5 GB"), (5e15, "5000.0 TB")]
)
def test_sizes(size, text):
    assert size_text(int(size)) == text


def test_off_a_terminal_nothing_is_shown(capsys):
    with counted_bytes("fetch", 10**10) as add:
        add(5)
    assert capsys.readouterr() == ("", "")


def test_an_option_without_a_meaning_is_refused():
    require_none_of({"--missing": False}, "harness fetch SOURCE")
    with pytest.raises(UsageError, match="--missing has no meaning for `harness fetch SOURCE`"):
        require_none_of({"--missing": True}, "harness fetch SOURCE")
