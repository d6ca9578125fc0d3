"""Golden files follow their tests: the test of a renamed golden file, and what a renamed test left behind."""

from __future__ import annotations

import functools
import re
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness.core.errors import HarnessError
from harness.core.fixtures.manifest import read_manifest
from harness.core.registry.golden_names import name_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from pathlib import Path

    from harness.core.fixtures.manifest import Generator
    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project

_MOST_READ = 50  # manifests, to find equal content


class Renaming(NamedTuple):
    """What to rename, as ``harness mv`` takes it: names of golden files, or files of test modules."""

    old: str
    new: str


def renamed_test(root: Path, generator: Generator, old: str, new: str) -> Generator:
    """Return the generator of a fixture that is called *new* instead of *old*.

    A test names its golden fixture by its own name, so that its new name follows from *new*. If there is no
    such test, or another function made the fixture, *generator* is returned as it is.

    Parameters
    ----------
    root : Path
        Root of the project.
    generator : Generator
    old, new : str
        Names of the fixture: ``tests/test_waves/test_power``.
    """
    test = _new_id(root, str(generator.test), old, new) if generator.is_test else None
    if test is None:
        return generator
    file, _, name = test.partition("::")
    place, module = (root / file).parent, (root / file).stem
    while (place / "__init__.py").is_file() and place != root:
        place, module = place.parent, f"{place.name}.{module}"
    function = name.partition("[")[0].rpartition("::")[2]
    path = place.relative_to(root).as_posix()
    return msgspec.structs.replace(generator, test=test, call=f"{module}:{function}", path=path)


def _new_id(root: Path, test: str, old: str, new: str) -> str | None:
    """Return the id of the test that *new* is named after; None if there is none."""
    file, _, rest = test.partition("::")
    plain, bracket, parameters = rest.partition("[")
    known, before, after = (
        [*file.removesuffix(".py").split("/"), *plain.split("::")],
        old.split("/"),
        new.split("/"),
    )
    checks = len(before) - len(known)  # the names of several checks in one test follow
    suffix = before[len(known) - 1].removeprefix(known[-1]) if checks >= 0 else None
    body = after[: len(after) - checks] if checks >= 0 else []
    if before[: len(known) - 1] != known[:-1] or suffix is None or not body or not body[-1].endswith(suffix):
        return None
    function = body[-1].removesuffix(suffix)
    for end in range(len(body) - 1, 0, -1):
        found = f"{'/'.join(body[:end])}.py"
        if (root / found).is_file():
            names = "::".join([*body[end:-1], function])
            is_there = _defines(root / found, function)
            return f"{found}::{names}{bracket}{parameters}" if is_there else None
    return None


def find_renaming(
    project: Project,
    entries: Mapping[str, Entry],
    path: str,
    *,
    digest: str | None = None,
    used: Container[str] = (),
) -> Renaming | None:
    """Return what was probably renamed so that the golden file *path* is missing; None if nothing fits.

    A golden file whose test is gone fits if all of its module is gone and the rest of the name is the same,
    or in the same module, if it has the same content or a similar name. One that is not named after a test
    fits if it has the same content and nothing has used it yet.

    Parameters
    ----------
    project : Project
    entries : mapping of str to Entry
        Of the registry.
    path : str
        As the registry would have it.
    digest : str, optional
        That of the arrays which the test obtained.
    used : container of str, optional
        Paths of golden files that tests have used.
    """
    kind = "fixture" if path.endswith(".npz") else "baseline"
    known = (
        name_of(project, one) for one, entry in entries.items() if entry.kind == kind and one not in used
    )
    left = [name for name in known if not _has_test(project.root, name)]
    missing = _split(project.root, name_of(project, path))
    if missing is None:
        equal = _equal(project, [name for name in left if _split(project.root, name) is None], digest)
        return Renaming(equal[0], name_of(project, path)) if equal else None
    return _moved_module(project.root, left, missing) or _renamed_function(project, left, missing, digest)


class _Parts(NamedTuple):
    """A golden name: the path of the test module without its suffix, and what follows."""

    module: str
    rest: str


def _split(root: Path, name: str) -> _Parts | None:
    """Return the parts of a name whose test module is there; None if there is none."""
    parts = PurePosixPath(name).parts
    for end in range(len(parts) - 1, 0, -1):
        if root.joinpath(*parts[:end]).with_name(f"{parts[end - 1]}.py").is_file():
            return _Parts("/".join(parts[:end]), "/".join(parts[end:]))
    return None


def _has_test(root: Path, name: str) -> bool:
    """Whether the module that *name* begins with is there and has a function that *name* goes on with."""
    found = _split(root, name)
    if found is None:
        return False
    file = root / f"{found.module}.py"
    functions = _functions(file, file.stat().st_mtime_ns)
    return any(part.partition("-")[0].partition(".")[0] in functions for part in found.rest.split("/"))


def _moved_module(root: Path, left: Sequence[str], missing: _Parts) -> Renaming | None:
    """Return the only module that is gone and had a golden file with the same rest of the name."""
    end = f"/{missing.rest}"
    modules = [name.removesuffix(end) for name in left if name.endswith(end) and _split(root, name) is None]
    return Renaming(f"{modules[0]}.py", f"{missing.module}.py") if len(modules) == 1 else None


def _renamed_function(
    project: Project, left: Sequence[str], missing: _Parts, digest: str | None
) -> Renaming | None:
    start = f"{missing.module}/"
    beside = [name for name in left if name.startswith(start)]
    close = get_close_matches(missing.rest, [name.removeprefix(start) for name in beside], n=1, cutoff=0.8)
    old = [*_equal(project, beside, digest), *(f"{start}{rest}" for rest in close)]
    return Renaming(old[0], f"{start}{missing.rest}") if old else None


def _equal(project: Project, names: Sequence[str], digest: str | None) -> list[str]:
    """Return those of the first names whose arrays have the digest."""
    return [name for name in names[:_MOST_READ] if digest and _digest(project, name) == digest]


def _digest(project: Project, name: str) -> str | None:
    try:
        return read_manifest(project.golden / f"{name}.json").digest
    except HarnessError:
        return None


def _defines(file: Path, function: str) -> bool:
    return function in _functions(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1024)
def _functions(file: Path, _changed: int) -> frozenset[str]:
    """Return the names of all functions that a module defines, by its text."""
    return frozenset(re.findall(r"\bdef (\w+)\(", file.read_text("utf-8", errors="replace")))
