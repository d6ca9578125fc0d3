"""Which function a manifest's generator may name, and how that function is called.

A manifest is data: a clone brings it. The function that it names is imported only if a domain or
pyproject.toml declares it, or if its module is a file of the project; it must be a plain Python function. So
``os:system`` never runs, whatever a manifest says.
"""

from __future__ import annotations

import importlib
import inspect
import os
from types import FunctionType
from typing import TYPE_CHECKING, Any

from harness.core.domain.catalogue import find_catalogue
from harness.core.domain.import_path import find_module, import_places, is_inside
from harness.core.domain.references import is_standard_library, missing_package
from harness.core.errors import NotImportableError
from harness.core.fixtures.fixture import Fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.core.fixtures.manifest import Generator

_CORRECT = (
    "Correct the module, or the name in its Generator(...) and record the fixture again with "
    "`pytest --force-regen`."
)


def load_recorded(generator: Generator, root: Path) -> Callable[..., Fixture]:
    """Import and return the function that a manifest's *generator* names.

    Call it inside :func:`harness.core.domain.import_path.importing`, with the path of *generator*.

    Raises
    ------
    NotImportableError
        If the function is neither declared nor the project's own, is not a plain function, or cannot be
        imported.
    DependencyError
        If importing it needs a package that is not installed.
    """
    module, _, attribute = generator.call.partition(":")
    file = _own_file(generator, module, root)
    if file is None:
        _require_declared(generator.call, root, f"its module {module!r} is not a file of the project")
    loaded = _imported(generator.call, module)
    own = file is not None and _is_same_file(getattr(loaded, "__file__", None), file)
    if file is not None and not own:
        found = f"its module {module!r} is imported from elsewhere, not from {file}"
        _require_declared(generator.call, root, found)
    if not attribute.isidentifier():
        raise _not_imported(
            generator.call,
            f"{attribute!r} is not a name at the top level of module {module}",
            "Move the generator to the top level of a module, and name it so in its Generator(...).",
        )
    function = getattr(loaded, attribute, None)
    if function is None:
        raise _not_imported(generator.call, f"module {module} has no attribute {attribute!r}")
    plain = inspect.unwrap(function)
    home = getattr(plain, "__module__", None)
    found = f"{attribute!r} is not a function that module {module!r} defines"
    if not isinstance(plain, FunctionType) or is_standard_library(home):
        raise _refused(generator.call, found, can_be_declared=False)
    if own and home != module:  # a declared function may be another module's, imported into this one
        _require_declared(generator.call, root, found)
    return function  # type: ignore[no-any-return]


def call_with(function: Callable[..., Fixture], arguments: dict[str, Any]) -> Fixture:
    """Call *function* with arguments by name, also those that it takes by position only.

    Raises
    ------
    NotImportableError
        If it returns anything but a fixture.
    """
    names = inspect.signature(function).parameters
    first = [name for name, p in names.items() if p.kind is p.POSITIONAL_ONLY and name in arguments]
    rest = {name: value for name, value in arguments.items() if name not in first}
    made = function(*(arguments[name] for name in first), **rest)
    if isinstance(made, Fixture):
        return made
    raise NotImportableError(
        f"the result of {getattr(function, '__name__', function)}()",
        expected="a Fixture, as harness.make_fixture returns it",
        found=f"a value of the type {type(made).__name__}",
        remedy="Name a function in the Generator(...) that returns the fixture.",
    )


def _own_file(generator: Generator, module: str, root: Path) -> Path | None:
    path = generator.path if isinstance(generator.path, str) else None
    file = find_module(module, import_places(root, path))
    return file if file is not None and is_inside(file, root) else None


def _require_declared(call: str, root: Path, found: str) -> None:
    """Raise unless a table of generators has *call*, or an installed list of faults is in the same module.

    The faults of a generator are generators with a bug, which `harness sensitivity` calls in the same way.
    """
    catalogue = find_catalogue(root)
    modules = {reference.partition(":")[0] for reference in catalogue.faults}
    module = call.partition(":")[0]
    of_python = is_standard_library(module)
    if of_python or not (call in catalogue.generators.values() or module in modules):
        raise _refused(call, found, can_be_declared=not of_python)


def _imported(call: str, module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not f"{module}.".startswith(f"{error.name}."):
            raise missing_package(f"generator {call!r}", error.name) from error
        raise _not_imported(call, f"no module {error.name}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a test module may be skipped on import, or call sys.exit()
        raise _not_imported(call, f"{type(error).__name__}: {error}") from error


def _is_same_file(one: object, other: Path) -> bool:
    return isinstance(one, str) and os.path.realpath(one) == os.path.realpath(other)


def _not_imported(call: str, found: str, remedy: str = _CORRECT) -> NotImportableError:
    return NotImportableError(
        f"generator {call!r}",
        expected="a function that can be imported",
        found=found,
        message=f"generator {call!r} cannot be imported: {found}",
        remedy=remedy,
    )


def _refused(call: str, found: str, *, can_be_declared: bool = True) -> NotImportableError:
    return NotImportableError(
        f"generator {call!r}",
        expected="a function of the project, or one that a domain declares",
        found=found,
        message=f"generator {call!r} is not run: {found}, and no domain declares it",
        remedy="If you trust it, list it in pyproject.toml under [tool.harness.generators]."
        if can_be_declared
        else "Restore the manifest, or make the generator a function of the project.",
    )
