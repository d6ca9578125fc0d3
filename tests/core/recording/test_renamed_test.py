"""A test's new id follows from the new name of its golden fixture, if there is such a test."""

from __future__ import annotations

import pytest

from harness.core.fixtures.manifest import Generator
from harness.core.recording.renamed_test import renamed_test

OLD = Generator("test_a:test_old", 1, path="tests", test="tests/test_a.py::test_old")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "tests" / "deep" / "__init__.py").touch()
    text = "def test_new(x):\n    pass\n\nclass TestB:\n    def test_method(self): pass\n"
    for name in ("tests/test_a.py", "tests/deep/test_b.py"):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("test", "old", "new", "expected"),
    [
        ("test_old", "test_a/test_old", "test_a/test_new", "tests/test_a.py::test_new"),
        ("test_old", "test_a/test_old", "deep/test_b/test_new", "tests/deep/test_b.py::test_new"),
        ("test_old", "test_a/test_old", "test_a/TestB/test_method", "tests/test_a.py::TestB::test_method"),
        ("test_old", "test_a/test_old/far", "test_a/test_new/far", "tests/test_a.py::test_new"),
        ("test_old", "test_a/test_old/far", "test_a/test_new/near", "tests/test_a.py::test_new"),
        ("test_old[6-x]", "test_a/test_old-6-x", "test_a/test_new-6-x", "tests/test_a.py::test_new[6-x]"),
    ],
)
def test_the_new_id_is_found(root, test, old, new, expected):
    generator = Generator("test_a:test_old", 1, path="tests", test=f"tests/test_a.py::{test}")
    assert renamed_test(root, generator, f"tests/{old}", f"tests/{new}").test == expected


def test_the_call_is_that_of_the_new_test(root):
    found = renamed_test(root, OLD, "tests/test_a/test_old", "tests/deep/test_b/test_new")
    assert (found.call, found.path) == ("deep.test_b:test_new", "tests")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tests/test_a/test_old", "tests/test_a/test_missing"),
        ("tests/test_a/test_old", "tests/test_c/test_new"),
        ("tests/test_a/test_old", "spectrum"),
        ("spectrum", "tests/test_a/test_new"),
        ("tests/test_a/test_old/far", "test_new"),
    ],
)
def test_without_such_a_test_nothing_changes(root, old, new):
    assert renamed_test(root, OLD, old, new) is OLD


def test_another_generator_stays(root):
    generator = Generator("test_a:test_old", 1)
    assert renamed_test(root, generator, "tests/test_a/test_old", "tests/test_a/test_new") is generator
