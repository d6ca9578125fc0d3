"""Which environment variables mean continuous integration."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.core.system.ci import VARIABLES, ci_variable, require_not_ci


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("value", ["true", "1", "yes", "http://localhost:8080", "2025.1"])
def test_any_value_that_is_not_false_means_ci(name, value):
    """Each variable alone is enough."""
    assert ci_variable({name: value}) == name


@pytest.mark.parametrize("value", ["", "0", "false", "False", " FALSE ", "no", "off"])
def test_a_false_value_does_not_mean_ci(value):
    assert ci_variable(dict.fromkeys(VARIABLES, value)) is None
    assert ci_variable({}) is None


def test_the_error_names_the_variable_and_the_next_step(monkeypatch):
    require_not_ci()
    monkeypatch.setenv("GITLAB_CI", "true")
    with pytest.raises(UsageError, match=r"GITLAB_CI is set.*Re-record locally and commit"):
        require_not_ci()
