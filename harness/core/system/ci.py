"""Whether this is a continuous-integration run, where nothing golden may be written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = (
    "CI",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "BUILDKITE",
    "CIRCLECI",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
)
_NO = frozenset({"", "0", "false", "no", "off", "n", "f"})


def ci_variable(environment: Mapping[str, str] | None = None) -> str | None:
    """Name of the first variable that says CI; None where none does. ``CI=false`` is not CI."""
    values = os.environ if environment is None else environment
    return next((name for name in VARIABLES if values.get(name, "").strip().lower() not in _NO), None)


def require_not_ci() -> None:
    """Raise :class:`UsageError` where golden files must not be written, because a variable says CI."""
    variable = ci_variable()
    if variable is not None:
        raise UsageError(
            "writing golden files",
            expected="a person who looks at them",
            found=f"continuous integration ({variable} is set)",
            remedy="Record them on your machine and commit them.",
        )
