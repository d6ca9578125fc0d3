"""From which directories of a project modules are imported.

They are the same for pytest, its workers, new processes and every verb: the directory that the manifest
records for its generator, then pytest's ``pythonpath``, then the project's root. Nothing outside the project
is added.
"""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.core.domain.settings import pytest_pythonpath

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from harness.core.fixtures.manifest import Generator

_INSTALLED = {"site-packages", "dist-packages"}
_OURS = Path(os.path.realpath(__file__)).parents[2]


def import_places(root: Path, path: str | None = None) -> tuple[Path, ...]:
    """Return the directories of the project at *root* from which modules are imported, the first one first.

    Parameters
    ----------
    root : Path
    path : str, optional
        The directory that a manifest records for its generator, relative to *root*.
    """
    listed = (*((path,) if path is not None else ()), *pytest_pythonpath(root), ".")
    places = dict.fromkeys(Path(os.path.normpath(root / entry)) for entry in listed)
    return tuple(place for place in places if place.is_dir() and is_inside(place, root))


def is_inside(path: Path, root: Path) -> bool:
    """Whether *path*, with links followed, is in the project at *root* and not in an environment there."""
    real, top = Path(os.path.realpath(path)), Path(os.path.realpath(root))
    return real.is_relative_to(top) and not _INSTALLED & set(real.relative_to(top).parts)


def find_module(name: str, places: Iterable[Path]) -> Path | None:
    """Return the source file of a module below one of *places*; no module, not even a parent, is imported."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    for place in places:
        stem = place.joinpath(*parts)
        for file in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
            if file.is_file():
                return file
    return None


def recorded_place(module: str, root: Path, test: Path | None = None) -> str | None:
    """Return the directory from which this process imports *module*, relative to *root*, for a manifest.

    None if the module is not the project's own. The directory of a *test* counts too: pytest may import the
    test under a longer name and leave its directory out of ``sys.path``.
    """
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        places = [Path(entry or Path.cwd()).absolute() for entry in sys.path]
        places += [] if test is None else [test.parent.absolute()]
        found = find_module(module, (place for place in places if is_inside(place, root)))
    else:
        found = Path(file).absolute()
    if found is None or not is_inside(found, root):
        return None
    above = len(module.split(".")) - (found.name != "__init__.py")
    place = found.parents[above]
    # pytest may import a test module under a name that is not its path, which no other process can import.
    if find_module(module, [place]) != found or not is_inside(place, root):
        return None
    return Path(os.path.relpath(os.path.realpath(place), os.path.realpath(root))).as_posix()


def with_import_place(generator: Generator, root: Path, test: Path | None = None) -> Generator:
    """Return *generator* with the directory from which its module is imported, to be recorded.

    A generator that is itself a test has it already: pytest may import its module under another name.

    Parameters
    ----------
    generator : Generator
    root : Path
    test : Path, optional
        The file of the test that checks what the generator made.
    """
    if generator.is_test:
        return generator
    place = recorded_place(generator.call.partition(":")[0], root, test)
    return msgspec.structs.replace(generator, path=msgspec.UNSET if place is None else place)


def use_import_path(root: Path) -> None:
    """Put the import places of the project at *root* in front of ``sys.path``, for good."""
    _put_in_front(import_places(root))


@contextmanager
def importing(root: Path, path: str | None = None) -> Iterator[None]:
    """Import from the project at *root*, as the manifest that records *path* asks, while the block runs.

    Modules that an earlier block imported from another directory of the project under a name that now names
    another file are imported again.
    """
    before = sys.path.copy()
    places = import_places(root, path)
    _put_in_front(places)
    _forget_conflicting(places, root)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before


def _put_in_front(places: Iterable[Path]) -> None:
    front = [str(place) for place in places]
    sys.path[:] = [*front, *(entry for entry in sys.path if entry not in front)]


def _forget_conflicting(places: tuple[Path, ...], root: Path) -> None:
    """Forget all modules of the project if one of them would now be imported from another file."""
    own = {name: module for name, module in sys.modules.items() if _is_own(module, root)}
    if any(_moves(name, module, places) for name, module in own.items()):
        for name in own:
            del sys.modules[name]


def _is_own(module: ModuleType, root: Path) -> bool:
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or getattr(module, "__name__", "") == "__main__":
        return False
    # This package may itself be the project; its classes must stay the ones that this process uses.
    return is_inside(Path(file), root) and not Path(os.path.realpath(file)).is_relative_to(_OURS)


def _moves(name: str, module: ModuleType, places: tuple[Path, ...]) -> bool:
    found = find_module(name, places)
    return found is not None and os.path.realpath(found) != os.path.realpath(str(module.__file__))
