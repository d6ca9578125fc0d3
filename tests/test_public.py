"""What ``import harness`` offers: names, docstrings, and one example for each."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys

import pytest

import harness
from harness.core import errors

ERRORS = {
    name
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, errors.HarnessError)
}
EXAMPLES = sorted(set(harness.__all__) - ERRORS | {"HarnessError"})
"""Names that need an example of their own. Other errors differ from ``HarnessError`` only in their cause."""


@pytest.mark.parametrize("name", harness.__all__)
def test_every_public_name_can_be_imported(name):
    """It is an object of that name, from a module below harness.core."""
    found = getattr(harness, name)
    assert found.__name__ == name
    assert found.__module__.startswith("harness.core.")


def test_names_are_listed_once_in_each_place():
    """``__all__``, ``dir`` and the table of modules agree."""
    assert len(set(harness.__all__)) == len(harness.__all__)
    assert set(harness.__all__) == set(harness._MODULE_OF)
    assert dir(harness) == sorted(harness.__all__)


def test_every_error_class_is_public():
    assert set(harness.__all__) >= ERRORS


@pytest.mark.parametrize("name", harness.__all__)
def test_the_first_line_of_every_docstring_stands_alone(name):
    """One sentence on one line, which ends with a full stop; the rest follows after an empty line."""
    first, *rest = inspect.cleandoc(getattr(harness, name).__doc__).splitlines()
    assert first.endswith(".")
    assert rest[:1] in ([], [""])


def examples(name: str) -> doctest.DocTest:
    """The ``>>>`` examples in the docstring of one public name."""
    found = getattr(harness, name)
    return doctest.DocTestParser().get_doctest(
        inspect.cleandoc(found.__doc__), vars(sys.modules[found.__module__]).copy(), name, None, 0
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_docstring_has_an_example_that_runs(name, tmp_path, monkeypatch):
    """In an empty directory; what it prints is what the docstring shows."""
    monkeypatch.chdir(tmp_path)
    example = examples(name)
    assert example.examples, f"{name} has no example"
    shown = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(
        example, out=shown.append
    )
    assert result.failed == 0, "".join(shown)


@pytest.mark.parametrize("name", sorted(ERRORS - {"HarnessError"}))
def test_every_other_error_is_used_like_the_first(name):
    """The same parts make the same text, and the docstring says when it is raised."""
    kind = getattr(harness, name)
    error = kind("a.npz", expected="float32", found="float64", remedy="Convert it.")
    assert str(error) == "a.npz: expected float32, found float64. Convert it."
    assert (error.thing, error.expected, error.found) == ("a.npz", "float32", "float64")
    assert kind.__doc__ != harness.HarnessError.__doc__
    assert kind.__init__ is harness.HarnessError.__init__


def test_unknown_name_is_an_attribute_error():
    """As for any other module."""
    with pytest.raises(AttributeError, match="no attribute 'bogus'"):
        _ = harness.bogus


def test_import_brings_neither_numpy_nor_torch():
    """``import harness`` is light, and asking for its names is what imports them."""
    code = "import sys, harness; print([m for m in ('numpy', 'torch', 'pytest', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
