"""Packages that only some verbs need: imported there, and named by one error if they are absent."""

from __future__ import annotations

import importlib
import shlex
from typing import Any

from harness.core.errors import DependencyError


def require_module(name: str, purpose: str, requirement: str) -> Any:
    """Return a module of a package that may not be installed.

    Parameters
    ----------
    name : str
        The module, with the packages around it.
    purpose : str
        What it is needed for: ``to read a mask``, ``for mutants``.
    requirement : str
        What pip is to install.

    Raises
    ------
    DependencyError
        If it cannot be imported.

    Examples
    --------
    >>> require_module("no_such_package", "to read a mask", "golden-harness[masks]")
    Traceback (most recent call last):
    harness.core.errors.DependencyError: no_such_package is needed to read a mask and cannot be imported. \
Install it: `pip install 'golden-harness[masks]'`.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise DependencyError(
            package,
            expected=f"an installed package, {purpose}",
            found="none",
            message=f"{package} is needed {purpose} and cannot be imported",
            remedy=f"Install it: `pip install {shlex.quote(requirement)}`.",
        ) from error
