"""Importing what a reference ``module:attribute`` names."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from harness.core.errors import DependencyError, UsageError


def load_reference(reference: str) -> Any:
    """Import a module and return the attribute that *reference*, ``module:attribute``, names.

    Raises
    ------
    UsageError
        If there is no such module or attribute, or the module is part of Python itself: ``os:system`` is not
        something that a field of science offers.
    DependencyError
        If the module needs a package that is not installed.
    """
    module, _, attribute = reference.partition(":")
    if is_standard_library(module):
        raise _bad_reference(reference, f"{module}, which is part of Python itself")
    if not all(part.isidentifier() for part in module.split(".")):
        raise _bad_reference(reference, f"{module!r}, which is not the name of a module")
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        # The reference is wrong if the missing module is the one it names, or a package around it. Any other
        # missing module is something that the named module imports.
        if error.name and not f"{module}.".startswith(f"{error.name}."):
            raise missing_package(reference, error.name) from error
        raise _bad_reference(reference, f"no module {error.name}") from error
    try:
        return getattr(loaded, attribute)
    except AttributeError as error:
        raise _bad_reference(reference, str(error)) from error


def is_standard_library(module: object) -> bool:
    """Whether *module* is the name of a module of Python itself.

    >>> is_standard_library("os.path"), is_standard_library("lattice")
    (True, False)
    """
    return isinstance(module, str) and module.partition(".")[0] in sys.stdlib_module_names


def missing_package(thing: str, package: str) -> DependencyError:
    """Error that names the package that *thing* needs, and how to install it."""
    return DependencyError(
        thing,
        expected=f"the package {package}",
        found="it is not installed",
        message=f"{thing} needs the package {package}, which is not installed",
        remedy="Install it: `pip install 'golden-harness[ptycho]'` installs all that ptychography needs.",
    )


def _bad_reference(reference: str, found: str) -> UsageError:
    return UsageError(
        f"reference {reference!r}",
        expected="module:attribute",
        found=found,
        remedy="Correct it where it is declared.",
    )
