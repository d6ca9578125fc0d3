"""Detect continuous integration (CI), where golden files are not written."""

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
_FALSE = frozenset({"", "0", "false", "no", "off", "n", "f"})


def ci_variable(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the name of the first environment variable that is set by CI, or None.

    >>> ci_variable({"CI": "false", "GITLAB_CI": "true"})
    'GITLAB_CI'
    """
    values = os.environ if environment is None else environment
    return next((name for name in VARIABLES if values.get(name, "").strip().lower() not in _FALSE), None)


def require_not_ci(
    thing: str = "golden files",
    rule: str = "golden files are not written",
    remedy: str = "Re-record locally and commit.",
) -> None:
    """Raise :class:`UsageError` in CI, where golden files must not be written, nor objects removed."""
    variable = ci_variable()
    if variable is not None:
        raise UsageError(
            thing,
            expected="no continuous integration",
            found=f"continuous integration ({variable} is set)",
            message=f"{rule} in CI ({variable} is set)",
            remedy=remedy,
        )
