"""Which domains there are, and what a reference ``module:attribute`` stands for.

Installed packages register a :class:`~harness.core.domain.interface.Domain` under the entry point group
``harness.domains``; a project adds its own in pyproject.toml::

    [tool.harness]
    faults = "mypackage.faults:FAULTS"

    [tool.harness.generators]
    lattice = "mypackage.fixtures:lattice"
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from harness.core.domain.fault import Fault
from harness.core.domain.interface import Domain
from harness.core.domain.specimen import Specimen
from harness.core.errors import DependencyError, UsageError
from harness.core.storage.json_limits import Fault as Flaw
from harness.core.storage.json_limits import disguise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from harness.core.domain.interface import CheckReport

Item = TypeVar("Item", Fault, Specimen)

_MAX_TOML = 1 << 20
_GROUP = "harness.domains"
_LISTS = ("faults", "specimens")
_TABLES = tuple(field.name for field in fields(Domain) if field.name not in {"name", *_LISTS})


class _Tables(msgspec.Struct, forbid_unknown_fields=True):
    """``[tool.harness]``: references by name; tables of faults and specimens; where source files are."""

    generators: dict[str, str] = {}
    pipelines: dict[str, str] = {}
    checks: dict[str, str] = {}
    faults: str | tuple[str, ...] = ()
    specimens: str | tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class _Tools(msgspec.Struct):
    harness: _Tables = msgspec.field(default_factory=_Tables)


class _PyProject(msgspec.Struct):
    """As much of a pyproject.toml as is read here."""

    tool: _Tools = msgspec.field(default_factory=_Tools)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All domains' tables merged, a project's own last, so that it may replace an entry by name."""

    generators: Mapping[str, str]
    pipelines: Mapping[str, str]
    checks: Mapping[str, str]
    faults: tuple[str, ...] = ()
    specimens: tuple[str, ...] = ()

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

    def load_checks(self) -> dict[str, Callable[..., CheckReport]]:
        """Every check by name; errors as :meth:`load`."""
        return {name: self.load("checks", name) for name in self.checks}

    def load_faults(self) -> tuple[Fault, ...]:
        """Every fault of every table; one whose number is known replaces it.

        Raises
        ------
        UsageError
            If a reference leads nowhere, or to something else than faults.
        DependencyError
            If importing it needs a package that is not installed.
        """
        return tuple({fault.id: fault for fault in _listed(self.faults, Fault)}.values())

    def load_specimens(self) -> tuple[Specimen, ...]:
        """Every specimen of every table; errors as :meth:`load_faults`."""
        return tuple({item.name: item for item in _listed(self.specimens, Specimen)}.values())


def find_catalogue(root: Path | None = None) -> Catalogue:
    """Merge what installed packages and the project at *root* offer.

    Raises
    ------
    UsageError
        If the project's pyproject.toml is no TOML, or its table is not as above.
    UsageError, DependencyError
        As :func:`load_reference`, if an installed domain cannot be imported.
    """
    domains = [load_reference(point.value) for point in metadata.entry_points(group=_GROUP)]
    if root is not None:
        domains.append(_project_domain(root))
    generators, pipelines, checks = (
        {name: reference for domain in domains for name, reference in getattr(domain, table).items()}
        for table in _TABLES
    )
    faults, specimens = (
        tuple(reference for domain in domains for reference in getattr(domain, name)) for name in _LISTS
    )
    return Catalogue(generators, pipelines, checks, faults, specimens)


def source_places(root: Path) -> tuple[Path, ...]:
    """Directories and files where the project at *root* says that its sources are.

    Raises
    ------
    UsageError
        As :func:`find_catalogue`.
    """
    path = root / "pyproject.toml"
    listed = _read_tables(path).sources if path.is_file() else ()
    return tuple(root / place for place in listed)


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
        if error.name and not f"{module}.".startswith(f"{error.name}."):
            raise missing_package(reference, error.name) from error
        raise _no_such(reference, f"no module {error.name}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise _no_such(reference, str(error)) from error


def missing_package(thing: str, package: str) -> DependencyError:
    """Error that says which package *thing* needs and how to install it."""
    return DependencyError(
        thing,
        expected=f"the package {package}",
        found="it is not installed",
        remedy="Install it: `pip install 'golden-harness[ptycho]'` brings all that ptychography needs.",
    )


def _listed(references: Sequence[str], kind: type[Item]) -> Iterator[Item]:
    """Every item of the tables that *references* name."""
    for reference in references:
        table = load_reference(reference)
        if not isinstance(table, Sequence) or not all(isinstance(item, kind) for item in table):
            raise UsageError(
                f"reference {reference!r}",
                expected=f"a list or tuple of {kind.__module__}.{kind.__name__}",
                found=type(table).__name__,
                remedy="Correct it where it is declared.",
            )
        yield from table


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
    tables = _read_tables(path) if path.is_file() else _Tables()
    if tables != _Tables() and str(root) not in sys.path:
        sys.path.insert(0, str(root))
    found = {name: getattr(tables, name) for name in (*_TABLES, *_LISTS)}
    lists = {name: (found[name],) if isinstance(found[name], str) else found[name] for name in _LISTS}
    return Domain("project", **{**found, **lists})


def _read_tables(path: Path) -> _Tables:
    try:
        return msgspec.convert(_read_toml(path), _PyProject).tool.harness
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{path}: [tool.harness]",
            expected=f"the tables {', '.join(_TABLES)}, each of names and references, a list of sources, "
            "and one or more references to faults and specimens",
            found=str(error),
            remedy="Correct the entry.",
        ) from error


def _read_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_TOML + 1)
    except OSError as error:
        raise _no_toml(path, Flaw(error.strerror or str(error))) from error
    if len(data) > _MAX_TOML:
        raise _no_toml(path, Flaw(f"more than {_MAX_TOML} bytes"))
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:  # among them all that the parser and the decoder raise
        raise _no_toml(path, disguise(data) or Flaw(str(error))) from error


def _no_toml(path: Path, fault: Flaw) -> UsageError:
    return UsageError(
        str(path),
        expected="a TOML document",
        found=fault.found,
        remedy=fault.remedy or "Correct the file.",
    )
