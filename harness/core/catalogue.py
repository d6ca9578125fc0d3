"""Which domains there are, and what a reference ``module:attribute`` stands for.

Installed packages register a :class:`~harness.core.domain.Domain` under the entry point group
``harness.domains``; a project adds its own in pyproject.toml::

    [tool.harness.generators]
    lattice = "mypackage.fixtures:lattice"
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, fields
from importlib import metadata
from typing import TYPE_CHECKING, Any

from harness.core.domain import Domain
from harness.core.errors import DependencyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_GROUP = "harness.domains"
_TABLES = tuple(field.name for field in fields(Domain) if field.name != "name")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All domains' tables merged, a project's own last, so that it may replace an entry by name."""

    generators: Mapping[str, str]
    pipelines: Mapping[str, str]
    checks: Mapping[str, str]
    faults: Mapping[str, str]

    def load(self, table: str, name: str) -> Any:
        """The object that *name* stands for in *table*.

        Raises
        ------
        UsageError
            If the table has no such name, or the reference leads nowhere.
        DependencyError
            If importing it needs a package that is not installed.
        """
        entries: Mapping[str, str] = getattr(self, table)
        if name not in entries:
            raise UsageError(
                f"{table.removesuffix('s')} {name!r}",
                expected=f"one of {', '.join(sorted(entries)) or 'none: no domain is installed'}",
                found="no such name",
                remedy="Correct the name, or add it under [tool.harness] in pyproject.toml.",
            )
        return load_reference(entries[name])


def find_catalogue(root: Path | None = None) -> Catalogue:
    """Merge what installed packages and the project at *root* offer."""
    domains = [point.load() for point in metadata.entry_points(group=_GROUP)]
    if root is not None:
        domains.append(_project_domain(root))
    return Catalogue(*({k: v for domain in domains for k, v in getattr(domain, t).items()} for t in _TABLES))


def load_reference(reference: str) -> Any:
    """Import what ``module:attribute`` names.

    Raises
    ------
    UsageError
        If there is no such module or attribute.
    DependencyError
        If the module needs a package that is not installed.
    """
    module, _, attribute = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise missing_package(reference, error.name) from error
        raise _no_such(reference, f"no module {error.name}") from error
    except (AttributeError, ValueError) as error:
        raise _no_such(reference, str(error)) from error


def missing_package(thing: str, package: str) -> DependencyError:
    """Error that says which package *thing* needs and how to install it."""
    return DependencyError(
        thing,
        expected=f"the package {package}",
        found="it is not installed",
        remedy="Install it: `pip install 'golden-harness[ptycho]'` brings all that ptychography needs.",
    )


def _no_such(reference: str, found: str) -> UsageError:
    return UsageError(
        f"reference {reference!r}",
        expected="module:attribute",
        found=found,
        remedy="Correct it where it is declared.",
    )


def _project_domain(root: Path) -> Domain:
    """The project's own table, with its root importable as pytest makes it."""
    path = root / "pyproject.toml"
    table = _read_toml(path).get("tool", {}).get("harness", {}) if path.is_file() else {}
    unknown = sorted(set(table) - set(_TABLES))
    if unknown:
        raise UsageError(
            f"{path}: [tool.harness]",
            expected=f"keys among {', '.join(_TABLES)}",
            found=", ".join(unknown),
            remedy="Correct the key.",
        )
    if table and str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return Domain("project", **table)


def _read_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            str(path), expected="a TOML document", found=str(error), remedy="Correct the file."
        ) from error
