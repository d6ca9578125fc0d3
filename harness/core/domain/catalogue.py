"""All generators, pipelines, checks, faults and specimens that are available, by name.

Installed packages register a :class:`~harness.core.domain.interface.Domain` under the entry point group
``harness.domains``; a project adds its own in pyproject.toml (:mod:`harness.core.domain.settings`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar

from harness.core.domain.interface import Fault, Specimen
from harness.core.domain.references import load_reference
from harness.core.domain.settings import project_domain
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.core.domain.interface import CheckReport, Domain

Item = TypeVar("Item", Fault, Specimen)

_GROUP = "harness.domains"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The merged tables of all domains; the project's own entries replace others of the same name."""

    generators: Mapping[str, str]
    pipelines: Mapping[str, str]
    checks: Mapping[str, str]
    faults: tuple[str, ...] = ()
    specimens: tuple[str, ...] = ()

    def load(self, table: str, name: str) -> Any:
        """Import and return the entry *name* of *table* (``generators``, ``pipelines`` or ``checks``).

        Raises
        ------
        UsageError
            If the table has no such name, or the reference does not name anything.
        DependencyError
            If importing it needs a package that is not installed.
        """
        entries: Mapping[str, str] = getattr(self, table)
        if name not in entries:
            raise UsageError(
                f"{table.removesuffix('s')} {name!r}",
                expected=f"one of {', '.join(sorted(entries))}"
                if entries
                else "an installed domain that has it",
                found="no such name",
                remedy="Correct the name, or add it under [tool.harness] in pyproject.toml.",
            )
        return load_reference(entries[name])

    def load_checks(self) -> dict[str, Callable[..., CheckReport]]:
        """Import every check; return them by name. Raises as :meth:`load`."""
        return {name: self.load("checks", name) for name in self.checks}

    def load_faults(self) -> tuple[Fault, ...]:
        """Import every fault of every list; a later one replaces an earlier one with the same id.

        Raises
        ------
        UsageError
            If a reference does not name anything, or names something other than a list of faults.
        DependencyError
            If importing it needs a package that is not installed.
        """
        # A dict keeps the place of the first entry with a key, and the value of the last.
        return tuple({fault.id: fault for fault in _listed(self.faults, Fault)}.values())

    def load_specimens(self) -> tuple[Specimen, ...]:
        """Import every specimen of every list. Raises as :meth:`load_faults`."""
        return tuple({item.name: item for item in _listed(self.specimens, Specimen)}.values())


def find_catalogue(root: Path | None = None) -> Catalogue:
    """Merge what installed packages and the project at *root* offer.

    If the project declares anything, *root* is put first on ``sys.path``, so that its references can be
    imported as they can be under pytest. It stays there for the life of the process.

    Raises
    ------
    UsageError
        If the project's pyproject.toml is not valid TOML, or its [tool.harness] table is wrong.
    UsageError, DependencyError
        As :func:`~harness.core.domain.references.load_reference`, if an installed domain cannot be imported.
    """
    domains: list[Domain] = [load_reference(point.value) for point in metadata.entry_points(group=_GROUP)]
    if root is not None and (own := project_domain(root)) is not None:
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        domains.append(own)
    return Catalogue(
        generators=_merged(domain.generators for domain in domains),
        pipelines=_merged(domain.pipelines for domain in domains),
        checks=_merged(domain.checks for domain in domains),
        faults=tuple(reference for domain in domains for reference in domain.faults),
        specimens=tuple(reference for domain in domains for reference in domain.specimens),
    )


def _merged(tables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {name: reference for table in tables for name, reference in table.items()}


def _listed(references: Sequence[str], kind: type[Item]) -> Iterator[Item]:
    """Every item of the lists that *references* name."""
    for reference in references:
        items = load_reference(reference)
        if not isinstance(items, Sequence) or not all(isinstance(item, kind) for item in items):
            raise UsageError(
                f"reference {reference!r}",
                expected=f"a list or tuple of {kind.__module__}.{kind.__name__}",
                found=type(items).__name__,
                remedy="Correct it where it is declared.",
            )
        yield from items
