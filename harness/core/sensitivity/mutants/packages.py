"""The packages of the extra ``mutants``, which are imported only when mutants are made."""

from __future__ import annotations

import importlib
from typing import Any

from harness.core.errors import DependencyError


def require_module(name: str) -> Any:
    """Return a module of cosmic-ray or coverage.

    Raises
    ------
    DependencyError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("_", "-")
        raise DependencyError(
            package,
            expected="an installed package, for mutants",
            found="none",
            message=f"--mutants needs {package}, which cannot be imported",
            remedy="Install it: `pip install 'golden-harness[mutants]'`.",
        ) from error


def require_packages() -> None:
    """Raise :class:`DependencyError` unless all of them are installed."""
    for name in ("cosmic_ray.mutating", "cosmic_ray.operators.provider", "coverage"):
        require_module(name)
