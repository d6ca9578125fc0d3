"""What counts as continuous integration."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.core.system.ci import VARIABLES, ci_variable, require_not_ci


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("value", ["true", "1", "yes", "http://localhost:8080", "2025.1"])
def test_any_value_that_is_no_no_says_ci(name, value):
    """Each of the known variables alone is enough."""
    assert ci_variable({name: value}) == name


@pytest.mark.parametrize("value", ["", "0", "false", "False", " FALSE ", "no", "off"])
def test_booleans_are_parsed(value):
    """A variable that says no is no CI."""
    assert ci_variable(dict.fromkeys(VARIABLES, value)) is None
    assert ci_variable({}) is None


def test_refusal_names_the_variable(monkeypatch):
    """The error says which variable it was, and what to do instead."""
    require_not_ci()
    monkeypatch.setenv("GITLAB_CI", "true")
    with pytest.raises(UsageError, match=r"GITLAB_CI is set.*Re-record locally and commit"):
        require_not_ci()
