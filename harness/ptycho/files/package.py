"""A package that a format needs, imported when it is used; if it is missing, one error names its extra."""

from __future__ import annotations

import importlib
from typing import Any

from harness.core.errors import DependencyError


def needed_module(module: str, what: str, extra: str = "files") -> Any:
    """Import and return *module*.

    Parameters
    ----------
    module : str
        For example ``scipy.io``; its package is named in the error.
    what : str
        What needs it, in the plural: ``HDF5 files``.
    extra : str
        The extra that installs it.

    Raises
    ------
    DependencyError
        It is not installed.

    Examples
    --------
    >>> needed_module("json", "notes").loads("[1]")
    [1]
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise DependencyError(
            what,
            expected=f"the package {package}",
            found="it is not installed",
            message=f"{what} need the package {package}, which is not installed",
            remedy=f"Install it with `pip install 'golden-harness[{extra}]'`.",
        ) from error
