"""A package that only one verb needs: absent, it is one error that says what to install."""

from __future__ import annotations

import pytest

from harness.core.errors import DependencyError
from harness.core.system.packages import require_module


def test_a_module_that_is_there_is_returned():
    assert require_module("json.decoder", "to read it", "nothing").JSONDecoder


@pytest.mark.parametrize(
    ("requirement", "command"),
    [
        ("PyYAML", "`pip install PyYAML`"),
        ("golden-harness[publish]", "`pip install 'golden-harness[publish]'`"),
    ],
)
def test_a_package_that_is_missing_is_named_with_a_command_for_the_shell(requirement, command):
    with pytest.raises(DependencyError) as caught:
        require_module("no_such_package.part", "to read it", requirement)
    assert str(caught.value) == (
        f"no_such_package is needed to read it and cannot be imported. Install it: {command}."
    )
