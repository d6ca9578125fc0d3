"""Reading a project's ``[tool.harness]`` table from pyproject.toml.

::

    [tool.harness]
    faults = "mypackage.faults:FAULTS"
    panels = "mypackage.figures:spectra"
    sources = ["../shared/data"]
    contract = "docs/contract.md"
    optional = ["theirs"]
    store = "s3://bucket/prefix"

    [tool.harness.generators]
    lattice = "mypackage.fixtures:lattice"

    [tool.harness.engines.theirs]
    reconstruct = "their-program {fixture} {output}"

References are ``module:attribute``; paths are relative to the project's root. Settings of an engine are
handed to the domain that knows them. Optional pipelines have a baseline, and run where what they need is
installed.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.domain.interface import Domain
from harness.core.errors import UsageError
from harness.core.storage.json_limits import JsonProblem, content_problem
from harness.core.storage.project import require_inner
from harness.core.storage.pytest_settings import find_pytest_settings

if TYPE_CHECKING:
    from pathlib import Path

_MAX_TOML = 1 << 20
_LISTS = ("faults", "specimens", "measures", "panels", "files")
_TABLES = tuple(
    field.name for field in fields(Domain) if field.name not in {"name", "engine", "comparison", *_LISTS}
)


class _Tables(msgspec.Struct, forbid_unknown_fields=True):
    """``[tool.harness]``: references by name or in lists, settings of engines, names, paths."""

    generators: dict[str, str] = {}
    pipelines: dict[str, str] = {}
    checks: dict[str, str] = {}
    corrections: dict[str, str] = {}
    engines: dict[str, dict[str, Any]] = {}
    faults: str | tuple[str, ...] = ()
    specimens: str | tuple[str, ...] = ()
    measures: str | tuple[str, ...] = ()
    panels: str | tuple[str, ...] = ()
    files: str | tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    contract: str = ""
    store: Any = None  # this and the next are checked where they are used: core/storage/remote/settings.py
    store_timeout: Any = None


class _Tools(msgspec.Struct):
    harness: _Tables = msgspec.field(default_factory=_Tables)


class _PyProject(msgspec.Struct):
    """The part of pyproject.toml that is read here; everything else in it is ignored."""

    tool: _Tools = msgspec.field(default_factory=_Tools)


def project_domain(root: Path) -> Domain | None:
    """Return what the project at *root* declares in pyproject.toml; None if it declares nothing.

    Raises
    ------
    UsageError
        If pyproject.toml is not valid TOML, or [tool.harness] has an unknown key or a wrong value.
    """
    tables = _read_tables(root)
    if tables == _Tables():
        return None
    _require_one_meaning(root, tables)
    found = {name: getattr(tables, name) for name in (*_TABLES, *_LISTS)}
    lists = {name: (found[name],) if isinstance(found[name], str) else found[name] for name in _LISTS}
    return Domain("project", **{**found, **lists})


def _require_one_meaning(root: Path, tables: _Tables) -> None:
    for name in sorted(tables.engines.keys() & tables.pipelines.keys()):
        raise UsageError(
            f"{root / 'pyproject.toml'}: [tool.harness] {name}",
            expected="a pipeline or an engine of this name",
            found="both",
            remedy="Rename one of them.",
        )


def source_places(root: Path) -> tuple[Path, ...]:
    """Directories and files where the project at *root* keeps its source files, in the order it lists them.

    Raises
    ------
    UsageError
        As :func:`project_domain`.
    """
    return tuple(root / place for place in _read_tables(root).sources)


def optional_pipelines(root: Path) -> tuple[str, ...]:
    """Names of the pipelines that the project at *root* runs only where what they need is installed.

    Raises
    ------
    UsageError
        As :func:`project_domain`.
    """
    return _read_tables(root).optional


def pytest_pythonpath(root: Path) -> tuple[Path, ...]:
    """Directories that pytest puts on the import path of the project at *root*: its key ``pythonpath``.

    Raises
    ------
    UnreadableError
        If pytest's configuration may have the key and cannot be read.
    """
    found = find_pytest_settings(root, "pythonpath")
    value = found.values.get("pythonpath", ())
    listed = shlex.split(value) if isinstance(value, str) else value
    if found.file is None or not isinstance(listed, (list, tuple)):
        return ()
    return tuple(found.file.parent / str(entry) for entry in listed)


def _read_tables(root: Path) -> _Tables:
    path = root / "pyproject.toml"
    if not path.is_file():
        return _Tables()
    try:
        return msgspec.convert(read_toml(path), _PyProject).tool.harness
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{path}: [tool.harness]",
            expected=f"tables {', '.join(_TABLES)}, lists of sources and of optional pipelines, "
            "references to faults, specimens, measures and panels, and a store",
            found=str(error),
            remedy="Correct the entry.",
        ) from error


def contract_page(root: Path) -> Path | None:
    """Return the page that says what the project's datasets must have, for publications; None without one.

    Raises
    ------
    UsageError
        As :func:`project_domain`; also if there is no such file in the project.
    """
    name = _read_tables(root).contract
    if not name:
        return None
    require_inner(name)
    if not (root / name).is_file():
        raise UsageError(
            f"{root / 'pyproject.toml'}: [tool.harness] contract",
            expected="the path of a file in the project",
            found=f"{name!r}, where no file is",
            remedy="Correct the entry.",
        )
    return root / name


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises
    ------
    UsageError
        If it is not one, is too large, or cannot be read.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_TOML + 1)
    except OSError as error:
        raise _not_toml(path, JsonProblem(error.strerror or str(error))) from error
    if len(data) > _MAX_TOML:
        raise _not_toml(path, JsonProblem(f"more than {_MAX_TOML} bytes"))
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:  # includes every error of the parser and of the decoder
        raise _not_toml(path, content_problem(data) or JsonProblem(str(error))) from error


def _not_toml(path: Path, problem: JsonProblem) -> UsageError:
    return UsageError(
        str(path),
        expected="a TOML document",
        found=problem.found,
        remedy=problem.remedy or "Correct the file.",
    )
