"""A package that a format needs, imported when it is used; if it is missing, one error names its extra."""

from __future__ import annotations

from typing import Any

from harness.core.system.packages import require_module


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
    return require_module(module, f"for {what}", f"golden-harness[{extra}]")
