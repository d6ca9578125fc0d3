"""References ``module:attribute`` are imported; a wrong one is refused, and a missing package is named."""

from __future__ import annotations

import pytest

from harness.core.domain.references import load_reference, missing_package
from harness.core.errors import DependencyError, UsageError


def test_a_reference_loads_the_attribute_that_it_names(module):
    module("named", "value = [3]\n")
    assert load_reference("named:value") == [3]


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("no_such_module:a", "no module no_such_module"),
        ("present.inner:a", "no module present.inner"),
        ("present:b", "has no attribute 'b'"),
        ("present", "no attribute ''"),
        ("", "'', which is not the name of a module"),
        (":a", "'', which is not the name of a module"),
        (".present:a", "'.present', which is not the name of a module"),
        ("present.py:a", "no module present.py"),
        ("pre-sent:a", "'pre-sent', which is not the name of a module"),
    ],
)
def test_a_reference_to_nothing_is_refused(module, reference, found):
    module("present", "a = 3\n")
    with pytest.raises(UsageError) as caught:
        load_reference(reference)
    assert repr(reference) in caught.value.thing
    assert found in caught.value.found


@pytest.mark.parametrize("error", ["ValueError", "TypeError", "AttributeError", "SystemExit"])
def test_an_error_of_the_module_itself_is_not_taken_for_a_wrong_reference(module, error):
    """Its traceback shows where it is."""
    module("broken", f"raise {error}('3')\n")
    with pytest.raises(BaseException, match="3") as caught:
        load_reference("broken:make")
    assert type(caught.value).__name__ == error


@pytest.mark.parametrize("missing", ["no_such_package", "torchles"])
def test_a_package_that_the_module_imports_is_named_with_the_command_that_installs_it(module, missing):
    """Also if the module's own name begins with that of the missing package."""
    module("torchless", f"import {missing}\n")
    with pytest.raises(DependencyError, match="pip install") as caught:
        load_reference("torchless:make")
    assert caught.value.expected == f"the package {missing}"


def test_a_missing_package_reads_as_a_sentence():
    text = str(missing_package("pipeline 'network'", "torch"))
    assert text.startswith(
        "pipeline 'network' needs the package torch, which is not installed. Install it: `pip"
    )
