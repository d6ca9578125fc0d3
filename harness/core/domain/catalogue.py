"""All generators, pipelines, checks, faults, specimens and figures that are available, by name.

Installed packages register a :class:`~harness.core.domain.interface.Domain` under the entry point group
``harness.domains``; a project adds its own in pyproject.toml (:mod:`harness.core.domain.settings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar

from harness.core.domain.import_path import use_import_path
from harness.core.domain.interface import Fault, Specimen
from harness.core.domain.references import load_reference
from harness.core.domain.settings import project_domain
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.core.data_files import DataFiles
    from harness.core.domain.interface import CheckReport, Comparison, Domain
    from harness.core.domain.panels import PanelFunction

Item = TypeVar("Item", Fault, Specimen)

_GROUP = "harness.domains"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The merged tables of all domains; the project's own entries replace others of the same name.

    What the project at ``root`` declares, the references ``own``, is code of the project. When the first of
    it is loaded, the project's import places are put in front of ``sys.path``, for the life of the process.
    Until then no module of the project can be imported by accident instead of an installed one.
    """

    generators: Mapping[str, str]
    pipelines: Mapping[str, str]
    checks: Mapping[str, str]
    corrections: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    specimens: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    engines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    engine: str = ""
    comparison: str = ""
    root: Path | None = field(default=None, compare=False)
    own: Collection[str] = field(default=frozenset(), compare=False)

    def load(self, table: str, name: str) -> Any:
        """Import and return the entry *name* of *table*, such as ``generators`` or ``checks``.

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
        if table == "pipelines" and name in self.engines:
            return self._load_engine(name)
        return self._load(entries[name])

    def _load_engine(self, name: str) -> Any:
        """Have the pipeline of an engine made, by the domain that knows its settings."""
        if not self.engine:
            raise UsageError(
                f"engine {name!r}",
                expected="an installed domain that runs programs",
                found="none",
                remedy="Install it: `pip install 'golden-harness[ptycho]'` runs those of ptychography.",
            )
        return self._load(self.engine)(name, self.engines[name], self.root)

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
        return tuple({fault.id: fault for fault in self._listed(self.faults, Fault)}.values())

    def load_specimens(self) -> tuple[Specimen, ...]:
        """Import every specimen of every list. Raises as :meth:`load_faults`."""
        return tuple({item.name: item for item in self._listed(self.specimens, Specimen)}.values())

    def load_measure(self, reference: str) -> Callable[..., Mapping[str, float]]:
        """Import and return a declared function that measures metrics again.

        Raises
        ------
        UsageError
            If no domain declares it, or it does not name anything.
        DependencyError
            If importing it needs a package that is not installed.
        """
        if reference not in self.measures:
            raise UsageError(
                f"measure {reference!r}",
                expected="a function that a domain or pyproject.toml declares",
                found="none of that name, so it was not called",
                remedy="If you trust it, list it in pyproject.toml, [tool.harness] measures.",
            )
        return self._load(reference)  # type: ignore[no-any-return]

    def load_panels(self) -> dict[str, PanelFunction]:
        """Import every function that describes figures; return them by reference.

        Raises
        ------
        UsageError
            If a reference does not name anything, or names something that cannot be called.
        DependencyError
            If importing it needs a package that is not installed.
        """
        loaded = {reference: self._load(reference) for reference in self.panels}
        for reference, function in loaded.items():
            if not callable(function):
                raise UsageError(
                    f"reference {reference!r}",
                    expected="a function that returns panels",
                    found=type(function).__name__,
                    remedy="Correct it where it is declared.",
                )
        return loaded

    def load_comparison(self) -> Comparison:
        """Import and return how pipelines are compared.

        Raises
        ------
        UsageError
            No installed domain says so.
        DependencyError
            If importing it needs a package that is not installed.
        """
        if not self.comparison:
            raise UsageError(
                "harness engines",
                expected="an installed domain that says how its pipelines are compared",
                found="none",
                remedy="Install one: `pip install 'golden-harness[ptycho]'` compares those of ptychography.",
            )
        return self._load(self.comparison)  # type: ignore[no-any-return]

    def load_files(self) -> tuple[DataFiles, ...]:
        """Import and return what reads the files of each domain. Raises as :meth:`load`."""
        return tuple(self._load(reference) for reference in self.files)

    def _load(self, reference: str) -> Any:
        if reference in self.own and self.root is not None:
            use_import_path(self.root)
        return load_reference(reference)

    def _listed(self, references: Sequence[str], kind: type[Item]) -> Iterator[Item]:
        """Every item of the lists that *references* name."""
        for reference in references:
            items = self._load(reference)
            if not isinstance(items, Sequence) or not all(isinstance(item, kind) for item in items):
                raise UsageError(
                    f"reference {reference!r}",
                    expected=f"a list or tuple of {kind.__module__}.{kind.__name__}",
                    found=type(items).__name__,
                    remedy="Correct it where it is declared.",
                )
            yield from items


def find_catalogue(root: Path | None = None) -> Catalogue:
    """Merge what installed packages and the project at *root* offer.

    Nothing of the project is imported; without *root*, the catalogue has only what is installed.

    Raises
    ------
    UsageError
        If the project's pyproject.toml is not valid TOML, or its [tool.harness] table is wrong.
    UsageError, DependencyError
        As :func:`~harness.core.domain.references.load_reference`, if an installed domain cannot be imported.
    """
    domains: list[Domain] = [load_reference(point.value) for point in metadata.entry_points(group=_GROUP)]
    own = project_domain(root) if root is not None else None
    if own is not None:
        domains.append(own)
    engines = {name: table for domain in domains for name, table in domain.engines.items()}
    engine = next((domain.engine for domain in reversed(domains) if domain.engine), "")
    return Catalogue(
        generators=_merged(domain.generators for domain in domains),
        pipelines=_merged((*(domain.pipelines for domain in domains), dict.fromkeys(engines, engine))),
        checks=_merged(domain.checks for domain in domains),
        corrections=_merged(domain.corrections for domain in domains),
        faults=tuple(reference for domain in domains for reference in domain.faults),
        specimens=tuple(reference for domain in domains for reference in domain.specimens),
        measures=tuple(reference for domain in domains for reference in domain.measures),
        panels=tuple(reference for domain in domains for reference in domain.panels),
        files=tuple(reference for domain in domains for reference in domain.files),
        engines=engines,
        engine=engine,
        comparison=next((domain.comparison for domain in reversed(domains) if domain.comparison), ""),
        root=root,
        own=_references(own) if own is not None else frozenset(),
    )


def _references(domain: Domain) -> frozenset[str]:
    tables = (domain.generators, domain.pipelines, domain.checks, domain.corrections)
    named = (reference for table in tables for reference in table.values())
    return frozenset(
        (*named, *domain.faults, *domain.specimens, *domain.measures, *domain.panels, *domain.files)
    )


def _merged(tables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {name: reference for table in tables for name, reference in table.items()}
