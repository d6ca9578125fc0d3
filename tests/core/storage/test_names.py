"""A name is a name on every system; what is a path, reserved or ambiguous somewhere is refused everywhere."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.core.storage.names import (
    MAX_BYTES,
    folded,
    name_problem,
    namesakes,
    require_distinct,
    require_golden_name,
    require_name,
)

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(
    "name",
    [
        "image",
        "Image 2",
        "a.b",
        "-x",
        "console",
        "com",
        "com10",
        "nullable",
        ".a",
        COMPOSED,
        "\u4f4d\u76f8",
        "a" * 200,
    ],
)
def test_names_that_every_system_takes_are_valid(name):
    assert name_problem(name) is None
    require_name("array", name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "an empty part"),
        (3, "the type int, not a string"),
        (None, "the type NoneType, not a string"),
        ("a/b", "the character /"),
        ("a\\b", "the character \\"),
        ("C:x", "the character :"),
        ("a?", "the character ?"),
        ("a\nb", "a character that cannot be printed"),
        ("a\0", "a character that cannot be printed"),
        ("\x1b[31m", "a character that cannot be printed"),
        ("a\u202eb", "a character that cannot be printed"),
        ("\ud800", "a character that cannot be printed"),
        (".", "a part that is '.'"),
        ("..", "a part that is '..'"),
        ("a.", "a space at an end or a dot at the end"),
        ("a ", "a space at an end or a dot at the end"),
        (" a", "a space at an end or a dot at the end"),
        (DECOMPOSED, "characters that are not in Unicode's composed form (NFC)"),
        ("a" * 201, "201 bytes, more than 200"),
        ("\u00e9" * 101, "202 bytes, more than 200"),
    ],
)
def test_other_names_are_refused_with_the_reason(name, problem):
    assert name_problem(name) == problem
    with pytest.raises(UsageError) as caught:
        require_name("array", name)
    assert caught.value.found == problem
    assert str(caught.value).startswith("array name ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stem", ["con", "PRN", "Aux", "nul", "com1", "LPT9", "com\u00b2", "conin$"])
@pytest.mark.parametrize("rest", ["", ".txt", " .a.b"])
def test_names_that_windows_reserves_are_refused(stem, rest):
    assert "Windows" in name_problem(stem + rest)
    assert "Windows" in name_problem(f"{stem}/a", directories=True)


@pytest.mark.parametrize("name", ["sub/name", "a/b/c", "a.b/c"])
def test_names_may_have_directories_where_they_are_allowed(name):
    assert name_problem(name, directories=True) is None
    assert name_problem(name) == "the character /"


@pytest.mark.parametrize(
    "name", ["../x", "a/../b", "a/..", "/a", "a//b", "a/", "./a", "a/.", "a /b", "//a", "a\\..\\b"]
)
def test_no_path_leaves_its_directory(name):
    assert name_problem(name, directories=True) is not None


def test_the_suffix_counts_in_the_length():
    """Of the last part, which is the file's name; each directory has the whole length for itself."""
    longest = "d" * MAX_BYTES + "/" + "a" * (MAX_BYTES - 5)
    assert name_problem(longest, directories=True, suffix=".json") is None
    assert name_problem(longest + "a", directories=True, suffix=".json") == "201 bytes, more than 200"


@pytest.mark.parametrize(
    "name", ["lattice", "Lattice_v1", "sub/name", "a.b/c", "4d-stem", COMPOSED, "\u0928\u093f"]
)
def test_golden_names_are_letters_digits_and_directories(name):
    require_golden_name("fixture", name)


@pytest.mark.parametrize(
    "name", ["a.net", "-a", "_a", ".a", "a b", "a'b", "a$b", "a;b", "a&b", "a~", "sub/-a", ".git/a", "a(b)"]
)
def test_golden_names_need_no_quotes_in_a_command(name):
    with pytest.raises(UsageError, match="use letters, digits, _ and -, and / for directories"):
        require_golden_name("fixture", name)


def test_a_dot_separates_fixture_and_pipeline():
    require_golden_name("baseline", "sub/lattice.net", dots=True)
    with pytest.raises(UsageError, match=r"baseline name 'lattice\.' is not valid"):
        require_golden_name("baseline", "lattice.", dots=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("image", "Image"),
        (COMPOSED, DECOMPOSED),
        ("stra\u00dfe", "STRASSE"),
        ("sub/a", "Sub/b"),
        ("\u00c5", "a\u030a"),
    ],
)
def test_names_that_differ_only_by_case_or_form_are_refused(one, other):
    """Also if only their directories do: on some systems both files would lie in one of them."""
    for known, new in (([], [one, other]), ([one], [other])):
        with pytest.raises(UsageError, match="differ only by case or Unicode form"):
            require_distinct("array", new, known)


def test_names_that_differ_by_more_are_distinct():
    require_distinct("array", ["a", "b", "sub/a", "sub/b", "sub2/a"], ["a", "sub/a", "c"])


def test_old_twins_are_not_refused_for_a_new_name():
    """Nobody can fix the old ones at the moment when another is added."""
    require_distinct("golden file", ["golden/b"], ["golden/A", "golden/a"])


def test_folding_is_stable():
    assert folded("\u0130") == folded(folded("\u0130"))


def test_namesakes_are_listed_once_each_with_the_part_that_differs():
    names = ["golden/a.npz", "golden/A.npz", "Golden/b.npz", "golden/b.npz", "golden/stra\xdfe"]
    assert list(namesakes(names)) == [
        ("golden/A.npz", "golden/A.npz", "golden/a.npz"),
        ("Golden/b.npz", "Golden", "golden"),
    ]
    assert list(namesakes(["golden/STRASSE"], names)) == [
        ("golden/STRASSE", "golden/STRASSE", "golden/stra\xdfe")
    ]
    assert list(namesakes([], names)) == []


@given(st.text())
def test_folding_ascii_is_folding(name):
    """The fast way gives what the slow one does."""
    slow = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    assert folded(name) == slow
