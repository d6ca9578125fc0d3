"""A package that is missing is one error, which names the extra that installs it."""

import json

import pytest

from harness.core.errors import DependencyError
from harness.ptycho.files.package import needed_module


def test_a_module_is_imported():
    assert needed_module("json", "notes") is json


@pytest.mark.parametrize(("extra", "named"), [((), "files"), (("ptycho",), "ptycho")])
def test_a_missing_one_names_its_extra(extra, named):
    with pytest.raises(DependencyError) as caught:
        needed_module("no_such_package.io", "notes", *extra)
    assert str(caught.value) == (
        "no_such_package is needed for notes and cannot be imported. "
        f"Install it: `pip install 'golden-harness[{named}]'`."
    )
